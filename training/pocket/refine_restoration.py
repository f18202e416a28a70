"""Refine the pocket prior's synthesis for what it mostly does, restoring a base with nothing sent.

Resumes from WORK/pocket.pt.

    python -m training.pocket.refine_restoration ITEMS WORK --start resources/pocket.safetensors

The other networks are frozen. Every batch has bases of one kind, coarse, fine or half size, since block edges are
weighed over the whole batch: a mean over all kinds lets it smooth fine bases to make up for coarse ones.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from codec.priors.pocket import base_info
from codec.priors.pocket_net import PocketNet
from training.learner import Learner
from training.pocket.train import Recipe, Schedule, advance, resume, train
from training.restoration.crops import Clip, Pool
from training.restoration.item import GRID
from training.restoration.losses import Judge, TermWeights, VggJudge, pixel_terms

RECIPE = replace(Recipe(), clips=6, crop=112, peak_rate=1e-4, warm_up=60, ema=0.998)
# Edges count for more than while learning from nothing: they are what is left to mend.
WEIGHTS = TermWeights(motion=0.0, edges=2.0, dists=2.0, lpips=0.7)


@dataclass(frozen=True)
class Batch:
    """N crops of pictures, and all that the synthesis is told of them.

    Attributes:
        source: (N, 3, H, W) in [-1, 1].
        base: (N, 3, 3, H, W), with the picture before and the one behind.
        info: (N, 3), see `LevelEmbedding`.
        phase: (N,) place in its slot, 0-3.
    """

    source: Tensor
    base: Tensor
    info: Tensor
    phase: Tensor


def batches(pool: Pool, recipe: Recipe) -> Iterator[Batch]:
    """Endless batches of one kind each; crops begin on the grid of AV1's blocks."""
    rng = np.random.default_rng(recipe.seed)
    while True:
        first = pool.draw(rng)
        clips = [first]
        while len(clips) < recipe.clips:
            other = pool.draw(rng)
            if other.kind == first.kind:
                clips.append(other)
        crops = [_crop(clip, recipe.crop, rng) for clip in clips]
        source, base = (torch.stack(column).float() / 127.5 - 1 for column in zip(*crops, strict=True))
        info = torch.cat([base_info((clip.crf, clip.scale), 1) for clip in clips])
        phase = torch.from_numpy(rng.integers(0, 4, len(clips)))
        yield Batch(source, base, info, phase)


def _crop(clip: Clip, side: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """(source (3, H, W), base (3, 3, H, W)) uint8; the ends of a clip are their own neighbours."""
    count, height, width, _ = clip.source.shape
    top, left = (int(rng.integers((whole - side) // GRID + 1)) * GRID for whole in (height, width))
    time = int(rng.integers(count))
    place = np.s_[:, top : top + side, left : left + side]
    near = [max(time - 1, 0), time, min(time + 1, count - 1)]
    source, base = clip.source[time : time + 1][place], torch.stack([clip.base[t : t + 1][place][0] for t in near])
    if rng.random() < 0.5:
        source, base = source.flip(2), base.flip(2)
    return source[0].permute(2, 0, 1), base.permute(0, 3, 1, 2)


def restored(net: PocketNet, batch: Batch) -> Tensor:
    """Pictures (N, 3, H, W) as `PocketPrior.restore` makes the whole restoration: from an empty latent."""
    rows, (height, width) = len(batch.base), (side // GRID for side in batch.source.shape[-2:])
    empty = torch.zeros(rows, 3, net.config.latent, height, width)
    return net.synthesise(batch.base, empty, batch.phase, torch.ones(rows), batch.info)


def step(learner: Learner[PocketNet], batch: Batch, judge: Judge) -> dict[str, float]:
    """One update; returns the terms."""
    with torch.autocast("cpu", torch.bfloat16):
        made = restored(learner.net, batch)
        terms: dict[str, Tensor] = {**_pixels(made, batch.source), **_judged(judge, made, batch.source)}
    whole = torch.ones(1)
    loss = torch.stack([(WEIGHTS.of(name, whole) * term).mean() for name, term in terms.items()]).sum()
    return advance(learner, loss, {name: term.mean() for name, term in terms.items()})


def _pixels(made: Tensor, wanted: Tensor) -> dict[str, Tensor]:
    """Terms of (N, 3, H, W); a batch is all of one kind."""
    return pixel_terms(made[None], wanted[None], torch.zeros(1))


def _judged(judge: Judge, made: Tensor, wanted: Tensor) -> dict[str, Tensor]:
    with torch.no_grad():
        reference = judge.features(wanted)
    return judge.terms(judge.features(made), reference)


def freeze_all_but(net: PocketNet, part: nn.Module) -> None:
    """Only `part` of the network learns."""
    net.requires_grad_(False)
    part.requires_grad_(True)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("items", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--start", type=Path, required=True, help="weights to go on from where there is no checkpoint")
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    args.work.mkdir(parents=True, exist_ok=True)
    learner = resume(args.work / "pocket.pt", args.start, RECIPE)
    freeze_all_but(learner.net, learner.net.synthesis)
    judge = VggJudge()
    recipe = replace(RECIPE, seed=RECIPE.seed + learner.iteration)
    schedule = Schedule(recipe, args.minutes * 60, flat=0.3, began=time.monotonic())
    print(recipe, WEIGHTS, flush=True)
    made = batches(Pool(args.items, torch.device("cpu"), recipe.crop), recipe)
    train(learner, args.work / "pocket.pt", made, schedule, lambda batch: step(learner, batch, judge))


if __name__ == "__main__":
    main()
