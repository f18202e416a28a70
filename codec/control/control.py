"""One controller for one goal, with both knobs: the level of each GOP's base, and the steps that are sent on top."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass
from typing import ClassVar, Protocol

from codec.control.based import BasedGop
from codec.control.quality import RateControl
from codec.events import Event
from codec.video.cutting import Segment


class BaseSearch(Protocol):
    """Settles the base of one segment after the other.

    Attributes:
        looks_ahead: whether it wants to see all segments before the first is coded.
    """

    looks_ahead: ClassVar[bool]

    def look_ahead(self, segments: Iterable[Segment], kept_frames: int, kept_bits: int) -> Generator[Event, None, None]:
        """See every segment that is still to be coded, where it `looks_ahead`.

        Args:
            kept_frames, kept_bits: what an interrupted run has coded already.
        """
        ...

    def choose(self, segment: Segment) -> Generator[Event, None, tuple[BasedGop, ...]]:
        """Returns the segment's GOPs, each with its base and what was measured of it; yields between GOPs, so that a
        caller may stop.
        """
        ...


class WithoutBase:
    """There is no base: every GOP is all the prior's."""

    looks_ahead: ClassVar[bool] = False

    def look_ahead(self, segments: Iterable[Segment], kept_frames: int, kept_bits: int) -> Generator[Event, None, None]:
        """See `BaseSearch`."""
        del segments, kept_frames, kept_bits
        yield from ()

    def choose(self, segment: Segment) -> Generator[Event, None, tuple[BasedGop, ...]]:
        """See `BaseSearch`."""
        yield from ()
        return tuple(BasedGop(gop) for gop in segment.gops)


@dataclass(frozen=True)
class Control:
    """What an encode asks.

    Attributes:
        base: of the levels.
        steps: of the steps that cost bits, GOP by GOP.
    """

    base: BaseSearch
    steps: RateControl
