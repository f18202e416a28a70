"""Tune the bundled metric's head to what the codec decodes to now, from the weights that ship.

    python -m training.metric.retune ITEMS RUN [--count 400] [--prior resources/pocket.safetensors]

ITEMS comes from `training.restoration.make_items`. Pictures are bases as the controller codes them, restored to random
steps. The trunk stays; the head is held near what it was, since it must still judge what these pairs don't show (blur,
noise, other codecs). Writes RUN/pocket_dists.safetensors. `training.metric.heldout` and
`benchmarks/networks/pocket_dists.py` tell whether it is better.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

from codec.format.limits import MAX_RESTORATION
from codec.metrics.base import to_unit_tensor
from codec.metrics.dists import DistsNetwork, load_dists_network
from codec.metrics.networks import default_folders
from codec.metrics.pocket_dists import POCKET_WEIGHTS, PocketHead, build_pocket_network
from codec.priors.base import BaseClip
from codec.priors.computing import Computing
from codec.priors.pocket import PocketPrior, load_pocket
from training.metric.teacher import CPU, Picture, label
from training.metric.train import Lesson, compare_lesson, export
from training.restoration.crops import Clip, Pool
from training.restoration.item import GRID

SIDES = (112, 176)
FRAMES = 4
STEPS_A_CLIP = 3
TUNING_STEPS, BATCH, RATE = 1500, 256, 3e-4
NEARNESS = 3.0
"""What the squared distance of a parameter tensor from where it began, as a share of its square, costs."""
HELD_OUT = 5
"""Every so many pairs are kept aside to see whether it learns or learns by heart."""


@dataclass(frozen=True)
class Seen:
    """Pairs as the head sees them: dissimilarities (N, COMPARISONS) and exact DISTS (N,)."""

    differences: Tensor
    scores: Tensor

    def part(self, held_out: bool) -> Seen:
        """Those to learn from, or those kept aside."""
        chosen = (torch.arange(len(self.scores)) % HELD_OUT == 0) == held_out
        return Seen(self.differences[chosen], self.scores[chosen])


def lessons(
    pool: Pool, prior: PocketPrior, teacher: DistsNetwork, count: int, rng: np.random.Generator
) -> Iterator[Lesson]:
    """One picture each, with its base's restoration at `STEPS_A_CLIP` random steps."""
    for _ in range(count):
        clip = _drawn(pool, rng)
        source, base = _window(clip, rng)
        condition = prior.prepare(BaseClip(base, clip.crf, 1), *source.shape[:3])
        steps = sorted(int(step) for step in rng.choice(MAX_RESTORATION + 1, STEPS_A_CLIP, replace=False))
        time = int(rng.integers(len(source)))
        made = np.stack([pictures[0] for pictures in prior.restore(condition, [time], steps)])
        reference = source[time : time + 1]
        scores = label(teacher, reference, made[None]).sum((-2, -1))
        yield Lesson(to_unit_tensor(np.concatenate([reference, made]), CPU), scores)


def _drawn(pool: Pool, rng: np.random.Generator) -> Clip:
    """A base of full size, as nearly all are."""
    while (clip := pool.draw(rng)).scale > 1:
        pass
    return clip


def _window(clip: Clip, rng: np.random.Generator) -> tuple[Picture, Picture]:
    """A few consecutive frames of source and base, a crop on the latent's grid: uint8 (T, H, W, 3)."""
    count, height, width, _ = clip.source.shape
    first = int(rng.integers(max(1, count - FRAMES + 1)))
    sides = [min(int(rng.integers(*SIDES)), length) // GRID * GRID for length in (height, width)]
    top, left = (
        int(rng.integers((length - side) // GRID + 1)) * GRID
        for length, side in zip((height, width), sides, strict=True)
    )
    place = np.s_[first : first + FRAMES, top : top + sides[0], left : left + sides[1]]
    return np.ascontiguousarray(clip.source.numpy()[place]), np.ascontiguousarray(clip.base.numpy()[place])


def tune(head: PocketHead, seen: Seen, generator: torch.Generator) -> None:
    """Train the head, in place, near where it is."""
    start = {name: value.detach().clone() for name, value in head.named_parameters()}
    head.requires_grad_(True)
    optimiser = torch.optim.Adam(head.parameters(), lr=RATE)
    for step in range(TUNING_STEPS):
        chosen = torch.randint(len(seen.scores), (BATCH,), generator=generator)
        error = functional.l1_loss(head(seen.differences[chosen]), seen.scores[chosen])
        moved = [
            (value - start[name]).square().mean() / start[name].square().mean()
            for name, value in head.named_parameters()
        ]
        optimiser.param_groups[0]["lr"] = RATE * (1 - step / TUNING_STEPS)
        optimiser.zero_grad()
        torch.autograd.backward(error + NEARNESS * torch.stack(moved).sum())
        optimiser.step()


def error(head: PocketHead, seen: Seen) -> str:
    """Mean absolute and mean error."""
    with torch.inference_mode():
        missed = head(seen.differences).clamp_min(0) - seen.scores
    return f"{len(missed)} pairs, mean absolute error {missed.abs().mean():.4f}, mean {missed.mean():+.4f}"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("items", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--prior", type=Path, default=Path("resources/pocket.safetensors"))
    parser.add_argument("--models", type=Path, help="folder with VGG16, by default where the program keeps it")
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(1)
    rng = np.random.default_rng(args.seed)
    network = build_pocket_network({key: value.float() for key, value in load_file(POCKET_WEIGHTS).items()})
    prior = load_pocket(args.prior, Computing(CPU, "float32", "float32"))
    teacher = load_dists_network([args.models] if args.models else default_folders())
    differences, scores = [], []
    with torch.inference_mode():
        for lesson in lessons(Pool(args.items, CPU, SIDES[0]), prior, teacher, args.count, rng):
            differences.append(compare_lesson(network, lesson)[0])
            scores.append(lesson.scores[0])
    seen = Seen(torch.cat(differences).clone(), torch.cat(scores).clone())
    aside = seen.part(held_out=True)
    print("before:", error(network.head, aside), flush=True)
    tune(network.head, seen.part(held_out=False), torch.Generator().manual_seed(args.seed))
    print("after: ", error(network.head, aside), flush=True)
    args.run.mkdir(parents=True, exist_ok=True)
    save_file(export(network), args.run / "pocket_dists.safetensors")


if __name__ == "__main__":
    main()
