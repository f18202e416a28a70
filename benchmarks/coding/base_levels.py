"""What one level of the base takes and shows against another: bits, and each goal's metric, over CRF 20 to 70.

    python -m benchmarks.coding.base_levels CLIPS [--clips 03 10 14 17] [--lines 144]

A step of CRF is no measure of coarseness: around 62 it saves three times the bits that it saves at 52. The scale of
`codec.control.base_levels.coarseness`, by which searches foretell, is the mean of these curves. Every level codes the
clip's first frames as one GOP by the preset of a search's trial, and a few frames are judged restored as the default
prior does.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from statistics import fmean, pstdev

import torch

from benchmarks.clips import Clip, read_clip
from benchmarks.results import save
from codec.base.level import StreamLevels
from codec.control.base_levels.based import code_base
from codec.control.base_levels.segment_coder import TRIAL_PRESET
from codec.control.probing import TRIAL_FRAMES, restored_qualities
from codec.goals import GOAL_METRICS, QUALITY_METRICS, USUAL_CRF
from codec.metrics.base import Metric
from codec.metrics.catalog import metric
from codec.priors.base import Condition, VideoPrior
from codec.priors.catalog import open_prior
from codec.video.cutting import Gop, Segment

FRAMES = 48
STEP = 10
CRFS = (20.0, 30.0, 40.0, 45.0, 50.0, 52.5, 55.0, 57.5, 60.0, 61.0, 62.0, 63.0, 64.0, 66.0, 68.0, 70.0)


@dataclass(frozen=True)
class Level:
    """One clip at one level.

    Attributes:
        qualities: by metric.
    """

    clip: str
    crf: float
    bits: int
    qualities: dict[str, float]


def coded(
    name: str, frames: Clip, rate: Fraction, crf: float, prior: VideoPrior[Condition], judges: Mapping[str, Metric]
) -> Level:
    """Code and judge."""
    times = tuple(number / rate for number in range(len(frames)))
    segment = Segment(frames, (Gop(0, 0, 0, frames, times),))
    levels = StreamLevels.constant(crf)
    gop, base = next(filter(None, code_base(segment, levels, 1, rate, TRIAL_PRESET)))
    qualities = {
        judge: restored_qualities(prior, judges[judge], gop, base.clip, TRIAL_FRAMES, [STEP])[STEP] for judge in judges
    }
    return Level(name, crf, base.run.bits, qualities)


def curves(levels: Sequence[Level]) -> list[dict[str, float]]:
    """Of each CRF, means over clips: how often it halves the bits of `USUAL_CRF`, and what each metric loses."""
    usual = {level.clip: level for level in levels if level.crf == USUAL_CRF}
    rows = []
    for crf in CRFS:
        here = [level for level in levels if level.crf == crf]
        halvings = [math.log2(usual[level.clip].bits / level.bits) for level in here]
        losses = {
            f"{name} lost": fmean(
                GOAL_METRICS[name].miss(usual[level.clip].qualities[name], level.qualities[name]) for level in here
            )
            for name in QUALITY_METRICS
        }
        rows.append({"crf": crf, "halvings": fmean(halvings), "spread": pstdev(halvings), **losses})
    return rows


def main() -> None:
    """Print the curves, and keep them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clips", nargs="+", default=["03", "10", "14", "17"])
    parser.add_argument("--lines", type=int, default=144)
    args = parser.parse_args()
    torch.set_num_threads(1)
    prior, judges = open_prior("pocket", "cpu", "float32"), {name: metric(name) for name in QUALITY_METRICS}
    levels: list[Level] = []
    for clip in args.clips:
        frames, rate = read_clip(args.folder, clip, args.lines, FRAMES)
        levels += [coded(clip, frames, rate, crf, prior, judges) for crf in CRFS]
        print(f"clip {clip} done", flush=True)
    rows = curves(levels)
    for row in rows:
        print("  ".join(f"{name} {value:7.4f}" for name, value in row.items()))
    figures = {"lines": args.lines, "frames": FRAMES, "levels": [asdict(level) for level in levels], "curves": rows}
    save("base_levels", figures, uses_weights=True)


if __name__ == "__main__":
    main()
