"""Makes the tables of README.md and docs/measurements.md of results/*.json, each between the comments that name it.

    python -m benchmarks.tables [--check]

A table whose figures were measured with other weights than those in resources says so under it.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.results import ROOT, Results, load, script

METRICS = {
    "dists": "DISTS",
    "lpips": "LPIPS (Alex)",
    "psnr": "PSNR",
    "vmaf": "VMAF",
    "tof": "tOF (motion)",
    "tlp": "tLP (flicker)",
}
ANCHORS = {
    "own-base": "own base, nothing restored",
    "svtav1-base": "SVT-AV1, the base's settings",
    "svtav1": "SVT-AV1 preset 4",
    "libaom": "libaom speed 4",
    "x265": "x265 slow",
    "vvc": "VVC medium",
}
OURS = "fgvc"
# Of what README shows: metrics and anchors.
IN_SHORT = ("dists", "lpips", "psnr"), ("own-base", "svtav1", "x265", "vvc")
SHARES = {"edges": "block edges", "checkerboard": "checkerboard of single pixels"}
CODERS = {
    "`trellis` (default), `trellis-best`": ("trellis-4-9", "trellis-4-16"),
    "`greedy`, `pfr`": ("greedy", "pfr"),
}


def summary(figures: Mapping[str, Any]) -> Iterator[str]:
    """Mean BD-rates of the pocket prior where it is judged at coding size."""
    metrics, anchors = IN_SHORT
    yield "| bits at equal quality, against | " + " | ".join(ANCHORS[name] for name in anchors) + " |"
    yield "|---" * (1 + len(anchors)) + "|"
    for group, rates in figures["bd_rates"].items():
        if not all(name in rates and metrics[0] in rates[name] for name in anchors):
            continue
        for metric in metrics:
            cells = (_rate(rates[name][metric], _in_short) for name in anchors)
            clips = len(rates[anchors[0]][metric])
            yield f"| {group}, {clips} clips: {METRICS[metric]} | " + " | ".join(cells) + " |"


def _rate(rates: Mapping[str, float | None], told: Callable[[Sequence[float], int], str]) -> str:
    """A cell of the clips' BD-rates: their mean, and what `told` says of those with a range in common and the rest."""
    values = [rate for rate in rates.values() if rate is not None]
    if not values:
        return "no common range"
    return f"{sum(values) / len(values):+.1f} %{told(values, len(rates) - len(values))}"


def _in_short(values: Sequence[float], apart: int) -> str:
    return f" ({len(values)} of them)" if apart else ""


def evidence(figures: Mapping[str, Any]) -> Iterator[str]:
    """BD-rates of the pocket prior by size and anchor, mean over clips and their range, and `SHARES` of each way."""
    for group, rates in figures["bd_rates"].items():
        anchors = [name for name in ANCHORS if name in rates]
        yield f"| {group}: bits against | " + " | ".join(ANCHORS[name] for name in anchors) + " |"
        yield "|---" * (1 + len(anchors)) + "|"
        for metric, title in METRICS.items():
            if all(metric in rates[name] for name in anchors):
                yield f"| {title} | " + " | ".join(_rate(rates[name][metric], _range) for name in anchors) + " |"
        at_coding_size = [
            row for row in figures["rows"] if (f"{row['lines']} lines", row["judged_at"]) == (group, "coding")
        ]
        for name in SHARES:
            yield from _share(at_coding_size, name, anchors)
        yield ""


def _range(values: Sequence[float], apart: int) -> str:
    clips = "1 clip" if len(values) == 1 else f"{len(values)} clips"
    rest = f", {apart} apart" if apart else ""
    return f" ({min(values):+.1f} to {max(values):+.1f}, {clips}{rest})"


