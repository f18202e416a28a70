"""The levels of one stream's GOPs together, from what is known of each of them.

GOPs of an AV1 stream lean on each other, and most of a segment's bits are its keyframe's. Measured over four clips
(benchmarks/control/controller.py): a level of its own for every GOP, each as coarse as its target allows, took 5 to
26 % more bits at the same mean quality than one level for all, since what a cheap GOP saves is little and what it
loses stays lost for those after it. What pays is the other way: one level for all, and a slightly finer one for the GOP
that would look too bad at it. Only where a GOP is far worse than the others, a fade among still pictures, is it cheaper
to let it have a level of its own than to make the whole segment finer for its sake.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from codec.control.base_levels.coarseness import coarseness
from codec.control.base_levels.curves import COARSER, LevelPoint, bits_at, crf_for, slope_of

SPREAD = 1.0
"""CRF by which levels of one stream usually may differ; more of it cost bits on every clip."""
WIDE_SPREAD = 60.0
"""By which they may where that is cheaper all the same: as far as there are levels."""
LEANING = 2.0
"""What a stream whose levels lie further apart than usual takes, as a multiple of what its levels alone say. 1.05 to
1.26 were measured; but a GOP that is coded finer than those it leans on gains less than they would, so at 1.3 the worst
GOPs of a clip (14, 144 lines) missed their target by up to 0.024 after three codings, for no fewer bits at equal
quality."""
_QUARTER = 0.25


@dataclass(frozen=True)
class GopHistory:
    """What is known of a GOP: (CRF, miss) of what was coded, the last one last, and the bits that one took."""

    points: tuple[LevelPoint, ...]
    bits: float

    def miss(self, crf: float, per_halving: float) -> float:
        """How it is expected to miss at a level: on a line between two that were coded, else on from the nearest."""
        # Of a level that was coded twice, the last word.
        known = dict(self.points)
        levels = sorted(known)
        nearest = min(max(crf, levels[0]), levels[-1])
        between = np.interp(coarseness(nearest), list(map(coarseness, levels)), [known[level] for level in levels])
        return float(between) + slope_of(self.points, per_halving) * (coarseness(crf) - coarseness(nearest))


@dataclass(frozen=True)
class Allocation:
    """The GOPs of one stream and what their levels may be.

    Attributes:
        per_halving: the usual miss for half the bits, as `GoalMetric.per_halving`.
        low, high: the finest and the coarsest level.
        slack: how much worse than on average a GOP may look.
        coarser: how much coarser than what was coded a level may be, in halvings of the bits.
    """

    gops: Sequence[GopHistory]
    per_halving: float
    low: float
    high: float
    slack: float
    coarser: float = COARSER

    def levels(self, allowed: float) -> list[float]:
        """In quarters: the coarsest common level, with finer ones where that is too bad, that misses by no more than
        `allowed` on average; less where the GOPs differ much.
        """
        return min((self._levels(allowed, spread) for spread in (SPREAD, WIDE_SPREAD)), key=self.bits)

    def bits(self, crfs: Sequence[float]) -> float:
        """What the stream takes at these levels, about."""
        known = [gop.points[-1][0] for gop in self.gops]
        rows = zip(self.gops, known, crfs, strict=True)
        alone = sum(bits_at(gop.bits, before, crf) for gop, before, crf in rows)
        return alone * _leaning(crfs) / _leaning(known)

    def _levels(self, allowed: float, spread: float) -> list[float]:
        finest, coarsest = round(self.low / _QUARTER), round(self.high / _QUARTER)
        while finest < coarsest:
            middle = (finest + coarsest + 1) // 2
            crfs = self._with(middle * _QUARTER, allowed, spread)
            if self._mean_miss(crfs) <= allowed:
                finest = middle
            else:
                coarsest = middle - 1
        return self._with(finest * _QUARTER, allowed, spread)

    def _with(self, common: float, allowed: float, spread: float) -> list[float]:
        levels = []
        for gop in self.gops:
            points = [(crf, miss - allowed - self.slack) for crf, miss in gop.points]
            own = crf_for(points, self.per_halving, self.coarser)
            levels.append(max(self.low, min(common, round(own / _QUARTER) * _QUARTER)))
        return [min(level, min(levels) + spread) for level in levels]

    def _mean_miss(self, crfs: Sequence[float]) -> float:
        return fmean(gop.miss(crf, self.per_halving) for gop, crf in zip(self.gops, crfs, strict=True))


def _leaning(crfs: Sequence[float]) -> float:
    return LEANING if max(crfs) - min(crfs) > SPREAD else 1.0
