"""Where in the whole work a segment's phases lie."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from codec.events import Event, Phase, Stage
from codec.video.cutting import Segment


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

    def place(self, events: Iterable[Event]) -> Iterator[Event]:
        """The same events, shares placed in the whole."""
        for event in events:
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