def _share(rows: Sequence[Mapping[str, Any]], name: str, anchors: Sequence[str]) -> Iterator[str]:
    """A line of means, as multiples of what the source has; none where it wasn't measured."""
    ours, *theirs = (_mean_value(rows, way, name) for way in (OURS, *anchors))
    if ours is not None:
        cells = ("" if value is None else f"{value:.3f}" for value in theirs)
        yield f"| {SHARES[name]} (the source 1, ours {ours:.3f}) | " + " | ".join(cells) + " |"


def _mean_value(rows: Sequence[Mapping[str, Any]], way: str, name: str) -> float | None:
    values = [row["values"][name] for row in rows if row["way"] == way and name in row["values"]]
    return sum(values) / len(values) if values else None


def channel(figures: Mapping[str, Any]) -> Iterator[str]:
    """Efficiency of the channel coders on a Gaussian trajectory."""
    yield "| on an analytic source | delivered KL / bits sent |"
    yield "|---|---|"
    for title, names in CODERS.items():
        yield f"| {title} | " + ", ".join(f"{figures['trajectory'][name]:.2f}" for name in names) + " |"


def controller(figures: Mapping[str, Any]) -> Iterator[str]:
    """The controller against the state before it."""
    yield "| against one level a segment | bits at equal mean DISTS | at equal worst GOP | encoder's speed |"
    yield "|---|---|---|---|"
    for clip, row in figures["saved"].items():
        cells = ("no common range" if row[name] is None else f"{row[name]:+.1f} %" for name in ("mean", "worst"))
        yield f"| clip {clip} | " + " | ".join(cells) + f" | {row['faster']:.1f} times |"
    rows = figures["saved"].values()
    means = (fmean(row[name] for row in rows if row[name] is not None) for name in ("mean", "worst", "faster"))
    yield "| mean | {:+.1f} % | {:+.1f} % | {:.1f} times |".format(*means)
    for state, title in (("this", "now"), ("other", "before")):
        row = figures["exactness"][state]
        yield (
            f"| GOPs {title} | {row['within']:.0%} of {row['gops']} within 0.01 | {row['worse']:.0%} worse | "
            f"{row['better']:.0%} better |"
        )


def command_time(figures: Mapping[str, Any]) -> Iterator[str]:
    """Whole commands of this state and of the one before it."""
    yield "| whole command | frames a second | before | ratio | first GOP after |"
    yield "|---|---|---|---|---|"
    keys = ("command", "clip", "lines", "threads")
    rows = {(row["state"], *(row[key] for key in keys)): row for row in figures["rows"]}
    for (state, command, clip, lines, threads), row in rows.items():
        other = rows.get(("other", command, clip, lines, threads))
        if state != "this" or other is None:
            continue
        now, before = (one["frames"] / one["seconds"] for one in (row, other))
        first = "" if row["first"] is None else f"{row['first'] / row['seconds']:.0%} of it"
        name = f"{command}, clip {clip}, {lines} lines, {threads} thread{'s' if threads > 1 else ''}"
        yield f"| {name} | {now:.1f} | {before:.1f} | {now / before:.1f} | {first} |"


def memory(figures: Mapping[str, Any]) -> Iterator[str]:
    """Peak memory of long videos."""
    yield "| peak memory | of 1 minute | of 10 minutes | ratio |"
    yield "|---|---|---|---|"
    for name, row in figures.items():
        short, long = row["1"], row["10"]
        yield f"| {name} | {short / 1024:.0f} MiB | {long / 1024:.0f} MiB | {long / short:.3f} |"


