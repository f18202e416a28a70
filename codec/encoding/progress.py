"""Where in the whole work a segment's phases lie."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TypeVar

from codec.events import Event, Phase, Stage
from codec.parallel.units import Message, Returned, Told
from codec.video.cutting import Segment

T = TypeVar("T")


@dataclass
class ProgressScale:
    """Turns shares of a segment's work into shares of all of it.

    Attributes:
        total: frames of the whole video, an estimate; None where nobody knows, and then no share is told.
        low, high: shares of the whole work that lie behind the beginning and the end of what is watched.
        stage: what the phases are told as; None leaves them.
    """

    total: int | None
    low: float
    high: float
    stage: Stage | None = None
    _first: int = 0
    _frames: int = 0

    def watch(self, segments: Iterable[Segment]) -> Iterator[Segment]:
        """The same segments; the one handed out last is the one that is worked on."""
        for segment in segments:
            self._first, self._frames = segment.gops[0].start_frame, len(segment.pixels)
            yield segment

    def place(self, work: Generator[Event, None, T]) -> Generator[Event, None, T]:
        """The same events, shares placed in the whole, and the same value."""
        with closing(work):
            while True:
                try:
                    event = next(work)
                except StopIteration as end:
                    value: T = end.value
                    return value
                yield self.placed(event)

    def placed(self, event: Event) -> Event:
        """One event, its share placed in the whole."""
        if not isinstance(event, Phase):
            return event
        stage = self.stage or event.stage
        if event.done is None or self.total is None:
            return replace(event, stage=stage, done=None)
        frames = self._first + event.done * self._frames
        share = frames / max(self.total, self._first + self._frames)
        return replace(event, stage=stage, done=self.low + (self.high - self.low) * share)


@dataclass
class SharedProgress:
    """As `ProgressScale`, where several segments are worked on at a time.

    Attributes:
        done: frames that need no work any more.
        total: frames of the whole video.
        low, high, stage: as of `ProgressScale`.
    """

    done: int
    total: int
    low: float
    high: float
    stage: Stage | None = None
    _frames: dict[int, int] = field(default_factory=dict)
    _shares: dict[int, float] = field(default_factory=dict)
    _phases: dict[int, Phase] = field(default_factory=dict)

    def watch(self, segments: Iterable[Segment]) -> Iterator[Segment]:
        """The same segments, units 0, 1, 2, ... of the work."""
        for unit, segment in zip(count(), segments):
            self._frames[unit] = len(segment.pixels)
            yield segment

    def placing(self, messages: Generator[Message, None, None]) -> Generator[Message, None, None]:
        """The same messages, shares placed in the whole."""
        with closing(messages):
            for message in messages:
                if isinstance(message, Returned):
                    self._shares[message.unit] = 1.0
                    self._phases.pop(message.unit, None)
                if isinstance(message, Told) and isinstance(message.what, Phase):
                    yield Told(message.unit, self._placed(message.unit, message.what))
                else:
                    yield message

    def _placed(self, unit: int, phase: Phase) -> Phase:
        if phase.done is not None:
            # One that begins again has come no less far.
            self._shares[unit] = max(phase.done, self._shares.get(unit, 0.0))
        self._phases[unit] = phase
        # Words of one segment only, whose turn is next: those of all at once would tell nothing.
        phase = self._phases[min(self._phases)]
        frames = self.done + sum(self._frames[unit] * share for unit, share in self._shares.items())
        share = min(1.0, frames / max(self.total, 1))
        return replace(phase, stage=self.stage or phase.stage, done=self.low + (self.high - self.low) * share)
