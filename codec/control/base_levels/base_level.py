"""How coarse the base of each GOP is, for a quality: the coarsest level whose best step meets the target.

A quick trial at one level tells where each GOP stands; the base is then coded as the file will hold it, each GOP at
its own level, and judged; where a GOP looks worse than it may, or bits can be won, the base is coded once more.
Every segment is searched by itself, so that the same frames become the same bytes whatever lies around them.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from codec.base.av1 import levels_may_change
from codec.base.level import StreamLevels
from codec.control.base_levels.allocation import Allocation, GopHistory
from codec.control.base_levels.based import BasedGop
from codec.control.base_levels.coarseness import coarseness, crf_of
from codec.control.base_levels.curves import crf_for
from codec.control.base_levels.segment_coder import Coding, SegmentCoder, keep_pictures_of
from codec.events import Event
from codec.goals import GoalMetric
from codec.video.cutting import Segment

MOST_CODED = 4
# In tolerances: how much worse than what is wanted a coding may be before the base is coded again, or how far from a
# mean; and how much better. Coding once more takes a third of the time that there is, and better is not wrong.
MEAN_SLACK = 0.35
BETTER_SLACK = 1.0
# What the worst of a segment's GOPs is aimed at, where the mean of them is at the target.
WORST_SLACK = 0.5
HALF_SIZE_CRF = 66.0
FAR = 0.6  # of coarseness
# Shares of a segment's work: the trial, and what each coding leaves of the rest.
_TRIAL, _LEFT = 0.35, 0.4


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

    def allocation(self, codings: Sequence[Coding], goal: GoalMetric) -> Allocation:
        """What codings of one segment say of its GOPs, the last one last."""
        last = codings[-1]
        known = [
            GopHistory(tuple((coding.crfs[number], coding.misses[number]) for coding in codings), last.bits[number])
            for number in range(len(last.gops))
        ]
        return Allocation(known, goal.per_halving, *self.ends[last.scale], WORST_SLACK * goal.tolerance)


@dataclass(frozen=True)
class LevelSearch:
    """Finds the levels of one segment after the other.

    Attributes:
        each: True holds every GOP near the target, False the mean of each segment only.
    """

    coder: SegmentCoder
    ladder: Ladder
    each: bool

    def choose(self, segment: Segment) -> Generator[Event, None, tuple[BasedGop, ...]]:
        """Returns the segment's GOPs over their bases; tells what was chosen and why."""
        trial = yield from self._trial(segment)
        coded: list[Coding] = []
        wanted = self._wanted([trial])
        reason = ""
        while not reason:
            coded.append((yield from self.coder.code(segment, wanted, trial, _span(len(coded)))))
            best = min(coded, key=self._badness)
            coded = keep_pictures_of(best, coded)
            wanted = self._corrected(trial, coded)
            reason = self._end(coded, StreamLevels.nearest(wanted, segment.starts).crfs)
        gops = yield from self.coder.settled(segment, best, (trial, *coded), reason)
        # Of a mean no GOP alone misses anything.
        mean = fmean(best.misses) <= self.coder.goal.tolerance
        return gops if self.each else tuple(gop.reaching(mean) for gop in gops)

    def _trial(self, segment: Segment) -> Generator[Event, None, Coding]:
        """At the level that is usual for such a target; at half size too where full size can't be coarse enough."""
        goal, lines = self.coder.goal, min(segment.pixels.shape[1:3])
        allowed = goal.miss(goal.usual_at(lines), self.coder.target)
        usual = self.ladder.clamp(crf_of(allowed / goal.per_halving), 1)
        halves = 2 in self.ladder.ends
        trial = yield from self.coder.trial(segment, usual, 1, (0.0, _TRIAL / 2 if halves else _TRIAL))
        coarse = [crf_for([judged.point], goal.per_halving) for judged in trial.gops]
        if not halves or min(coarse) <= self.ladder.ends[1][1]:
            return trial
        half = yield from self.coder.trial(segment, self.ladder.clamp(HALF_SIZE_CRF, 2), 2, (_TRIAL / 2, _TRIAL))
        return half if fmean(half.misses) <= 0 else trial

    def _wanted(self, codings: Sequence[Coding]) -> list[float]:
        """The levels that codings of one preset lead to."""
        count = len(codings[-1].gops)
        if self.each and levels_may_change():
            return self.ladder.allocation(codings, self.coder.goal).levels(0.0)
        points = [(fmean(coding.crfs), fmean(coding.misses)) for coding in codings]
        common = crf_for(points, self.coder.goal.per_halving)
        if self.each:
            slack = WORST_SLACK * self.coder.goal.tolerance
            worst = [(coding.crfs[0], max(coding.misses) - slack) for coding in codings]
            common = min(common, crf_for(worst, self.coder.goal.per_halving))
        return [self.ladder.clamp(common, codings[-1].scale)] * count

    def _corrected(self, trial: Coding, coded: Sequence[Coding]) -> list[float]:
        """As `_wanted`; the trial, of another preset, tells something only where it was far away."""
        last = coded[-1]
        apart = fmean(map(coarseness, trial.crfs)) - fmean(map(coarseness, last.crfs))
        far = abs(apart) >= FAR and trial.scale == last.scale
        return self._wanted([trial, *coded] if far else coded)

    def _end(self, coded: Sequence[Coding], following: tuple[float, ...]) -> str:
        """Why the search ends here, a sentence; "" where it goes on."""
        count = f"coded {len(coded)} time{'s' if len(coded) > 1 else ''}"
        if not self._badness(coded[-1])[0]:
            return f"The target is met ({count})."
        if following in {coding.crfs for coding in coded}:
            return f"No level is left to try that was foretold nearer to the target ({count})."
        return f"The search is at its end ({count})." if len(coded) == MOST_CODED else ""

    def _badness(self, coding: Coding) -> tuple[float, int]:
        """To compare codings by: how far they are from what is wanted, then what they cost."""
        tolerance, mean = self.coder.goal.tolerance, fmean(coding.misses)
        if mean < 0 and all(self.ladder.is_coarsest(crf, coding.scale) for crf in coding.crfs):
            mean = 0.0
        if not self.each:
            return max(0.0, abs(mean) - MEAN_SLACK * tolerance), sum(coding.bits)
        # Where GOPs differ much the worst decides, and the mean is better than asked.
        wrong = max(mean, max(coding.misses) - WORST_SLACK * tolerance)
        return max(0.0, wrong - MEAN_SLACK * tolerance, -wrong - BETTER_SLACK * tolerance), sum(coding.bits)


def _span(coded: int) -> tuple[float, float]:
    """The shares of the work before and after one more coding: how many there will be nobody knows."""
    return 1 - (1 - _TRIAL) * _LEFT**coded, 1 - (1 - _TRIAL) * _LEFT ** (coded + 1)
