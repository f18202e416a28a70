"""Rate-perception curves as SVG, which any browser or paper takes, without a plotting library in the engine."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, HEIGHT, COLUMNS = 380, 300, 3
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 34, 44
HEAD = 70
# Okabe and Ito's palette, which colour-blind readers can tell apart (yellow left out: too light on white).
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000", "#666666")
MARKS = ("circle", "square", "triangle", "diamond")

Curve = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Panel:
    """One metric's picture: curves of (bits per pixel, value) by codec."""

    metric: str
    lower_is_better: bool
    curves: Mapping[str, Curve]


@dataclass(frozen=True)
class _Axes:
    """Maps (bpp, value) to pixels; bpp on a logarithmic scale."""

    x: tuple[float, float]
    y: tuple[float, float]

    def at(self, rate: float, value: float) -> tuple[float, float]:
        low, high = (math.log(bound) for bound in self.x)
        across = (math.log(rate) - low) / (high - low)
        up = (value - self.y[0]) / (self.y[1] - self.y[0])
        return LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)


def chart(title: str, panels: Sequence[Panel]) -> str:
    """A picture of all panels under one legend; a codec has the same colour and mark in each."""
    names = list(dict.fromkeys(name for panel in panels for name in panel.curves))
    rows, columns = -(-len(panels) // COLUMNS), min(COLUMNS, len(panels))
    width, height = max(WIDTH * columns, 2 * LEFT + len(names) * _legend_step(names)), HEAD + HEIGHT * rows
    body = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="12" fill="#222">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text x="{LEFT}" y="24" font-size="16">{escape(title)}</text>',
        *_legend(names),
    ]
    for index, panel in enumerate(panels):
        x, y = WIDTH * (index % COLUMNS), HEAD + HEIGHT * (index // COLUMNS)
        body += [f'<g transform="translate({x},{y})">', *_panel(panel, names), "</g>"]
    return "\n".join([*body, "</svg>", ""])


def _legend_step(names: Sequence[str]) -> int:
    """Room for a line, a mark and the longest name, at about 7 pixels a letter."""
    return 50 + 7 * max(map(len, names), default=0)


def _legend(names: Sequence[str]) -> Iterator[str]:
    for index, name in enumerate(names):
        x = LEFT + _legend_step(names) * index
        yield f'<path d="M{x} 48h24" stroke="{_colour(index)}" stroke-width="2"/>'
        yield _mark(index, x + 12, 48)
        yield f'<text x="{x + 30}" y="52">{escape(name)}</text>'


def _panel(panel: Panel, names: Sequence[str]) -> Iterator[str]:
    points = [point for curve in panel.curves.values() for point in curve]
    better = "lower is better" if panel.lower_is_better else "higher is better"
    yield f'<text x="{LEFT}" y="{TOP - 12}">{escape(panel.metric)} ({better})</text>'
    if not points:
        yield f'<text x="{LEFT}" y="{TOP + 20}" fill="#666">nothing measured</text>'
        return
    axes = _Axes(_rate_bounds([rate for rate, _ in points]), _value_bounds([value for _, value in points]))
    yield from _grid(axes)
    for name, curve in panel.curves.items():
        yield from _line(names.index(name), [axes.at(*point) for point in sorted(curve)])


def _grid(axes: _Axes) -> Iterator[str]:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    for rate in rate_ticks(*axes.x):
        x, _ = axes.at(rate, axes.y[0])
        yield f'<path d="M{x:.1f} {TOP}V{bottom}" stroke="#e4e4e4"/>'
        yield f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{rate:g}</text>'
    for value in value_ticks(*axes.y):
        _, y = axes.at(axes.x[0], value)
        yield f'<path d="M{LEFT} {y:.1f}H{right}" stroke="#e4e4e4"/>'
        yield f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>'
    yield f'<path d="M{LEFT} {TOP}V{bottom}H{right}" fill="none" stroke="#888"/>'
    yield f'<text x="{(LEFT + right) / 2}" y="{bottom + 34}" text-anchor="middle">bits per pixel</text>'


def _line(index: int, places: Sequence[tuple[float, float]]) -> Iterator[str]:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    yield f'<polyline points="{path}" fill="none" stroke="{_colour(index)}" stroke-width="2"/>'
    yield from (_mark(index, x, y) for x, y in places)


def _colour(index: int) -> str:
    return COLOURS[index % len(COLOURS)]


def _mark(index: int, x: float, y: float) -> str:
    """Codecs of one colour (beyond the eighth) still differ by their mark."""
    shape = MARKS[(index + index // len(COLOURS)) % len(MARKS)]
    ways = {
        "circle": f"M{x - 4:.1f} {y:.1f}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0",
        "square": f"M{x - 3.5:.1f} {y - 3.5:.1f}h7v7h-7z",
        "triangle": f"M{x:.1f} {y - 4.5:.1f}l4.5 8h-9z",
        "diamond": f"M{x:.1f} {y - 5:.1f}l5 5l-5 5l-5 -5z",
    }
    return f'<path d="{ways[shape]}" fill="{_colour(index)}"/>'


def _rate_bounds(rates: Sequence[float]) -> tuple[float, float]:
    return min(rates) / 1.15, max(rates) * 1.15


def _value_bounds(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    margin = 0.06 * (high - low) or 0.5 * abs(high) or 1.0
    return low - margin, high + margin


def rate_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten between two positive rates."""
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [float(f"{digit}e{exponent}") for exponent in exponents for digit in (1, 2, 5)]
    return [tick for tick in ticks if low <= tick <= high]


def value_ticks(low: float, high: float) -> list[float]:
    """About five round values between two bounds."""
    raw = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw)
    return [round(index * step, 12) for index in range(math.ceil(low / step), math.floor(high / step) + 1)]
