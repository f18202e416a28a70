"""Distil DISTS into the bundled metric.

    python -m training.metric.train RUN START.safetensors PAIRS [PAIRS ...] --steps 1500

START comes from `training.metric.initial`, PAIRS from `training.metric.data` or `training.metric.decodes`. First the
head alone learns on what the starting trunk sees; `--steps 0` ends there, and what ships was made so. Then all of it
learns. RUN/last.pt holds everything needed to go on: a later call with the same RUN continues where the last one
stopped. Every `--every` steps the averaged weights are scored on the held-out items and written to
RUN/pocket_dists.safetensors.

Training the trunk has not helped yet: at a rate of 4e-4 the start was undone within 20 steps, at 1e-4 the error on
held-out items rose from 0.0195 to 0.0212 in 120 steps, at 5e-5 it stood still for 175. Nor did tuning the head, near
where it was, to 960 pairs of restored bases and their exact scores: 0.0188 became 0.0181 on 240 others of the kind. So
it is the trunk that sees too little.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional

from codec.metrics.base import to_unit_tensor
from codec.metrics.dists import moments
from codec.metrics.pocket_dists import PLAN, PocketHead, PocketNetwork, build_pocket_network, compare
from training.learner import Learner
from training.learning_rate import learning_rate
from training.metric.teacher import CPU

ITEMS_A_STEP = 4
WARM_UP, AVERAGING, CLIP = 50, 0.995, 0.3
HEAD_STEPS, HEAD_BATCH, HEAD_RATE, HEAD_DECAY = 4000, 256, 3e-3, 1.0
Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Lesson:
    """One file of pairs.

    Attributes:
        pictures: (R + R * D, 3, H, W) in [0, 1], references first.
        scores: (R, D) of exact DISTS.
    """

    pictures: torch.Tensor
    scores: torch.Tensor


def read_lesson(path: Path) -> Lesson:
    """One file of `teacher.write_pairs`."""
    tensors = load_file(path)
    pictures = torch.cat([tensors["reference"], tensors["distorted"].flatten(0, 1)])
    return Lesson(to_unit_tensor(pictures.numpy(), CPU), tensors["terms"].sum((-2, -1)))


def layer_numbers() -> Iterator[int]:
    """Numbers of the trunk's convolutions, as `vgg16_stages` counts them."""
    number = 0
    for stage in PLAN:
        for _ in stage:
            yield number
            number += 2
        number += 1


def new_head(generator: torch.Generator) -> Tensors:
    """Random weights of a `PocketHead`, by their names in the shipped file."""
    head = PocketHead()
    tensors = {}
    for name, value in head.state_dict().items():
        size = (
            0.1 / math.sqrt(value.shape[-1]) if name.startswith(("out", "direct")) else 1 / math.sqrt(value.shape[-1])
        )
        tensors[f"head.{name}"] = size * torch.randn(value.shape, generator=generator)
    return tensors


def export(network: PocketNetwork) -> Tensors:
    """What `codec.metrics.pocket_dists` loads, in float16."""
    tensors = {f"head.{name}": value for name, value in network.head.state_dict().items()}
    layers = [layer for layer in network.stages.modules() if isinstance(layer, nn.Conv2d)]
    for number, layer in zip(layer_numbers(), layers, strict=True):
        tensors |= {f"{number}.{part}": value for part, value in layer.state_dict().items()}
    return {key: value.detach().half().contiguous() for key, value in tensors.items()}


def compare_lesson(network: PocketNetwork, lesson: Lesson) -> torch.Tensor:
    """Dissimilarities (R, D, COMPARISONS) of a lesson's pairs."""
    features, count = network.features(lesson.pictures), len(lesson.scores)
    references = moments([f[:count, None] for f in features])
    return compare(references, moments([f[count:].view(count, -1, *f.shape[1:]) for f in features]))


def fit_head(network: PocketNetwork, paths: Sequence[Path], generator: torch.Generator) -> None:
    """Train the head alone, in place, on what the trunk as it is sees in all files."""
    with torch.inference_mode():
        lessons = [read_lesson(path) for path in paths]
        seen = torch.cat([compare_lesson(network, lesson).flatten(0, 1) for lesson in lessons]).clone()
        wanted = torch.cat([lesson.scores.flatten() for lesson in lessons]).clone()
    head = network.head.requires_grad_(True)
    with torch.no_grad():
        head.log_half.copy_((seen.mean(0) + 1e-5).log())
    optimiser = torch.optim.AdamW(head.parameters(), weight_decay=HEAD_DECAY)
    for step in range(HEAD_STEPS):
        chosen = torch.randint(len(seen), (HEAD_BATCH,), generator=generator)
        loss = functional.l1_loss(head(seen[chosen]), wanted[chosen])
        optimiser.param_groups[0]["lr"] = HEAD_RATE * (1 - step / HEAD_STEPS)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()


