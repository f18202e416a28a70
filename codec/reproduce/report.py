"""Tables, plots and BD-rates of what was measured, as papers report them.

BD-rates are computed per sequence and then averaged, never from averaged curves, on which one sequence can decide
alone (arXiv 2409.08772).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from codec.errors import InputError
from codec.files import write_whole
from codec.reproduce.bd_rate import bd_rate
from codec.reproduce.plots import NO_PLOTS, Panel, can_plot, chart
from codec.reproduce.points import Point
from codec.reproduce.published import tables_for
from codec.reproduce.run import PointsMissing

REPORT, POINTS, BD_RATES, PLOTS = "report.md", "points.csv", "bd_rates.csv", "plots"


@dataclass(frozen=True)
class Results:
    """All that a report says.

    Attributes:
        lower_is_better: of each metric, in the order of the tables.
        about: sentences and settings for its head.
    """

    points: Sequence[Point]
    lower_is_better: Mapping[str, bool]
    failures: Sequence[PointsMissing] = ()
    about: Sequence[str] = ()

    @property
    def sequences(self) -> list[str]:
        """By name."""
        return sorted({point.sequence for point in self.points})

    @property
    def ours(self) -> list[str]:
        """Our codecs: those with weights."""
        return list(dict.fromkeys(point.codec for point in self.points if point.weights))

    @property
    def peers(self) -> list[str]:
        """The others."""
        return list(dict.fromkeys(point.codec for point in self.points if not point.weights))

    def curve(self, sequence: str, codec: str, metric: str) -> list[tuple[float, float]]:
        """(bpp, value) of one codec on one sequence."""
        rows = (point for point in self.points if (point.sequence, point.codec) == (sequence, codec))
        return [(row.bpp, row.metrics[metric]) for row in rows if np.isfinite(row.metrics[metric])]

    def mean_curve(self, sequences: Sequence[str], codec: str, metric: str) -> list[tuple[float, float]]:
        """Means over `sequences` of each setting that all of them have."""
        rows = [point for point in self.points if point.codec == codec and point.sequence in sequences]
        means = []
        for setting in dict.fromkeys(row.setting for row in rows):
            here = [row for row in rows if row.setting == setting and np.isfinite(row.metrics[metric])]
            if len(here) == len(sequences):
                means.append((_mean(row.bpp for row in here), _mean(row.metrics[metric] for row in here)))
        return means


@dataclass(frozen=True)
class BdRate:
    """Percent of `peer`'s bits that `codec` needs more (negative: fewer) on `sequence`; None without overlap."""

    sequence: str
    codec: str
    peer: str
    metric: str
    percent: float | None


def write_report(folder: Path, results: Results) -> Path:
    """Write tables and plots into `folder`; returns the page that leads to all.

    Raises:
        OutputError: it can't be written.
    """
    rates = list(bd_rates(results))
    write_whole(folder / POINTS, _csv(_point_rows(results)).encode())
    write_whole(folder / BD_RATES, _csv(_bd_rows(rates)).encode())
    if can_plot():
        for name, picture in _plots(results):
            write_whole(folder / PLOTS / f"{name}.svg", picture)
    write_whole(folder / REPORT, ("\n".join(_page(results, rates)) + "\n").encode())
    return folder / REPORT


def bd_rates(results: Results) -> Iterator[BdRate]:
    """Ours against each peer, by metric and sequence."""
    for codec in results.ours:
        for metric, lower in results.lower_is_better.items():
            for sequence in results.sequences:
                for peer in results.peers:
                    anchor, test = (results.curve(sequence, name, metric) for name in (peer, codec))
                    yield BdRate(sequence, codec, peer, metric, _percent(anchor, test, lower))


def _percent(anchor: list[tuple[float, float]], test: list[tuple[float, float]], lower_is_better: bool) -> float | None:
    try:
        return bd_rate(anchor, test, lower_is_better)
    except InputError:
        return None


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))


