"""Rate-perception curves as SVG, which any browser or paper takes; drawn by matplotlib, the extra `plots`."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import cycle, islice

from codec.reproduce.bd_rate import Curve

COLUMNS = 3
WIDTH, HEIGHT = 4.0, 3.2
"""Inches of one panel."""
# Okabe and Ito's palette, which colour-blind readers can tell apart (yellow left out: too light on white).
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000", "#666666")
# Fewer than colours and without a common divisor: codecs of one colour (beyond the eighth) still differ by their mark.
MARKS = ("o", "s", "^", "D", "v", "P", "X")
NO_PLOTS = 'No plots: matplotlib is not here; pip install -e ".[plots]" in the checkout, then run this again.'


@dataclass(frozen=True)
class Panel:
    """One metric's picture: curves of (bits per pixel, value) by codec."""

    metric: str
    lower_is_better: bool
    curves: Mapping[str, Curve]


def can_plot() -> bool:
    """Whether matplotlib is here."""
    return find_spec("matplotlib") is not None


def chart(title: str, panels: Sequence[Panel]) -> bytes:
    """An SVG of all panels with one legend; a codec looks the same in each, and the same panels give the same bytes."""
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter

    names = list(dict.fromkeys(name for panel in panels for name in panel.curves))
    styles = dict(zip(names, islice(zip(cycle(COLOURS), cycle(MARKS), strict=False), len(names)), strict=True))
    rows, columns = -(-len(panels) // COLUMNS), min(COLUMNS, len(panels))
    # Text stays text, and ids don't change from run to run.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "freegvc", "text.parse_math": False}):
        figure = Figure(figsize=(WIDTH * columns, HEIGHT * rows + 0.8), layout="constrained")
        figure.suptitle(title)
        for index, panel in enumerate(panels):
            axes = figure.add_subplot(rows, columns, index + 1)
            axes.set_title(f"{panel.metric} ({'lower' if panel.lower_is_better else 'higher'} is better)", fontsize=10)
            axes.set_xlabel("bits per pixel")
            axes.grid(visible=True, color="#e4e4e4")
            for name, curve in panel.curves.items():
                colour, mark = styles[name]
                rates, values = zip(*sorted(curve), strict=True) if curve else ((), ())
                axes.plot(rates, values, color=colour, marker=mark, markersize=5, label=name)
            if any(panel.curves.values()):
                axes.set_xscale("log")
                axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
                axes.xaxis.set_major_formatter(lambda rate, _: f"{rate:g}")
                axes.xaxis.set_minor_formatter(NullFormatter())
            else:
                axes.text(0.5, 0.5, "nothing measured", ha="center", color="#666666", transform=axes.transAxes)
        if names:
            handles, labels = figure.axes[0].get_legend_handles_labels()
            figure.legend(handles, labels, loc="outside lower center", ncols=len(names))
        written = io.BytesIO()
        figure.savefig(written, format="svg", metadata={"Date": None})
    return written.getvalue()
