"""The online rate-perception surrogate: which quality a GOP will have at a rate, learnt while encoding.

Three forms compete, P = quality, R = rate: ln P = ln a - b ln R, P = a + b ln R, P = a exp(-b R) + c. The one with the
lowest residual predicts. (Free-GVC, arXiv 2602.09868, Fig. 5, compares several forms per sequence.)

A controller holds P at its target by choosing R, so across GOPs P no longer depends on R and a plain regression would
learn a slope of zero. Hence slope and level are kept apart: the slope from points of the same GOP only, the level from
the most recent GOP.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

RatedQuality = tuple[float, float]
"""(rate, quality); rates are relative to some typical rate, so about 0 to 1."""

_OFFSET = 0.01  # keeps ln R finite for a prefix without bits
_FLOOR = 1e-6
_MEMORY = 0.8
_LEVEL_GAIN = 0.6


@dataclass(frozen=True)
class Form:
    """A curve that is a straight line y = level + slope * x after its change of variables.

    Attributes:
        weight: turns a squared residual in y into one in P, given a typical P.
        parameters: how many of its parameters shape it, the level not counted.
    """

    name: str
    x: Callable[[float], float]
    y: Callable[[float], float]
    quality: Callable[[float], float]
    weight: Callable[[float], float]
    parameters: int


def _log_rate(rate: float) -> float:
    return math.log(rate + _OFFSET)


def _same(value: float) -> float:
    return value


def _one(_: float) -> float:
    return 1.0


def _exponential(b: float) -> Form:
    return Form("exponential", lambda rate: math.exp(-b * rate), _same, _same, _one, 2)


LOGARITHMIC = Form("logarithmic", _log_rate, _same, _same, _one, 1)
POWER = Form(
    "power", _log_rate, lambda p: math.log(max(p, _FLOOR)), lambda y: math.exp(min(y, 99.0)), lambda p: p * p, 1
)
# b enters the exponential form non-linearly: one candidate for each value worth telling apart.
FORMS = (LOGARITHMIC, POWER, *(_exponential(2.0 ** (n / 2)) for n in range(-2, 13)))


@dataclass(frozen=True)
class Moments:
    """Sums of squares and products about each GOP's own mean; a line's slope and residual follow from them."""

    xx: float = 0.0
    xy: float = 0.0
    yy: float = 0.0
    freedom: float = 0.0

    @classmethod
    def of(cls, form: Form, points: Sequence[RatedQuality]) -> Moments:
        """Of one GOP's points; a quality that the form can't express, such as a power's below 0, is all residual."""
        if len(points) < 2:
            return cls()
        xs, ys = [form.x(rate) for rate, _ in points], [form.y(quality) for _, quality in points]
        x, y, weight = fmean(xs), fmean(ys), form.weight(fmean(quality for _, quality in points))
        return cls(
            weight * sum((a - x) ** 2 for a in xs),
            weight * sum((a - x) * (b - y) for a, b in zip(xs, ys, strict=True)),
            weight * sum((b - y) ** 2 for b in ys) + sum((p - form.quality(form.y(p))) ** 2 for _, p in points),
            len(points) - 1.0,
        )

    def then(self, later: Moments) -> Moments:
        """Recursive least squares with forgetting; only something new makes it forget."""
        keep = _MEMORY if later.freedom else 1.0
        return Moments(
            keep * self.xx + later.xx,
            keep * self.xy + later.xy,
            keep * self.yy + later.yy,
            keep * self.freedom + later.freedom,
        )

    @property
    def slope(self) -> float:
        """Least squares; 0 where all points have the same rate."""
        return self.xy / self.xx if self.xx > 1e-12 else 0.0

    def residual(self, parameters: int) -> float:
        """Mean squared residual per degree of freedom; infinite where the points can't contradict the form."""
        left = self.freedom - parameters
        return max(self.yy - self.slope * self.xy, 0.0) / left if left > 0 else math.inf


@dataclass(frozen=True)
class FittedCurve:
    """A fitted surrogate."""

    form: Form
    slope: float

    def through(self, point: RatedQuality, rate: float) -> float:
        """Quality at `rate` on the curve of this slope through `point`."""
        return self.form.quality(self.form.y(point[1]) + self.slope * (self.form.x(rate) - self.form.x(point[0])))

    def between(self, low: RatedQuality, high: RatedQuality, rate: float) -> float:
        """Quality at `rate` on the curve of this form through both points."""
        x0, x1, y0, y1 = self.form.x(low[0]), self.form.x(high[0]), self.form.y(low[1]), self.form.y(high[1])
        share = (self.form.x(rate) - x0) / (x1 - x0) if x1 != x0 else 1.0
        return self.form.quality(y0 + share * (y1 - y0))


class Surrogate:
    """What finished GOPs taught: each form's moments, and the level of the latest GOPs as one point of their curve."""

    def __init__(self) -> None:
        self._moments = {form: Moments() for form in FORMS}
        self._level: RatedQuality | None = None

    @property
    def level(self) -> RatedQuality | None:
        """A point that the next GOP's curve is expected to pass through; None before the first GOP."""
        return self._level

    def fit(self, points: Sequence[RatedQuality]) -> FittedCurve:
        """The best form's curve, from all finished GOPs and from these points of the current one."""
        fits = {form: moments.then(Moments.of(form, points)) for form, moments in self._moments.items()}
        best = min(fits, key=lambda form: fits[form].residual(form.parameters))
        return FittedCurve(best, fits[best].slope)

    def learn(self, points: Sequence[RatedQuality], chosen: RatedQuality, surprise: float) -> None:
        """Take in a finished GOP's points.

        Args:
            chosen: the one of them where the surrogate must be right next time.
            surprise: an error of prediction beyond which the old level is worth nothing.
        """
        curve = self.fit(points)
        for form in FORMS:
            self._moments[form] = self._moments[form].then(Moments.of(form, points))
        rate, quality = chosen
        if self._level is None:
            self._level = chosen
            return
        expected = curve.through(self._level, rate)
        gain = 1.0 if abs(quality - expected) > surprise else _LEVEL_GAIN
        self._level = (rate, expected + gain * (quality - expected))


def estimate(
    rates: Sequence[float], measured: Mapping[int, float], curve: FittedCurve, level: RatedQuality | None
) -> tuple[float, ...]:
    """Quality of every prefix: measured; between two measured ones interpolated; elsewhere by the surrogate's slope.

    Args:
        rates: of every prefix.
        measured: quality by prefix.
        curve: the fitted surrogate.
        level: a point to go through where nothing is measured.

    Raises:
        ValueError: nothing is measured and no level is known.
    """
    if not measured:
        if level is None:
            raise ValueError("a first GOP can't be judged before anything is measured")
        return tuple(curve.through(level, rate) for rate in rates)
    known = sorted(measured)
    points = [(rates[step], measured[step]) for step in known]

    def at(step: int) -> float:
        if step in measured:
            return measured[step]
        after = bisect_left(known, step)
        if 0 < after < len(known):
            return curve.between(points[after - 1], points[after], rates[step])
        return curve.through(points[min(after, len(known) - 1)], rates[step])

    return tuple(map(at, range(len(rates))))
