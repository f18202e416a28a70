"""Decoded frames and when each is shown: what its timestamps say, or the best that can be made of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Generic, TypeVar

T = TypeVar("T")

# Frames with one time that are held until a later one tells how to spread them.
_HELD = 32


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

    A frame without a timestamp follows its predecessor after that one's duration, or `period` seconds. Frames that
    come at their predecessor's time or before it are spread evenly up to the next later time, `period` apart at most.
    """
    guess, held, last = BestEffort(), list[Timed[T]](), None
    following: Fraction | None = None
    for item in frames:
        time = guess.time(item.pts, item.dts)
        if time is None:
            time = Fraction(0) if last is None else following
        assert time is not None
        timed = Timed(item.frame, time, item.duration)
        if last is None or time > last:
            yield from _spread(held, last, time, period)
            held = []
            yield timed
            last, following = time, time + (item.duration or period)
        else:
            held.append(timed)
            following = last + (len(held) + 1) * period
        if len(held) == _HELD:
            assert last is not None
            yield from _spread(held, last, None, period)
            last, held = last + _HELD * period, []
            following = last + period
    yield from _spread(held, last, None, period)


def _spread(
    held: list[Timed[T]], last: Fraction | None, until: Fraction | None, period: Fraction
) -> Iterator[Timed[T]]:
    if last is None or not held:
        return
    step = period if until is None else min(period, (until - last) / (len(held) + 1))
    for number, item in enumerate(held, 1):
        yield Timed(item.frame, last + number * step, item.duration)
