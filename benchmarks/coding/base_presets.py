"""What a slower SVT-AV1 preset is worth for the base: bits, quality and time of presets 1, 2, 4 and 6.

    python -m benchmarks.coding.base_presets CLIPS [--clips 03 10 14 17] [--short-side 144] [--presets 1 2 4 6]

The base alone, nothing restored. Bits are BD-rates by exact DISTS against preset 1 over CRF 54, 60 and 66, the range of
the controller's levels; time is the processor's, of all threads, as a share of preset 1's in the same run.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from statistics import fmean

import torch

from benchmarks.clips import JUDGED_EVERY, Clip, read_clip
from benchmarks.results import save
from codec.base.av1 import encode_clip
from codec.metrics.base import Metric, mean
from codec.metrics.catalog import metric
from codec.reproduce.bd_rate import bd_rate

CRFS = (54.0, 60.0, 66.0)
FRAMES = 96


@dataclass(frozen=True)
class Coded:
    """One clip at one preset and level."""

    clip: str
    preset: int
    crf: float
    bits: int
    dists: float
    seconds: float


def coded(name: str, frames: Clip, rate: Fraction, preset: int, crf: float, judge: Metric) -> Coded:
    """Code and judge."""
    began = time.process_time()
    size, pictures = encode_clip(frames, crf, 1, rate, preset)
    seconds = time.process_time() - began
    value = mean(judge(frames[::JUDGED_EVERY], pictures[::JUDGED_EVERY]))
    return Coded(name, preset, crf, 8 * size, value, seconds)


def bits_saved(rows: Sequence[Coded], clip: str, preset: int, usual: int) -> float:
    """BD-rate of one preset against another on a clip, percent."""
    anchor, tested = (
        [(row.bits, row.dists) for row in rows if (row.clip, row.preset) == (clip, which)] for which in (usual, preset)
    )
    return bd_rate(anchor, tested, lower_is_better=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clips", nargs="+", default=["03", "10", "14", "17"])
    parser.add_argument("--short-side", type=int, default=144)
    parser.add_argument("--presets", nargs="+", type=int, default=[1, 2, 4, 6])
    args = parser.parse_args()
    torch.set_num_threads(1)
    judge = metric("dists")
    rows: list[Coded] = []
    for clip in args.clips:
        frames, rate = read_clip(args.folder, clip, args.short_side, FRAMES)
        rows += [coded(clip, frames, rate, preset, crf, judge) for preset in args.presets for crf in CRFS]
    usual = args.presets[0]
    table: dict[int, dict[str, float]] = {}
    print(f"preset  bits at equal DISTS, clip by clip ({', '.join(args.clips)})      mean    time")
    for preset in args.presets:
        rates = {clip: bits_saved(rows, clip, preset, usual) for clip in args.clips}
        spent, base = (sum(row.seconds for row in rows if row.preset == which) for which in (preset, usual))
        table[preset] = {**rates, "mean": fmean(rates.values()), "time": spent / base}
        print(
            f"{preset:6}  {'  '.join(f'{rate:+6.1f} %' for rate in rates.values())}  "
            f"{table[preset]['mean']:+6.1f} %  {spent / base:5.2f}"
        )
    figures = {"lines": args.short_side, "frames": FRAMES, "rows": [asdict(row) for row in rows], "presets": table}
    save("base_presets", figures, uses_weights=False)


if __name__ == "__main__":
    main()
