"""One controller for one goal, with both knobs: the level of each GOP's base, and the steps that are sent on top."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Protocol

from codec.control.base_levels.based import BasedGop
from codec.control.base_levels.budget_search import BudgetSearch
from codec.control.sent_steps.quality import RateControl
from codec.events import Event
from codec.video.cutting import Segment


class BaseSearch(Protocol):
    """Settles the base of one segment after the other."""

    def choose(self, segment: Segment) -> Generator[Event, None, tuple[BasedGop, ...]]:
        """Returns the segment's GOPs, each with its base and what was measured of it; yields between GOPs, so that a
        caller may stop.
        """
        ...


class WithoutBase:
    """There is no base: every GOP is all the prior's."""

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

    @property
    def ahead(self) -> BudgetSearch | None:
        """The search for the base's levels, where that must see all segments before the first is coded."""
        return self.base if isinstance(self.base, BudgetSearch) else None
