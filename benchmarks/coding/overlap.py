"""Guided against plain overlap, with the pocket prior: bits of a chain's second GOP, its quality, and the seam.

    python -m benchmarks.coding.overlap CLIPS [--clips 03 10] [--short-side 96] [--steps 8]

Two GOPs of 24 frames share 4; both are coded to the same step. "seam" is the mean tOF over the frame pairs that lie in
or beside the overlap, divided by the mean over all others: 1 means that no seam can be told.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.clips import read_clip, seam
from benchmarks.results import save
from codec.arrays import Frames
from codec.base.av1 import encode_clip
from codec.channel.choice import coder_for, spec_for
from codec.metrics.catalog import metric
from codec.priors.base import BaseClip, Condition, VideoPrior
from codec.priors.catalog import open_prior
from codec.trajectory.assembly import Assembler, Sent, StoppedGop
from codec.trajectory.walk import Known, Walk

LENGTH, OVERLAP = 24, 4
CRF = 58


@dataclass(frozen=True)
class Result:
    """Bits of the second GOP's steps, and what the two GOPs look like together."""

    bits: int
    dists: float
    seam: float


def chain(prior: VideoPrior[Condition], frames: Frames, base: Frames | None, steps: int, guided: bool) -> Result:
    """Code two GOPs to `steps` steps each and put them together."""
    coder = coder_for(spec_for("trellis"))
    assembler, known, bits = Assembler(prior), None, 0
    made: list[Frames] = []
    for index, start in enumerate((0, LENGTH - OVERLAP)):
        own = frames[start : start + LENGTH]
        clip = None if base is None else BaseClip(base[start : start + LENGTH], CRF, 1)
        condition = prior.prepare(clip, *own.shape[:3])
        latent = prior.encode(own, condition)
        walk = Walk(prior, condition, tuple(latent.shape), 0, index, known if guided else None, prior.reuse)  # type: ignore[arg-type]
        coded = [step for _, step in zip(range(steps), walk.code(latent, coder), strict=False)]
        clean = walk.denoise(coded[-1].state, steps)
        bits = sum(8 * len(step.payload) for step in coded)
        known = Known(clean[:, -1:], 0, steps)
        gop = StoppedGop(index, start, LENGTH, OVERLAP if index else 0, Sent(steps, clean), condition)
        made += [part.frames for part in assembler.push(gop)]
    made += [part.frames for part in assembler.finish()]
    return judge(frames, np.concatenate(made), bits)


def judge(frames: Frames, decoded: Frames, bits: int) -> Result:
    """Quality over both GOPs, and the seam."""
    pairs = np.arange(len(frames) - 1)
    near = (pairs >= LENGTH - OVERLAP - 1) & (pairs <= LENGTH)
    dists = float(np.mean(metric("dists")(frames[::4], decoded[::4])))
    return Result(bits, dists, seam(frames, decoded, near))


def rows(
    prior: VideoPrior[Condition], folder: Path, number: str, short_side: int, steps: int
) -> Iterator[dict[str, Any]]:
    """One for each base and mode."""
    frames, rate = read_clip(folder, number, short_side, 2 * LENGTH - OVERLAP)
    _, base = encode_clip(frames, CRF, 1, rate)
    for name, pictures in (("av1", base), ("none", None)):
        for mode in ("guided", "plain"):
            result = chain(prior, frames, pictures, steps, mode == "guided")
            yield {"clip": number, "base": name, "mode": mode, **asdict(result)}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clips", nargs="*", default=["03", "10"])
    parser.add_argument("--short-side", type=int, default=96)
    parser.add_argument("--steps", type=int, default=8)
    args = parser.parse_args()
    torch.set_num_threads(1)
    prior = open_prior("pocket", "cpu", "float32")
    print("clip base overlap | bits of the second GOP's steps | DISTS | seam")
    found = []
    for clip in args.clips:
        for row in rows(prior, args.folder, clip, args.short_side, args.steps):
            found.append(row)
            print("{clip} {base} {mode} | {bits} | {dists:.4f} | {seam:.3f}".format(**row), flush=True)
    save("overlap", {"lines": args.short_side, "steps": args.steps, "rows": found}, uses_weights=True)


if __name__ == "__main__":
    main()
