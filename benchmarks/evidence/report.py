"""BD-rates and hulls of evidence rows, and what the documents show of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from benchmarks.evidence.judging import LOWER_IS_BETTER, SHARES, EvidenceRow
from benchmarks.evidence.ways import OURS, WAYS
from codec.errors import InputError
from codec.reproduce.bd_rate import bd_rate

Rates = dict[str, float | None]


def curve(rows: Sequence[EvidenceRow], clip: str, way: str, metric: str) -> list[tuple[float, float]]:
    """(bytes, quality) of one way on one clip; rows of several sizes make a hull: dominated points don't count."""
    own = (row for row in rows if (row.clip, row.way) == (clip, way) and metric in row.values)
    return [(row.size, row.values[metric]) for row in own]


def bd_rates(rows: Sequence[EvidenceRow], anchor: str, metric: str) -> Rates:
    """Of this codec against `anchor` by clip, percent; None where the curves have no common range."""
    rates: Rates = {}
    for clip in sorted({row.clip for row in rows if row.way == OURS}):
        theirs, ours = (curve(rows, clip, way, metric) for way in (anchor, OURS))
        try:
            rates[clip] = bd_rate(theirs, ours, LOWER_IS_BETTER[metric])
        except InputError:
            rates[clip] = None
    return rates


def groups(rows: Sequence[EvidenceRow]) -> Iterator[tuple[str, list[EvidenceRow]]]:
    """(name, rows) of each coding size judged at itself, and of all sizes judged at the source's."""
    for lines in sorted({row.lines for row in rows if row.judged_at == "coding"}):
        yield f"{lines} lines", [row for row in rows if row.lines == lines and row.judged_at == "coding"]
    scaled = [row for row in rows if row.judged_at == "source"]
    if scaled:
        yield "source's size, each at its best coding size", scaled


def summary(rates: Rates) -> str:
    """Mean, spread, wins and losses."""
    values = [rate for rate in rates.values() if rate is not None]
    if not values:
        return "no common range on any clip"
    wins, lost = sum(rate < 0 for rate in values), len(rates) - len(values)
    apart = f", {lost} without a common range" if lost else ""
    spread = f" (sd {np.std(values):.1f}, {min(values):+.1f} to {max(values):+.1f})"
    return f"{np.mean(values):+.1f} %{spread}, better on {wins} of {len(values)}{apart}"


def figures(rows: Sequence[EvidenceRow]) -> dict[str, Any]:
    """What is kept: all rows, and BD-rates by group, anchor and metric."""
    kept: dict[str, Any] = {"rows": [asdict(row) for row in rows], "bd_rates": {}}
    for name, group in groups(rows):
        anchors = [way for way in WAYS if way != OURS and any(row.way == way for row in group)]
        metrics = [metric for metric in LOWER_IS_BETTER if any(metric in row.values for row in group)]
        kept["bd_rates"][name] = {way: {metric: bd_rates(group, way, metric) for metric in metrics} for way in anchors}
    return kept


def lines(rows: Sequence[EvidenceRow]) -> Iterator[str]:
    """For people: every row, then every BD-rate with its spread."""
    for name, group in groups(rows):
        yield f"== {name}"
        metrics = [metric for metric in LOWER_IS_BETTER if any(metric in row.values for row in group)]
        yield "clip way setting | bytes | bpp | " + " | ".join([*metrics, *SHARES]) + " | encode fps | decode fps"
        for row in sorted(group, key=lambda row: (row.clip, row.way, row.size)):
            values = " | ".join(f"{row.values.get(metric, float('nan')):.4f}" for metric in [*metrics, *SHARES])
            speeds = " | ".join(f"{row.frames / s:.1f}" if s else "-" for s in (row.encode_s, row.decode_s))
            yield f"{row.clip} {row.way} {row.setting:g} | {row.size} | {row.bpp:.4f} | {values} | {speeds}"
        for way in (way for way in WAYS if way != OURS and any(row.way == way for row in group)):
            for metric in metrics:
                rates = bd_rates(group, way, metric)
                each = ", ".join(f"{clip} {'-' if rate is None else f'{rate:+.1f}'}" for clip, rate in rates.items())
                yield f"BD-rate {metric} against {way}: {summary(rates)} ({each})"