def reliability(figures: Mapping[str, Any]) -> Iterator[str]:
    """Killed encodes by what they aim at, then damaged files."""
    columns = (
        "what was killed",
        "kills",
        "announced GOPs lost",
        "equal to the undisturbed one",
        "nothing half-written",
    )
    yield f"| {' | '.join(columns)} |"
    yield "|---|---|---|---|---|"
    for mode in dict.fromkeys(row["mode"] for row in figures["kills"]):
        rows = [row for row in figures["kills"] if row["mode"] == mode]
        kills, lost = sum(len(row["kills"]) for row in rows), sum(row["lost"] for row in rows)
        good = (f"{sum(row[name] for row in rows)} of {len(rows)}" for name in ("equal", "tidy"))
        yield f"| {mode} | {kills} | {lost} | {' | '.join(good)} |"
    found, limits = figures["mutants"], figures["limits"]
    yield ""
    yield (
        f"Of {found['next']:,} damaged files (at {found['commit']}) "
        f"{found.get('refused', 0):,} were refused in a sentence and "
        f"{found.get('decoded', 0):,} decoded as far as they go; {len(found.get('failures', ()))} ended otherwise. "
        f"None took more than {found['longest_seconds']:.1f} s of computing or {found['most_megabytes']} MB of memory "
        f"(limits {limits['seconds']} s, {limits['megabytes']} MB)."
    )


def portability(figures: Mapping[str, Any]) -> Iterator[str]:
    """The encoder's picture against those of decoders elsewhere, the worst over threads."""
    ways = list(figures["rows"][0]["psnr"])
    groups: dict[str, list[str]] = {"float32": [], "bfloat16": [], "float32, AVX2": [], "bfloat16, AVX2": []}
    for way in ways:
        groups[way.split(",")[0] + (", AVX2" if way.endswith("AVX2") else "")].append(way)
    yield f"| dB to the encoder's picture, {figures['lines']} lines | " + " | ".join(groups) + " |"
    yield "|---" * (1 + len(groups)) + "|"
    for row in figures["rows"]:
        values = [[row["psnr"][way] for way in group] for group in groups.values()]
        worst = [min((value for value in group if value is not None), default=None) for group in values]
        cells = ("the same" if value is None else f"{value:.1f}" for value in worst)
        yield f"| clip {row['clip']}, base {row['base']}, {row['bpp']:.3f} bpp | " + " | ".join(cells) + " |"


Table = tuple[str, Callable[[Mapping[str, Any]], Iterator[str]]]
"""The result's name in benchmarks/results, and what its table looks like."""
DOCUMENTS: Mapping[Path, Mapping[str, Table]] = {
    ROOT / "README.md": {"summary": ("evidence", summary)},
    ROOT / "docs/measurements.md": {
        function.__name__: (function.__name__, function)
        for function in (evidence, channel, controller, command_time, memory, portability, reliability)
    },
}


def table(result: str, lines: Callable[[Mapping[str, Any]], Iterator[str]]) -> str:
    """The lines between the comments."""
    results = load(result)
    return "\n".join([*lines(results.figures), "", _origin(results)])


def _origin(results: Results) -> str:
    old = " **These figures are of older weights than those that ship.**" if results.outdated else ""
    weights = f", weights {results.weights[:8]}" if results.weights else ""
    return f"<sub>`{script(results.benchmark)}` at {results.commit}{weights}.{old}</sub>"


def _filled(table: str, place: re.Match[str]) -> str:
    return f"{place[1]}{table}\n{place[2]}"


def rewritten(document: Path) -> str:
    """A document with every table as it should be."""
    text = document.read_text("utf-8")
    for name, (result, lines) in DOCUMENTS[document].items():
        pattern = rf"(<!-- table {name} -->\n).*?(<!-- end of {name} -->)"
        if len(re.findall(pattern, text, re.DOTALL)) != 1:
            raise SystemExit(f"{document} lacks the comments around the table {name}")
        new = table(result, lines)
        text = re.sub(pattern, partial(_filled, new), text, flags=re.DOTALL)
    return text


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--check", action="store_true", help="change nothing; exit code 1 where something would change")
    args = parser.parse_args()
    for document in DOCUMENTS:
        text = rewritten(document)
        if text == document.read_text("utf-8"):
            continue
        if args.check:
            sys.exit(f"{document.name}'s tables are not those of benchmarks/results; run python -m benchmarks.tables")
        document.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
