"""Train the pocket prior's networks together, from prepared items; resumes from WORK/pocket.pt.

    python -m training.pocket.train WORK --minutes 120 [--threads 1]

One loss (docs/pocket-prior.md derives it): a random clip, a random level at which the trajectory stops (often level 0:
no implicit bits), and then

    L1 + temporal L1 + DISTS + LPIPS of the synthesised frames  +  rate * ||y - y_hat||^2 .

The last term is the exact rate of the trajectory up to that level, divided by its SNR, so that every level is trained
at the exchange rate of bits and quality that fits it. Its gradient shapes the analysis too.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import torch
from safetensors.torch import load_file
from torch import Tensor

from codec.priors.pocket import pocket_schedule
from codec.priors.pocket_net import SLOT_FRAMES, PocketConfig, PocketNet
from codec.priors.weights import read_weights
from training.learner import Learner
from training.learning_rate import learning_rate
from training.losses import Dists, LpipsAlex
from training.pocket.dataset import CLIP_FRAMES, Batch, Crops, stream

Given = TypeVar("Given")
"""A batch of any kind."""


@dataclass(frozen=True)
class Recipe:
    """Everything that shapes a run; printed into its log."""

    clips: int = 4
    crop: int = 144
    peak_rate: float = 3e-4
    warm_up: int = 200
    drop_base: float = 0.15
    start_share: float = 0.25
    denoiser_weight: float = 0.1
    rate_weight: float = 0.015
    ema: float = 0.999
    seed: int = 1


@dataclass(frozen=True)
class Losses:
    """The differentiable judges."""

    dists: Dists
    lpips: LpipsAlex

    def __call__(self, made: Tensor, wanted: Tensor) -> dict[str, Tensor]:
        """What the networks see in pictures (B, n, 3, H, W) in [-1, 1] -> loss terms."""
        flat, target = made.flatten(0, 1), wanted.flatten(0, 1)
        with torch.no_grad():
            reference = self.dists.features((target + 1) / 2)
        distance = self.dists.distance(self.dists.features((flat + 1) / 2), reference).mean()
        return {"dists": distance, "lpips": self.lpips(flat, target).mean()}

    @staticmethod
    def pixels(made: Tensor, wanted: Tensor) -> dict[str, Tensor]:
        """Pictures (B, 2, 3, H, W), two consecutive frames per clip -> how they and their motion differ."""
        motion = ((made[:, 1] - made[:, 0]) - (wanted[:, 1] - wanted[:, 0])).abs().mean()
        return {"l1": (made - wanted).abs().mean(), "motion": motion}


TERM_WEIGHTS = {"l1": 1.0, "motion": 0.5, "dists": 1.0, "lpips": 0.7}


def sample_levels(count: int, start_share: float) -> Tensor:
    """Flow sigmas (count,) at which trajectories stop: 1 for `start_share` of them, else uniform in log SNR."""
    sigmas = pocket_schedule().sigmas
    low, high = math.log(sigmas[-1] / (1 - sigmas[-1])), math.log(sigmas[1] / (1 - sigmas[1]))
    odds = torch.exp(torch.rand(count) * (high - low) + low)
    return torch.where(torch.rand(count) < start_share, torch.ones(count), odds / (1 + odds))


def forward(net: PocketNet, batch: Batch, recipe: Recipe) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(made, wanted) pictures (B, 2, 3, H, W); the latent's squared error as denoiser and as analysis see it."""
    clips, slots = len(batch.source), CLIP_FRAMES // SLOT_FRAMES
    source, base = (x.flatten(0, 1).unflatten(0, (clips * slots, SLOT_FRAMES)) for x in (batch.source, batch.base))
    info = batch.base_info.repeat_interleave(slots, 0)
    clean = net.analyse(source, base, info, slots)
    features = net.features(base, info, slots)
    sigma = sample_levels(clips, recipe.start_share)
    per_slot = sigma.repeat_interleave(slots)
    level = per_slot[:, None, None, None]
    noisy = (1 - level) * clean + level * torch.randn_like(clean)
    estimate = net.denoise(noisy, per_slot, features, info, slots)
    denoising = (estimate - clean.detach()).square().mean()
    rate = (estimate.detach() - clean).square().mean()
    return *synthesise_pair(net, batch, estimate.unflatten(0, (clips, slots)), sigma), denoising, rate


