"""How coarse the base of each GOP is, for a quality: the coarsest level whose best step meets the target.

A quick trial at one level tells where each GOP stands; the base is then coded as the file will hold it, each GOP at
its own level, and judged; where a GOP looks worse than it may, or bits can be won, the base is coded once more.
Every segment is searched by itself, so that the same frames become the same bytes whatever lies around them.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import ClassVar

from codec.base.av1 import levels_may_change
from codec.base.level import StreamLevels
from codec.control.allocation import Allocation, standings
from codec.control.based import BasedGop
from codec.control.curves import crf_for
from codec.control.segment_coder import Coding, SegmentCoder
from codec.events import BaseChosen, Event
from codec.goals import USUAL_CRF
from codec.video.cutting import Segment

MOST_CODED = 3
# In tolerances: a GOP may miss the target by so much before the base is coded again, and all of them on average by so
# much. And the share of its bits that must be won for that.
GOP_SLACK, MEAN_SLACK = 0.85, 0.35
WORTHWHILE = 0.05
# Where one level serves all GOPs, the worst of them may miss by so much.
WORST_SLACK = 0.5
HALF_SIZE_CRF = 66.0
_TRIAL, _CODED = 0.35, 0.75


@dataclass(frozen=True)
class Ladder:
    """The levels that a prior's base may have: the finest and the coarsest CRF for each picture scale."""

    ends: Mapping[int, tuple[float, float]]

    @classmethod
    def of(cls, levels: Sequence[tuple[int, float]]) -> Ladder:
        """From (scale, crf) pairs, in any order."""
        scales = {scale for scale, _ in levels}
        crfs = {scale: [crf for other, crf in levels if other == scale] for scale in scales}
        return cls({scale: (min(values), max(values)) for scale, values in crfs.items()})

    def clamp(self, crf: float, scale: int) -> float:
        """The nearest level there is, in quarters."""
        low, high = self.ends[scale]
        return min(max(round(4 * crf) / 4, low), high)

    def is_coarsest(self, crf: float, scale: int) -> bool:
        """Whether no coarser level has pictures of this size."""
        return crf >= self.ends[scale][1] - 0.5


@dataclass(frozen=True)
class QualitySearch:
    """Finds the levels of one segment after the other.

    Attributes:
        each: True holds every GOP near the target, False the mean of each segment only.
    """

    coder: SegmentCoder
    ladder: Ladder
    each: bool
    looks_ahead: ClassVar[bool] = False

    def look_ahead(self, segments: Iterable[Segment], kept_frames: int, kept_bits: int) -> Generator[Event, None, None]:
        """Nothing: every segment is searched by itself."""
        del segments, kept_frames, kept_bits
        yield from ()

    def choose(self, segment: Segment) -> Generator[Event, None, tuple[BasedGop, ...]]:
        """Returns the segment's GOPs over their bases; tells what was chosen and why."""
        trial = yield from self._trial(segment)
        coded: list[Coding] = []
        wanted = self._wanted(trial)
        reason = ""
        while not reason:
            done = (_TRIAL, _CODED) if not coded else (_CODED, 1.0)
            coded.append((yield from self.coder.code(segment, wanted, trial, done)))
            wanted = self._wanted(coded[-1])
            reason = self._end(coded, StreamLevels.nearest(wanted, segment.starts).crfs)
        best = min(coded, key=self._badness)
        everything = (trial, *coded)
        told = tuple(map(self.coder.told, everything))
        yield BaseChosen(segment.gops[0].index, self.coder.told(best), told, reason)
        return self.coder.based(segment, best, everything)

    def _trial(self, segment: Segment) -> Generator[Event, None, Coding]:
        """At the level that is usual for such a target; at half size too where full size can't be coarse enough."""
        goal = self.coder.goal
        usual = self.ladder.clamp(USUAL_CRF - goal.miss(self.coder.target, goal.usual) / goal.per_crf, 1)
        trial = yield from self.coder.trial(segment, usual, 1, (0.0, _TRIAL))
        coarse = [crf_for([judged.point], goal.per_crf) for judged in trial.gops]
        if 2 not in self.ladder.ends or min(coarse) <= self.ladder.ends[1][1]:
            return trial
        half = yield from self.coder.trial(segment, HALF_SIZE_CRF, 2, (_TRIAL / 2, _TRIAL))
        return half if fmean(half.misses) <= 0 else trial

    def _wanted(self, coding: Coding) -> list[float]:
        """The levels that what is known of a coding leads to."""
        allocation = self._allocation(coding)
        if self.each and levels_may_change():
            return allocation.cheapest(0.0)
        if self.each:
            return [allocation.common(WORST_SLACK * self.coder.goal.tolerance)] * len(coding.gops)
        middle = fmean(coding.crfs), fmean(coding.misses)
        return [self.ladder.clamp(crf_for([middle], self.coder.goal.per_crf), coding.scale)] * len(coding.gops)

    def _allocation(self, coding: Coding) -> Allocation:
        low, high = self.ladder.ends[coding.scale]
        known = standings(coding.crfs, coding.bits, coding.misses)
        return Allocation(known, self.coder.goal.per_crf, low, high)

    def _end(self, coded: Sequence[Coding], following: tuple[float, ...]) -> str:
        """Why the search ends here, a sentence; "" where it goes on."""
        count = f"coded {len(coded)} time{'s' if len(coded) > 1 else ''}"
        if self._is_near(coded[-1], following):
            return f"The target is met ({count})."
        if following in {coding.crfs for coding in coded}:
            return f"No other level is nearer to the target ({count})."
        return f"The search is at its end ({count})." if len(coded) == MOST_CODED else ""

    def _is_near(self, coding: Coding, following: Sequence[float]) -> bool:
        """Whether no GOP is too bad and other levels would save next to nothing."""
        tolerance = self.coder.goal.tolerance
        if not self.each:
            return abs(fmean(coding.misses)) <= MEAN_SLACK * tolerance
        saved = 1 - self._allocation(coding).bits(following) / max(sum(coding.bits), 1)
        return self._excess(coding) <= 0 and saved <= WORTHWHILE

    def _badness(self, coding: Coding) -> tuple[float, int]:
        """To compare codings by: how far the GOPs are beyond the tolerance, then what they cost."""
        tolerance = self.coder.goal.tolerance
        if not self.each:
            return max(0.0, abs(fmean(coding.misses)) - MEAN_SLACK * tolerance), sum(coding.bits)
        return max(0.0, self._excess(coding)), sum(coding.bits)

    def _excess(self, coding: Coding) -> float:
        """How much worse than it may the worst GOP looks, or all of them on average; below 0 where that is fine."""
        tolerance = self.coder.goal.tolerance
        return max(max(coding.misses) - GOP_SLACK * tolerance, fmean(coding.misses) - MEAN_SLACK * tolerance)
