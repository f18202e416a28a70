"""BD-rate: how many bits a codec saves at equal quality (Bjontegaard, VCEG-M33; PCHIP as in JCTVC-L1100)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from codec.errors import InputError

Curve = Sequence[tuple[float, float]]
"""Points (rate, quality) of one codec, in any order."""
Floats = NDArray[np.float64]


def bd_rate(anchor: Curve, test: Curve, lower_is_better: bool) -> float:
    """Mean rate difference of `test` against `anchor` in percent: -20 means a fifth fewer bits at equal quality.

    ln(rate) is interpolated over quality by a monotone piecewise cubic (PCHIP) and the difference averaged over
    the range of quality that both curves cover. A point that costs no less than another of equal or better
    quality is dominated and left out first, as rate-distortion hulls leave it out: what remains is monotone.

    Args:
        anchor, test: at least two undominated points each, rates positive; the unit cancels.
        lower_is_better: True where quality is a distance (DISTS, LPIPS), False for PSNR, MS-SSIM, VMAF.

    Raises:
        InputError: fewer than two usable points, a rate not positive, a value not finite, or no overlap.
    """
    sign = -1.0 if lower_is_better else 1.0
    anchor_q, anchor_r = _monotone_curve(anchor, sign, "anchor")
    test_q, test_r = _monotone_curve(test, sign, "test")
    low, high = max(anchor_q[0], test_q[0]), min(anchor_q[-1], test_q[-1])
    if low >= high:
        raise InputError(
            f"The curves have no overlap in quality (anchor {_span(anchor_q, sign)}, test {_span(test_q, sign)}), "
            "so there is no BD-rate; measure more points."
        )
    difference = _pchip_integral(test_q, test_r, low, high) - _pchip_integral(anchor_q, anchor_r, low, high)
    return float(np.expm1(difference / (high - low)) * 100)


def _monotone_curve(points: Curve, sign: float, name: str) -> tuple[Floats, Floats]:
    """Rising quality and rising ln(rate) of the points nothing else dominates."""
    table = np.asarray(points, np.float64).reshape(-1, 2)
    if not np.isfinite(table).all() or (table[:, 0] <= 0).any():
        raise InputError(f"The {name} curve holds a rate or quality that no codec has; check its points.")
    kept: list[tuple[float, float]] = []
    for rate, quality in sorted(zip(table[:, 0], sign * table[:, 1], strict=True), key=lambda p: (p[0], -p[1])):
        if not kept or quality > kept[-1][1]:
            kept.append((rate, quality))
    if len(kept) < 2:
        raise InputError(f"The {name} curve needs two points of which neither dominates; measure more rates.")
    rates, qualities = np.array(kept).T
    return qualities, np.log(rates)


def _span(qualities: Floats, sign: float) -> str:
    low, high = sorted((sign * qualities[0], sign * qualities[-1]))
    return f"{low:.4g} to {high:.4g}"


def _pchip_slopes(x: Floats, y: Floats) -> Floats:
    """Derivatives at the knots: weighted harmonic means inside (Fritsch & Butland 1984), three-point at the ends."""
    h, d = np.diff(x), np.diff(y) / np.diff(x)
    if len(d) == 1:
        return np.array([d[0], d[0]])
    w1, w2 = 2 * h[1:] + h[:-1], h[1:] + 2 * h[:-1]
    inner = (w1 + w2) / (w1 / d[:-1] + w2 / d[1:])
    return np.array([_end_slope(h[0], h[1], d[0], d[1]), *inner, _end_slope(h[-1], h[-2], d[-1], d[-2])])


def _end_slope(h0: float, h1: float, d0: float, d1: float) -> float:
    """Three-point slope at an end, kept within the monotone range; all secants here are positive."""
    slope = ((2 * h0 + h1) * d0 - h0 * d1) / (h0 + h1)
    return max(0.0, slope)


def _pchip_integral(x: Floats, y: Floats, low: float, high: float) -> float:
    """Integral of the interpolant through (x, y) from `low` to `high`, both inside [x[0], x[-1]]; exact."""
    slopes, total = _pchip_slopes(x, y), 0.0
    for i in range(len(x) - 1):
        a, b = max(low, x[i]), min(high, x[i + 1])
        if a < b:
            total += _cubic_integral(x[i + 1] - x[i], y[i : i + 2], slopes[i : i + 2], a - x[i], b - x[i])
    return total


def _cubic_integral(h: float, y: Floats, slopes: Floats, a: float, b: float) -> float:
    """Integral over [a, b] of the Hermite cubic on [0, h] with end values `y` and end `slopes`."""
    secant = (y[1] - y[0]) / h
    square = (3 * secant - 2 * slopes[0] - slopes[1]) / h
    cube = (slopes[0] + slopes[1] - 2 * secant) / h**2
    antiderivative = np.polynomial.Polynomial([y[0], slopes[0], square, cube]).integ()
    return float(antiderivative(b) - antiderivative(a))