def validate(network: PocketNetwork, paths: Sequence[Path]) -> str:
    """Mean absolute error and Pearson correlation over the held-out items, as one line."""
    with torch.inference_mode():
        lessons = [read_lesson(path) for path in paths]
        ours = [network.head(compare_lesson(network, lesson)).clamp_min(0).flatten() for lesson in lessons]
    x, y = torch.cat(ours).double(), torch.cat([lesson.scores.flatten() for lesson in lessons]).double()
    correlation = torch.corrcoef(torch.stack([x, y]))[0, 1]
    return f"held-out {len(x)} pairs: mean absolute error {(x - y).abs().mean():.4f}, Pearson {correlation:.4f}"


def opened(folder: Path, start: Tensors) -> Learner[PocketNetwork]:
    """As the last call with this folder left it, else from a starting trunk and head."""
    student = build_pocket_network(start).requires_grad_(True)
    learner = Learner.begin(student, torch.optim.AdamW(student.parameters(), weight_decay=1e-4), AVERAGING, CLIP)
    if (folder / "last.pt").exists():
        learner.restore(torch.load(folder / "last.pt", weights_only=True))
    return learner


def begin(learner: Learner[PocketNetwork], paths: Sequence[Path], seed: int) -> None:
    """Let the head learn on the trunk as it starts."""
    fit_head(learner.net, paths, torch.Generator().manual_seed(seed))
    learner.average.load_state_dict(learner.net.state_dict())


def save(learner: Learner[PocketNetwork], folder: Path) -> None:
    """Checkpoint and exported average, each under its final name only when complete."""
    folder.mkdir(parents=True, exist_ok=True)
    learner.save(folder / "last.pt")
    save_file(export(learner.average), folder / "pocket_dists.part", {"steps": str(learner.iteration)})
    (folder / "pocket_dists.part").rename(folder / "pocket_dists.safetensors")


def advance(learner: Learner[PocketNetwork], paths: Sequence[Path], rate: float) -> float:
    """One optimiser step over `paths`; returns the mean absolute error.

    In float32: bfloat16 leaves the scores close but turns their gradients into noise.
    """
    total = 0.0
    learner.optimiser.zero_grad(set_to_none=True)
    for path in paths:
        lesson = read_lesson(path)
        seen = compare_lesson(learner.net, lesson)
        loss = functional.l1_loss(learner.net.head(seen), lesson.scores) / len(paths)
        torch.autograd.backward(loss)
        total += loss.item()
    learner.optimiser.param_groups[0]["lr"] = rate
    learner.update()
    return total


def main() -> None:
    """Train until `--steps`, whatever earlier calls have done."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("run", type=Path)
    parser.add_argument("start", type=Path)
    parser.add_argument("pairs", type=Path, nargs="+")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--rate", type=float, default=5e-5)
    parser.add_argument("--every", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(1)
    files = [path for folder in args.pairs for path in sorted(folder.glob("*.safetensors"))]
    held_out = [path for path in files if path.name.startswith("val-")]
    train = [path for path in files if path.name.startswith("train-")]
    start = load_file(args.start) | new_head(torch.Generator().manual_seed(args.seed))
    learner, started, recent = opened(args.run, start), time.monotonic(), []
    print(f"{len(train)} files to train on, {len(held_out)} held out, from step {learner.iteration}", flush=True)
    if learner.iteration == 0:
        begin(learner, train, args.seed)
        save(learner, args.run)
        print(f"head alone: {validate(learner.net, held_out)}", flush=True)
    while (step := learner.iteration) < args.steps:
        rng = np.random.default_rng((args.seed, step))
        chosen = [train[int(index)] for index in rng.choice(len(train), ITEMS_A_STEP, replace=False)]
        recent.append(advance(learner, chosen, learning_rate(step, step / args.steps, args.rate, WARM_UP, last=0.01)))
        if learner.iteration % args.every == 0 or learner.iteration == args.steps:
            save(learner, args.run)
            minutes = (time.monotonic() - started) / 60
            line = f"step {learner.iteration}, {minutes:.1f} min, training error {np.mean(recent):.4f}"
            print(f"{line}; {validate(learner.average, held_out)}", flush=True)
            recent.clear()


if __name__ == "__main__":
    main()
