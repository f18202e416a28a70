"""What the implicit layer's bits buy over a base, against the same bits spent on a finer base.

    python -m benchmarks.control.implicit_layer CLIPS [--clips 03 10 14] [--short-side 144]

The first GOP of each clip. For every base CRF: the base restored with no implicit bits (t* = 0), then the first steps
of the trajectory over the coarsest one. "finer base" is what the restored bases give at the same bits, on straight
lines between their CRFs in log bits: where it is lower, the step is not worth its bits. Bits are those of base and
steps alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch

from benchmarks.clips import Clip, read_clip
from benchmarks.results import save
from codec.base.av1 import encode_clip
from codec.channel.choice import coder_for, spec_for
from codec.control.probing import probe_frames
from codec.encoding.gop_coder import Prefixes
from codec.metrics.base import Metric
from codec.metrics.catalog import metric
from codec.priors.base import BaseClip, Condition, VideoPrior
from codec.priors.catalog import open_prior
from codec.trajectory.walk import Walk

CRFS = (64, 61, 58, 55)
STEPS = (2, 4, 6, 8, 10)
Point = tuple[float, float]


def prefixes(prior: VideoPrior[Condition], frames: Clip, base: BaseClip, base_bits: int) -> tuple[Prefixes, Condition]:
    """The trajectory of one GOP over a base, and the GOP's condition."""
    count, height, width, _ = frames.shape
    condition = prior.prepare(base, count, height, width)
    walk = Walk(prior, condition, prior.geometry.latent_shape(count, height, width), 0, 0, None, prior.reuse)
    coded = walk.code(prior.encode(frames, condition), coder_for(spec_for("trellis")))
    return Prefixes(walk, coded, base_bits), condition


def points(
    prior: VideoPrior[Condition], frames: Clip, rate: Fraction, crf: int, steps: tuple[int, ...], judge: Metric
) -> list[Point]:
    """(bpp, quality) of prefixes over the base at a CRF."""
    size, pictures = encode_clip(frames, crf, 1, rate)
    ladder, condition = prefixes(prior, frames, BaseClip(pictures, crf, 1), 8 * size)
    list(ladder.extend(0, max(steps), float("inf")))
    chosen = probe_frames(len(frames), 0)
    made = [prior.preview(ladder.clean(step), step, condition, chosen) for step in steps]
    quality = [float(np.mean(judge(frames[chosen], seen))) for seen in made]
    return [(ladder.bits[step] / frames[..., 0].size, value) for step, value in zip(steps, quality, strict=True)]


@dataclass(frozen=True)
class LayerRow:
    """A base at a CRF, restored, with so many steps sent over it; `finer_base`: what a base of the same bits gives."""

    clip: str
    crf: int
    step: int
    bpp: float
    dists: float
    finer_base: float | None


def rows(prior: VideoPrior[Condition], name: str, frames: Clip, rate: Fraction, judge: Metric) -> Iterator[LayerRow]:
    """One clip's."""
    bases = [points(prior, frames, rate, crf, (0,), judge)[0] for crf in CRFS]
    for crf, (bpp, value) in zip(CRFS, bases, strict=True):
        yield LayerRow(name, crf, 0, bpp, value, None)
    rates, values = (np.array(column) for column in zip(*bases, strict=True))
    for step, (bpp, value) in zip(STEPS, points(prior, frames, rate, CRFS[0], STEPS, judge), strict=True):
        finer = float(np.interp(np.log(bpp), np.log(rates), values))
        yield LayerRow(name, CRFS[0], step, bpp, value, finer)


def line(row: LayerRow) -> str:
    """One row in print."""
    finer = "" if row.finer_base is None else f"  finer base {row.finer_base:.4f}"
    return f"{row.clip}  CRF {row.crf}, step {row.step:2}  {row.bpp:.4f}  {row.dists:.4f}{finer}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clips", nargs="+", default=["03", "10", "14"])
    parser.add_argument("--short-side", type=int, default=144)
    args = parser.parse_args()
    torch.set_num_threads(1)
    prior = open_prior("pocket", "cpu", "float32")
    judge = metric("dists")
    print("clip base                bpp     DISTS")
    found: list[LayerRow] = []
    for clip in args.clips:
        frames, rate = read_clip(args.folder, clip, args.short_side, prior.geometry.gop_frames)
        for row in rows(prior, clip, frames, rate, judge):
            found.append(row)
            print(line(row), flush=True)
    save("implicit_layer", {"lines": args.short_side, "rows": [asdict(row) for row in found]}, uses_weights=True)


if __name__ == "__main__":
    main()
