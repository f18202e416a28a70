"""The prefixes of one GOP's sent steps: what each costs, how good some were measured to be, the curve through those."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from codec.control.sent_steps.surrogate import FittedCurve, RatedQuality, Surrogate, estimate
from codec.events import Fit

_MOST = 1000.0  # an infinite PSNR counts as this
_FIT_FROM, _FIT_TO, _FIT_POINTS = 0.6, 1.4, 24


class MeasuredPrefixes:
    """What is known of one GOP's prefixes.

    Attributes:
        bits: cost of each.
        measured: quality by prefix.
        rate_unit: bits a frame that count as a rate of 1, so that the surrogate sees numbers about 1: what the first
            ladder with any bits has at its end. 0 while that is unknown.
    """

    def __init__(self, surrogate: Surrogate, bits: Sequence[int], frames: int, rate_unit: float) -> None:
        self._surrogate = surrogate
        self._frames = frames
        self.rate_unit = rate_unit
        self.measured: dict[int, float] = {}
        self.extend(bits)

    @property
    def _unit(self) -> float:
        return (self.rate_unit or 1.0) * self._frames

    def extend(self, bits: Sequence[int]) -> None:
        """There are longer prefixes too."""
        self.bits = tuple(bits)
        self.rate_unit = self.rate_unit or bits[-1] / self._frames
        self._rates = [count / self._unit for count in bits]

    def observe(self, step: int, quality: float) -> None:
        """Tell what was measured at a prefix.

        Raises:
            ValueError: there is no such prefix, or the quality is not a number.
        """
        if not 0 <= step < len(self.bits) or math.isnan(quality):
            raise ValueError(f"quality {quality} at step {step} of {len(self.bits) - 1}")
        self.measured[step] = min(max(quality, -_MOST), _MOST)

    @property
    def points(self) -> tuple[RatedQuality, ...]:
        """What was measured, as (rate, quality) in the surrogate's unit."""
        return tuple((self._rates[step], quality) for step, quality in self._telling.items())

    @property
    def _telling(self) -> Mapping[int, float]:
        """What tells something of other prefixes: nothing of the curve passes through a picture without any bits."""
        return {step: value for step, value in self.measured.items() if self.bits[step] > 0} or self.measured

    def nearest(self, step: int) -> RatedQuality:
        """The measured point nearest to a prefix."""
        near = min(self._telling, key=lambda other: abs(other - step))
        return self._rates[near], self.measured[near]

    def qualities(self) -> tuple[float, ...]:
        """Quality of every prefix, as measured or else as predicted."""
        expected = estimate(self._rates, self._telling, self.curve(), self._surrogate.level)
        return tuple(self.measured.get(step, value) for step, value in enumerate(expected))

    def curve(self) -> FittedCurve:
        """The best form's curve, of all GOPs so far."""
        return self._surrogate.fit(self.points)

    def fit(self) -> Fit | None:
        """That curve around what was measured, sampled over bits; None while no slope is known."""
        curve = self.curve()
        if not self.measured or not curve.slope:
            return None
        probed = {float(self.bits[step]): quality for step, quality in self.measured.items()}
        first, last = _FIT_FROM * min(probed), _FIT_TO * max(max(probed), 1)
        grid = sorted({*probed, *(first + n * (last - first) / _FIT_POINTS for n in range(_FIT_POINTS + 1))})
        known = {place: probed[at] for place, at in enumerate(grid) if at in probed}
        qualities = estimate([at / self._unit for at in grid], known, curve, None)
        return Fit(curve.form.name, tuple(zip(grid, qualities, strict=True)))


class PrefixHistory:
    """GOP after GOP, each one's curve learnt from those before it.

    Args:
        tolerance: within which one GOP's quality says the same as another's.
    """

    def __init__(self, tolerance: float) -> None:
        self._surrogate = Surrogate()
        self._noise = 3 * tolerance
        self._rate_unit = 0.0

    @property
    def is_empty(self) -> bool:
        """Whether nothing was learnt since the scene began."""
        return self._surrogate.level is None

    def begin(self, bits: Sequence[int], frames: int) -> MeasuredPrefixes:
        """The next GOP's prefixes; `frames` that it adds to the video."""
        return MeasuredPrefixes(self._surrogate, bits, frames, self._rate_unit)

    def learn(self, gop: MeasuredPrefixes, sent: int) -> None:
        """A GOP is finished: so many of its steps were sent."""
        if gop.measured:
            self._rate_unit = gop.rate_unit
            self._surrogate.learn(gop.points, gop.nearest(sent), self._noise)

    def new_scene(self) -> None:
        """Forget everything: scenes may be coded in any order, and their bytes must not tell in which."""
        self._surrogate, self._rate_unit = Surrogate(), 0.0


@dataclass(frozen=True)
class MeasuredGop:
    """What a file keeps of a GOP: its prefixes' bits, its own frames, quality by prefix, and the prefix it sends."""

    bits: Sequence[int]
    frames: int
    measured: Mapping[int, float]
    sent: int


def refit(gops: Iterable[MeasuredGop], tolerance: float = 0.01) -> Iterator[Fit | None]:
    """The curve of each GOP of a finished file, learnt again from the points that its records hold.

    Args:
        tolerance: of the metric they were measured in.
    """
    history = PrefixHistory(tolerance)
    for gop in gops:
        prefixes = history.begin(gop.bits, gop.frames)
        for step, quality in gop.measured.items():
            prefixes.observe(step, quality)
        yield prefixes.fit() if gop.measured else None
        history.learn(prefixes, gop.sent)
