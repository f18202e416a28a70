"""Refine the pocket prior's synthesis alone, the other networks frozen; resumes from WORK/pocket.pt.

    python -m training.refine_synthesis WORK --networks NETWORKS --start resources/pocket.safetensors --minutes 120

Most GOPs end at level 0, where the picture is the base restored and nothing else. Without gradients for the analysis
and the denoiser, and with one judged frame a clip in place of two, an iteration costs half of what joint training
(training/train_pocket.py) asks on a CPU without matrix units, and all of it goes where the pictures come from.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from codec.priors.pocket_net import SLOT_FRAMES, PocketNet
from training.dataset import CLIP_FRAMES, Batch, Crops, stream
from training.losses import Dists, LpipsAlex
from training.train_pocket import Losses, Recipe, Run, Schedule, advance, sample_levels, synthesise_pair

RECIPE = replace(Recipe(), crop=112, peak_rate=2e-4, warm_up=60, drop_base=0.05, start_share=0.8, ema=0.996)
TERM_WEIGHTS = {"l1": 1.0, "motion": 0.5, "dists": 2.0, "lpips": 0.7}


@torch.no_grad()
def received(net: PocketNet, batch: Batch, start_share: float) -> tuple[Tensor, Tensor]:
    """What the decoder has denoised of each clip, (B, slots, latent, h, w), and where its trajectory stopped, (B,)."""
    clips, slots = len(batch.source), CLIP_FRAMES // SLOT_FRAMES
    source, base = (x.flatten(0, 1).unflatten(0, (clips * slots, SLOT_FRAMES)) for x in (batch.source, batch.base))
    info = batch.base_info.repeat_interleave(slots, 0)
    sigma = sample_levels(clips, start_share)
    per_slot = sigma.repeat_interleave(slots)
    level = per_slot[:, None, None, None]
    clean = net.analyse(source, base, info, slots) if bool((sigma < 1).any()) else torch.zeros(())
    height, width = (side // 8 for side in batch.source.shape[-2:])
    noise = torch.randn(clips * slots, net.config.latent, height, width)
    noisy = (1 - level) * clean + level * noise
    estimate = net.denoise(noisy, per_slot, net.features(base, info, slots), info, slots)
    return estimate.unflatten(0, (clips, slots)), sigma


def judged(losses: Losses, made: Tensor, wanted: Tensor) -> dict[str, Tensor]:
    """Loss terms of pairs of frames (B, 2, 3, H, W): the networks judge one frame of each, the others both."""
    rows, which = torch.arange(len(made)), torch.randint(0, 2, (len(made),))
    terms = losses(made[rows, which][:, None], wanted[rows, which][:, None])
    return {**terms, **losses.pixels(made, wanted)}


def step(run: Run, batch: Batch, losses: Losses, recipe: Recipe) -> dict[str, float]:
    """One update; returns the terms."""
    latent, sigma = received(run.net, batch, recipe.start_share)
    terms = judged(losses, *synthesise_pair(run.net, batch, latent, sigma))
    loss = torch.stack([TERM_WEIGHTS[name] * terms[name] for name in TERM_WEIGHTS]).sum()
    return advance(run, loss, terms, recipe)


def freeze_all_but(net: PocketNet, part: nn.Module) -> None:
    """Only `part` of the network learns."""
    net.requires_grad_(False)
    part.requires_grad_(True)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("work", type=Path)
    parser.add_argument("--networks", type=Path, required=True, help="folder with VGG16, AlexNet and LPIPS weights")
    parser.add_argument("--dists", type=Path, default=Path("resources/metrics/dists_weights.safetensors"))
    parser.add_argument("--start", type=Path, required=True, help="weights to go on from where there is no checkpoint")
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    run = Run.resume(args.work / "pocket.pt", args.start, RECIPE)
    freeze_all_but(run.net, run.net.synthesis)
    losses = Losses(Dists(args.networks, args.dists), LpipsAlex(args.networks))
    crops = Crops(args.work, RECIPE.crop, RECIPE.drop_base, RECIPE.seed + run.iteration)
    schedule = Schedule(RECIPE, args.minutes * 60, flat=0.1, began=time.monotonic())
    print(RECIPE, TERM_WEIGHTS, flush=True)
    run.train(args.work / "pocket.pt", stream(crops, RECIPE.clips), schedule, lambda b: step(run, b, losses, RECIPE))


if __name__ == "__main__":
    main()