def _csv(rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _point_rows(results: Results) -> Iterator[Sequence[object]]:
    yield ["sequence", "codec", "setting", "bytes", "bpp", "kbps", *results.lower_is_better, "encode_fps", "decode_fps"]
    for point in sorted(results.points, key=lambda point: (point.sequence, point.codec, point.bpp)):
        values = [f"{point.metrics[name]:.6g}" for name in results.lower_is_better]
        speeds = ["" if fps is None else f"{fps:.4g}" for fps in (point.encode_fps, point.decode_fps)]
        rate = [point.bytes, f"{point.bpp:.6g}", f"{point.kbps:.6g}"]
        yield [point.sequence, point.codec, point.setting, *rate, *values, *speeds]


def _bd_rows(rates: Iterable[BdRate]) -> Iterator[Sequence[object]]:
    yield ["sequence", "codec", "against", "metric", "bd_rate_percent"]
    for rate in rates:
        yield [rate.sequence, rate.codec, rate.peer, rate.metric, "" if rate.percent is None else f"{rate.percent:.3f}"]


def _plots(results: Results) -> Iterator[tuple[str, bytes]]:
    """(file name, SVG): the mean of everything, of each group, and every sequence."""
    names = results.sequences
    for title, chosen in (("mean", names), *_groups(names)):
        panels = _panels(results, partial(results.mean_curve, chosen))
        yield file_name(title), chart(f"{title}: {_count(len(chosen), 'sequence')}", panels)
    for name in names:
        panels = _panels(results, partial(results.curve, name))
        yield file_name(f"sequence {name}"), chart(name, panels)


def file_name(title: str) -> str:
    """A title without what no file name may hold."""
    return re.sub(r"[^\w.-]+", "-", title)


def _groups(names: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Sequences by folder, where there is more than one."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(name.rpartition("/")[0] or "top folder", []).append(name)
    return [(f"mean of {group}", chosen) for group, chosen in groups.items()] if len(groups) > 1 else []


def _panels(results: Results, curve: Callable[[str, str], list[tuple[float, float]]]) -> list[Panel]:
    codecs = [*results.ours, *results.peers]
    return [
        Panel(metric, lower, {codec: curve(codec, metric) for codec in codecs})
        for metric, lower in results.lower_is_better.items()
    ]


def _count(count: int, what: str) -> str:
    return f"{count} {what}" + ("" if count == 1 else "s")


def _page(results: Results, rates: Sequence[BdRate]) -> Iterator[str]:
    yield "# Rate and perception"
    yield ""
    yield from (f"- {sentence}" for sentence in results.about)
    yield ""
    yield from _failure_section(results.failures)
    yield "## BD-rate, mean over sequences"
    yield ""
    yield "Negative: fewer bits at equal quality. In brackets, of how many sequences the curves overlap in quality."
    yield ""
    for codec in results.ours:
        yield from _table(
            [f"{codec} against", *results.peers],
            [
                [metric, *(_summary(_chosen(rates, codec, peer, metric)) for peer in results.peers)]
                for metric in results.lower_is_better
            ],
        )
    yield from _published_section(results.sequences)
    yield f"![Mean curves]({PLOTS}/{file_name('mean')}.svg)" if can_plot() else NO_PLOTS
    yield ""
    yield "## Mean of each setting"
    yield ""
    yield from _table(["codec", "setting", "sequences", "bpp", *results.lower_is_better], list(_mean_rows(results)))
    yield "## BD-rate by sequence"
    yield ""
    for codec in results.ours:
        for metric in results.lower_is_better:
            yield from _sequence_table(results, rates, codec, metric)
    yield f"Every point: [{POINTS}]({POINTS}); every BD-rate: [{BD_RATES}]({BD_RATES}); plots: {PLOTS}/."


def _published_section(sequences: Sequence[str]) -> Iterator[str]:
    """Nothing where no paper's set is recognised."""
    for table in tables_for(sequences):
        yield f"## As published: {table.title}"
        yield ""
        yield (
            f"Quoted from {table.source}; percent of the bits of {table.anchor}, which isn't measured here: to be read "
            "beside our figures, not to be merged with them."
        )
        yield ""
        rows = [[rate.codec, _quoted(rate.lpips), _quoted(rate.dists)] for rate in table.rates]
        yield from _table([f"against {table.anchor}", "LPIPS-Alex", "DISTS"], rows)


def _quoted(percent: float | None) -> str:
    return "not given" if percent is None else f"{percent:+.1f} %"


def _failure_section(failures: Sequence[PointsMissing]) -> Iterator[str]:
    if not failures:
        return
    yield "## Missing"
    yield ""
    for failed in failures:
        points = f" ({', '.join(failed.settings)})" if failed.settings else ""
        yield f"- {failed.sequence}, {failed.codec}{points}: {failed.reason}"
    yield ""


def _mean_rows(results: Results) -> Iterator[list[str]]:
    for codec in [*results.ours, *results.peers]:
        rows = [point for point in results.points if point.codec == codec]
        for setting in dict.fromkeys(row.setting for row in rows):
            here = [row for row in rows if row.setting == setting]
            values = (f"{_mean(row.metrics[name] for row in here):.4f}" for name in results.lower_is_better)
            yield [codec, setting, str(len(here)), f"{_mean(row.bpp for row in here):.5f}", *values]


def _sequence_table(results: Results, rates: Sequence[BdRate], codec: str, metric: str) -> Iterator[str]:
    def row(title: str, sequences: Sequence[str]) -> list[str]:
        chosen = [_chosen(rates, codec, peer, metric, sequences) for peer in results.peers]
        return [title, *(_summary(values) if len(sequences) > 1 else _cell(values[0]) for values in chosen)]

    names = results.sequences
    rows = [row(name, [name]) for name in names]
    if len(names) > 1:
        rows += [row(f"**{title}**", chosen) for title, chosen in (*_groups(names), ("mean", names))]
    yield from _table([f"{metric}: {codec} against", *results.peers], rows)


def _chosen(
    rates: Sequence[BdRate], codec: str, peer: str, metric: str, sequences: Sequence[str] | None = None
) -> list[float | None]:
    wanted = (codec, peer, metric)
    return [
        rate.percent
        for rate in rates
        if (rate.codec, rate.peer, rate.metric) == wanted and (sequences is None or rate.sequence in sequences)
    ]


def _summary(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{_cell(_mean(known) if known else None)} ({len(known)} of {len(values)})"


def _cell(value: float | None) -> str:
    return "no overlap" if value is None else f"{value:+.1f} %"


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(titles)} |"
    yield "|" + "---|" * len(titles)
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""
