"""What a few measurements say of a GOP's two knobs: quality over the base's level, and over the restoration's steps.

Pure arithmetic: it knows neither pictures nor networks. Qualities are given as misses: how much worse than the target,
negative where better.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from codec.control.base_levels.coarseness import coarseness, crf_of
from codec.events import Fit
from codec.format.limits import MAX_CRF, MAX_RESTORATION, WHOLE_RESTORATION
from codec.goals import GoalMetric

LevelPoint = tuple[float, float]
"""(CRF, miss)."""

# Of coarseness. A measured slope is noisy (an encoder decides otherwise here and there), so it counts only
# over some distance and within these multiples of the usual one; and no line is followed further than this, finer or
# coarser.
_SLOPES = (0.5, 2.5)
_TELLING = 0.4
_FINER, COARSER = 1.5, 0.8
# Of the restoration's parabola where nothing is measured yet, and the least that is believed, in a unit of the
# metric's usual loss for half the bits: flatter curves have their best step anywhere.
_USUAL_CURVATURE = 0.0028
_LEAST_CURVATURE = 0.0009
_FIT_SPAN = 3.0  # CRF on either side of what was measured, drawn of the curve over bits
_FIT_POINTS = 24


def crf_for(points: Sequence[LevelPoint], per_halving: float, coarser: float = COARSER) -> float:
    """The level at which the miss is expected to be 0.

    Through the nearest points on either side, else from the nearest one on.

    Args:
        points: at least one.
        per_halving: the usual slope, over coarseness.
        coarser: how much coarser than the nearest point it may be.
    """
    places = [(coarseness(crf), miss) for crf, miss in points]
    coarse = min((place for place in places if place[1] > 0), default=None)
    fine = max((place for place in places if place[1] <= 0), default=None)
    if coarse is not None and fine is not None and coarse[0] > fine[0]:
        share = -fine[1] / (coarse[1] - fine[1])
        return crf_of(fine[0] + share * (coarse[0] - fine[0]))
    nearest, miss = min(places, key=lambda place: abs(place[1]))
    return crf_of(nearest + max(-_FINER, min(coarser, -miss / slope_of(points, per_halving))))


def slope_of(points: Sequence[LevelPoint], per_halving: float) -> float:
    """Miss for half the bits: between the outermost points where they are telling, else the usual one."""
    (first, low), (last, high) = min(points), max(points)
    apart = coarseness(last) - coarseness(first)
    if apart < _TELLING:
        return per_halving
    return min(max((high - low) / apart, _SLOPES[0] * per_halving), _SLOPES[1] * per_halving)


def bits_at(bits: float, crf: float, other: float) -> float:
    """What a base that takes `bits` at level `crf` takes at `other`, about."""
    return bits * 2 ** (coarseness(crf) - coarseness(other))


def level_fit(crf: float, bits: float, quality: float, metric: GoalMetric) -> Fit:
    """Quality over the base's bits around one measurement, as both usually change over its levels."""
    low, high = max(crf - _FIT_SPAN, 0.0), min(crf + _FIT_SPAN, MAX_CRF)
    places = [high + (low - high) * n / _FIT_POINTS for n in range(_FIT_POINTS + 1)]
    worse = metric.per_halving if metric.lower_is_better else -metric.per_halving
    here = coarseness(crf)
    points = tuple((bits_at(bits, crf, other), quality + (coarseness(other) - here) * worse) for other in places)
    return Fit("usual levels", points)


@dataclass(frozen=True)
class Parabola:
    """Quality over the restoration's steps: lowest + curvature (step - vertex)^2."""

    vertex: float
    lowest: float
    curvature: float

    def at(self, step: float) -> float:
        """The miss at a step."""
        return self.lowest + self.curvature * (step - self.vertex) ** 2

    @property
    def best(self) -> int:
        """The step with the lowest miss."""
        return round(min(max(self.vertex, 0.0), float(MAX_RESTORATION)))

    def through(self, step: int, miss: float) -> Parabola:
        """Moved up or down to go through a point."""
        return Parabola(self.vertex, self.lowest + miss - self.at(step), self.curvature)


class RestorationCurve:
    """The parabola of GOP after GOP of one segment (algorithm: a first GOP tells the curvature, two points the rest).

    Args:
        per_halving: the metric's usual loss for half the bits, its unit here.
    """

    def __init__(self, per_halving: float) -> None:
        self._least = _LEAST_CURVATURE * per_halving
        self._curvature: float | None = None
        self._usual = _USUAL_CURVATURE * per_halving

    @property
    def steps(self) -> tuple[int, ...]:
        """What to measure of the next GOP."""
        quarter = WHOLE_RESTORATION // 2
        ends = (quarter, WHOLE_RESTORATION + quarter)
        return ends if self._curvature is not None else (ends[0], WHOLE_RESTORATION, ends[1])

    def learn(self, misses: Mapping[int, float]) -> Parabola:
        """The curve of a GOP, from its misses at `steps`."""
        places = sorted(misses)
        if len(places) == 3:
            self._curvature = max(_curvature(*((step, misses[step]) for step in places)), self._least)
        curvature = self._curvature or self._usual
        low, high = places[0], places[-1]
        middle, apart = (low + high) / 2, high - low
        vertex = middle - (misses[high] - misses[low]) / (2 * curvature * apart)
        # Far outside the steps that exist a parabola says nothing; its end is what counts there.
        vertex = min(max(vertex, -1.0), MAX_RESTORATION + 1.0)
        lowest = min(misses[low] - curvature * (low - vertex) ** 2, min(misses.values()))
        return Parabola(vertex, lowest, curvature)


def _curvature(a: LevelPoint, b: LevelPoint, c: LevelPoint) -> float:
    """Of the parabola through three points."""
    left, right = (b[1] - a[1]) / (b[0] - a[0]), (c[1] - b[1]) / (c[0] - b[0])
    return (right - left) / (c[0] - a[0])