def synthesise_pair(net: PocketNet, batch: Batch, latent: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
    """(made, wanted), (B, 2, 3, H, W) each: two consecutive frames at a random place of each clip.

    Args:
        latent: (B, slots, latent, h, w), denoised from noise levels sigma (B,).
    """
    clips, slots = latent.shape[:2]
    rows = torch.arange(clips)
    first = torch.randint(0, CLIP_FRAMES - 1, (clips,))
    made = [
        net.synthesise(
            torch.stack([batch.base[rows, (time + d).clamp(0, CLIP_FRAMES - 1)] for d in (-1, 0, 1)], 1),
            torch.stack([latent[rows, (time // SLOT_FRAMES + d).clamp(0, slots - 1)] for d in (-1, 0, 1)], 1),
            time % SLOT_FRAMES,
            sigma,
            batch.base_info,
        )
        for time in (first, first + 1)
    ]
    wanted = torch.stack([batch.source[rows, first], batch.source[rows, first + 1]], 1)
    return torch.stack(made, 1), wanted


def begin(checkpoint: Path, recipe: Recipe) -> Learner[PocketNet]:
    """Fresh, over the transform that lies beside it, or as the checkpoint left it."""
    torch.manual_seed(recipe.seed)
    net = PocketNet(PocketConfig())
    if not checkpoint.exists():
        net.transform.load_state_dict(load_file(checkpoint.with_name("transform.safetensors")))
    return _restored(_learner(net, recipe), checkpoint)


def resume(checkpoint: Path, weights: Path, recipe: Recipe) -> Learner[PocketNet]:
    """As the checkpoint left it; without one, from weights that `training.pocket.export` wrote."""
    torch.manual_seed(recipe.seed)
    metadata, state = read_weights(weights)
    learner = _learner(PocketNet(PocketConfig.from_json(metadata["config"])), recipe)
    learner.take(metadata, state)
    return _restored(learner, checkpoint)


def _learner(net: PocketNet, recipe: Recipe) -> Learner[PocketNet]:
    optimiser = torch.optim.AdamW(net.parameters(), recipe.peak_rate, betas=(0.9, 0.98), weight_decay=0.01)
    return Learner.begin(net, optimiser, recipe.ema)


def _restored(learner: Learner[PocketNet], checkpoint: Path) -> Learner[PocketNet]:
    if checkpoint.exists():
        learner.restore(torch.load(checkpoint, weights_only=True))
    return learner


def train(
    learner: Learner[PocketNet],
    checkpoint: Path,
    batches: Iterator[Given],
    schedule: Schedule,
    update: Callable[[Given], dict[str, float]],
) -> None:
    """Until the schedule ends, logging every 20 iterations and saving every 200."""
    before, first, mean = learner.seconds, learner.iteration, dict[str, float]()
    while (elapsed := time.monotonic() - schedule.began) < schedule.seconds:
        for group in learner.optimiser.param_groups:
            group["lr"] = schedule.rate(learner.iteration - first, elapsed)
        terms = update(next(batches))
        mean = {name: 0.95 * mean.get(name, value) + 0.05 * value for name, value in terms.items()}
        learner.seconds = before + time.monotonic() - schedule.began
        if learner.iteration % 20 == 0:
            text = " ".join(f"{name} {value:.4f}" for name, value in mean.items())
            print(f"{learner.seconds / 60:.1f}m it {learner.iteration} {text}", flush=True)
        if learner.iteration % 200 == 0:
            learner.save(checkpoint)
    learner.save(checkpoint)


@dataclass(frozen=True)
class Schedule:
    """Learning rate over one run: warm-up, flat, then a cosine to the end.

    Attributes:
        seconds: length of the run.
        flat: share of it before the rate falls.
        began: `time.monotonic()` at its start.
    """

    recipe: Recipe
    seconds: float
    flat: float
    began: float

    def rate(self, updates: int, elapsed: float) -> float:
        """After `updates` updates of this process and `elapsed` seconds."""
        done = elapsed / self.seconds
        return learning_rate(updates, done, self.recipe.peak_rate, self.recipe.warm_up, self.flat)


def step(learner: Learner[PocketNet], batch: Batch, losses: Losses, recipe: Recipe) -> dict[str, float]:
    """One update; returns the terms."""
    with torch.autocast("cpu", torch.bfloat16):
        made, wanted, denoising, rate = forward(learner.net, batch, recipe)
        terms = {**losses(made, wanted), **losses.pixels(made, wanted)}
    latent = recipe.denoiser_weight * denoising + recipe.rate_weight * rate
    loss = torch.stack([TERM_WEIGHTS[name] * terms[name] for name in TERM_WEIGHTS]).sum() + latent
    return advance(learner, loss, {**terms, "latent": denoising})


def advance(learner: Learner[PocketNet], loss: Tensor, terms: dict[str, Tensor]) -> dict[str, float]:
    """Follow a loss one step downhill; returns the terms and the gradient's norm as numbers."""
    norm = learner.follow(loss)
    return {name: float(value.detach()) for name, value in {**terms, "norm": norm}.items()}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("work", type=Path)
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--crop", type=int, default=Recipe.crop)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    recipe = replace(Recipe(), crop=args.crop)
    learner = begin(args.work / "pocket.pt", recipe)
    losses = Losses(Dists(), LpipsAlex())
    crops = Crops(args.work, recipe.crop, recipe.drop_base, recipe.seed + learner.iteration)
    schedule = Schedule(recipe, args.minutes * 60, flat=0.7, began=time.monotonic())
    print(recipe, flush=True)
    batches = stream(crops, recipe.clips)
    train(learner, args.work / "pocket.pt", batches, schedule, lambda batch: step(learner, batch, losses, recipe))


if __name__ == "__main__":
    main()
