"""Decoded frames and when each is shown: what its timestamps say, or the best that can be made of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Generic, TypeVar

T = TypeVar("T")

# Frames with one time that are held until a later one tells how to spread them.
_HELD = 16


@dataclass(frozen=True)
class Stamped(Generic[T]):
    """A decoded frame with what its packet said, in seconds.

    Attributes:
        pts: presentation time, or None.
        dts: decoding time of the packet with which the decoder gave the frame out, or None.
        duration: how long it is shown, 0 where unknown.
    """

    frame: T
    pts: Fraction | None
    dts: Fraction | None
    duration: Fraction


@dataclass(frozen=True)
class Timed(Generic[T]):
    """A frame, when it is shown, and for how long as far as it says so itself (0 where unknown), in seconds."""

    frame: T
    time: Fraction
    duration: Fraction


class BestEffort:
    """The more trustworthy of both timestamps: libavcodec's `guess_correct_pts` (libavcodec/decode.c).

    Some formats (AVI) know decoding times only and have guessed the others; there pts fall more often than dts do.
    """

    def __init__(self) -> None:
        self._faulty = {"pts": 0, "dts": 0}
        self._last: dict[str, Fraction] = {}

    def time(self, pts: Fraction | None, dts: Fraction | None) -> Fraction | None:
        """The presentation time, or None where a frame has no timestamp at all."""
        self._note("dts", dts, pts)
        self._note("pts", pts, dts)
        trusted = self._faulty["pts"] <= self._faulty["dts"] or dts is None
        return pts if trusted and pts is not None else dts

    def _note(self, name: str, value: Fraction | None, other: Fraction | None) -> None:
        if value is not None:
            self._faulty[name] += name in self._last and value <= self._last[name]
            self._last[name] = value
        elif other is not None:
            self._last[name] = other


def present(frames: Iterable[Stamped[T]], period: Fraction) -> Iterator[Timed[T]]:
    """Strictly rising times of frames in the order in which they are shown.

    A frame without a timestamp follows its predecessor after that one's duration, or `period` seconds; the first ones
    without precede the first one with. Frames that come at their predecessor's time or before it are spread evenly up
    to the next later time, `period` apart at most.
    """
    course = _Course[T](period)
    guess = BestEffort()
    for item in frames:
        yield from course.enter(item, guess.time(item.pts, item.dts))
    yield from course.finish()


class _Course(Generic[T]):
    """Frames on their way: those that wait for a later time are held, at most `_HELD` of them."""

    def __init__(self, period: Fraction) -> None:
        self._period = period
        self._held: list[Stamped[T]] = []
        self._last: Fraction | None = None
        self._following = Fraction(0)
        self._steps = [period, period]

    def enter(self, item: Stamped[T], time: Fraction | None) -> Iterator[Timed[T]]:
        if self._last is None:
            yield from self._begin(item, time)
            return
        time = self._following if time is None else time
        if time <= self._last:
            self._held.append(item)
            self._following += self._period
            if len(self._held) == _HELD:
                yield from self._release(None)
            return
        yield from self._release(time)
        yield self._shown(item, time)

    def finish(self) -> Iterator[Timed[T]]:
        if self._last is None and self._held:
            yield from self._backwards(Fraction(0))
        yield from self._release(None)

    def _begin(self, item: Stamped[T], time: Fraction | None) -> Iterator[Timed[T]]:
        if time is None:
            self._held.append(item)
            if len(self._held) == _HELD:
                yield from self._backwards(sum((item.duration or self._period for item in self._held), Fraction(0)))
            return
        yield from self._backwards(time)
        yield self._shown(item, time)

    def _backwards(self, until: Fraction) -> Iterator[Timed[T]]:
        """The held frames, the last of them ending at `until`."""
        time = until - sum((item.duration or self._period for item in self._held), Fraction(0))
        for item in self._held:
            yield self._shown(item, time)
            time += item.duration or self._period
        self._held = []

    def _release(self, until: Fraction | None) -> Iterator[Timed[T]]:
        if self._last is None or not self._held:
            return
        step, begin = self._period, self._last
        if until is not None:
            step = min(step, (until - begin) / (len(self._held) + 1))
        for number, item in enumerate(self._held, 1):
            yield self._shown(item, begin + number * step)
        self._held = []

    def _shown(self, item: Stamped[T], time: Fraction) -> Timed[T]:
        if self._last is not None:
            self._steps = [self._steps[1], time - self._last]
        # Without a duration the pace of the frames before is the best guess; a single long step is a gap.
        self._last, self._following = time, time + (item.duration or min(self._steps))
        return Timed(item.frame, time, item.duration)
