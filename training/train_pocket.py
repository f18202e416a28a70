"""Train the pocket prior's networks together, from prepared items; resumes from WORK/pocket.pt.

    python -m training.train_pocket WORK --networks NETWORKS --minutes 120 [--threads 1]

One loss (docs/pocket-prior.md derives it): a random clip, a random level at which the trajectory stops (often level 0:
no implicit bits), and then

    L1 + temporal L1 + DISTS + LPIPS of the synthesised frames  +  rate * ||y - y_hat||^2 .

The last term is the exact rate of the trajectory up to that level, divided by its SNR, so that every level is trained
at the exchange rate of bits and quality that fits it. Its gradient shapes the analysis too.
"""

from __future__ import annotations

import argparse
import copy
import math
import time
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from codec.priors.pocket import pocket_schedule
from codec.priors.pocket_net import SLOT_FRAMES, PocketConfig, PocketNet
from training.dataset import CLIP_FRAMES, Batch, Crops, stream
from training.losses import Dists, LpipsAlex


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
        """Pictures (B, 2, 3, H, W) in [-1, 1], two consecutive frames per clip -> loss terms."""
        flat, target = made.flatten(0, 1), wanted.flatten(0, 1)
        with torch.no_grad():
            reference = self.dists.features((target + 1) / 2)
        distance = self.dists.distance(self.dists.features((flat + 1) / 2), reference).mean()
        motion = ((made[:, 1] - made[:, 0]) - (wanted[:, 1] - wanted[:, 0])).abs().mean()
        return {
            "l1": (flat - target).abs().mean(),
            "motion": motion,
            "dists": distance,
            "lpips": self.lpips(flat, target).mean(),
        }


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
    rows = torch.arange(clips)
    first = torch.randint(0, CLIP_FRAMES - 1, (clips,))
    latent = estimate.unflatten(0, (clips, slots))
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
    return torch.stack(made, 1), wanted, denoising, rate


@dataclass
class Run:
    """Everything that a checkpoint holds."""

    net: PocketNet
    average: PocketNet
    optimiser: torch.optim.Optimizer
    iteration: int = 0
    seconds: float = 0.0

    @classmethod
    def start(cls, checkpoint: Path, recipe: Recipe) -> Run:
        """Fresh, or as the checkpoint left it."""
        torch.manual_seed(recipe.seed)
        net = PocketNet(PocketConfig())
        net.transform.load_state_dict(load_file(checkpoint.with_name("transform.safetensors")))
        optimiser = torch.optim.AdamW(net.parameters(), recipe.peak_rate, betas=(0.9, 0.98), weight_decay=0.01)
        run = cls(net, copy.deepcopy(net), optimiser)
        if checkpoint.exists():
            saved = torch.load(checkpoint, weights_only=True)
            net.load_state_dict(saved["net"])
            run.average.load_state_dict(saved["average"])
            optimiser.load_state_dict(saved["optimiser"])
            run.iteration, run.seconds = saved["iteration"], saved["seconds"]
        return run

    def save(self, checkpoint: Path) -> None:
        """Write all of it, whole or not at all."""
        partial = checkpoint.with_suffix(".part")
        state = {
            "net": self.net.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "iteration": self.iteration,
            "seconds": self.seconds,
        }
        torch.save(state, partial)
        partial.replace(checkpoint)

    def update_average(self, decay: float) -> None:
        """Exponential moving average of weights; short at first; statistics are copied."""
        decay = min(decay, (1 + self.iteration) / (10 + self.iteration))
        with torch.no_grad():
            for mean, value in zip(self.average.parameters(), self.net.parameters(), strict=True):
                mean.lerp_(value, 1 - decay)
            for kept, value in zip(self.average.buffers(), self.net.buffers(), strict=True):
                kept.copy_(value)


def learning_rate(recipe: Recipe, iteration: int, left: float) -> float:
    """Warm-up, then flat, then a cosine over the last 30 % of this run (`left`: 1 at its start, 0 at its end)."""
    decay = 0.5 - 0.5 * math.cos(math.pi * min(1.0, left / 0.3))
    return recipe.peak_rate * min(1.0, (iteration + 1) / recipe.warm_up) * max(0.02, decay)


def step(run: Run, batch: Batch, losses: Losses, recipe: Recipe) -> dict[str, float]:
    """One update; returns the terms."""
    with torch.autocast("cpu", torch.bfloat16):
        made, wanted, denoising, rate = forward(run.net, batch, recipe)
        terms = losses(made, wanted)
    terms["latent"] = denoising
    latent = recipe.denoiser_weight * denoising + recipe.rate_weight * rate
    loss = sum((TERM_WEIGHTS[name] * terms[name] for name in TERM_WEIGHTS), latent)
    run.optimiser.zero_grad(set_to_none=True)
    loss.backward()
    terms["norm"] = torch.nn.utils.clip_grad_norm_(run.net.parameters(), 1.0)
    run.optimiser.step()
    run.iteration += 1
    run.update_average(recipe.ema)
    return {name: float(value.detach()) for name, value in terms.items()}


def train(work: Path, losses: Losses, recipe: Recipe, minutes: float) -> None:
    """Train for `minutes`, logging every 20 iterations and saving every 200."""
    checkpoint = work / "pocket.pt"
    run = Run.start(checkpoint, recipe)
    batches = stream(Crops(work, recipe.crop, recipe.drop_base, recipe.seed + run.iteration), recipe.clips)
    began, before, mean = time.monotonic(), run.seconds, dict[str, float]()
    print(recipe, flush=True)
    while (elapsed := time.monotonic() - began) < minutes * 60:
        for group in run.optimiser.param_groups:
            group["lr"] = learning_rate(recipe, run.iteration, 1 - elapsed / (minutes * 60))
        terms = step(run, next(batches), losses, recipe)
        mean = {name: 0.95 * mean.get(name, value) + 0.05 * value for name, value in terms.items()}
        run.seconds = before + time.monotonic() - began
        if run.iteration % 20 == 0:
            text = " ".join(f"{name} {value:.4f}" for name, value in mean.items())
            print(f"{run.seconds / 60:.1f}m it {run.iteration} {text}", flush=True)
        if run.iteration % 200 == 0:
            run.save(checkpoint)
    run.save(checkpoint)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("work", type=Path)
    parser.add_argument("--networks", type=Path, required=True, help="folder with VGG16, AlexNet and LPIPS weights")
    parser.add_argument("--dists", type=Path, default=Path("resources/metrics/dists_weights.safetensors"))
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--crop", type=int, default=Recipe.crop)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    losses = Losses(Dists(args.networks, args.dists), LpipsAlex(args.networks))
    train(args.work, losses, replace(Recipe(), crop=args.crop), args.minutes)


if __name__ == "__main__":
    main()
