"""Distil DISTS's VGG16 into the bundled metric's trunk.

    python -m training.metric_train RUN START.safetensors PAIRS [PAIRS ...] --steps 1500

START comes from `training.metric_initial`, PAIRS from `training.metric_data` or `training.metric_decodes`.
RUN/last.pt holds everything needed to go on: a later call with the same RUN continues where the last one stopped.
Every `--every` steps the averaged weights are scored on the held-out items and written to
RUN/pocket_dists.safetensors.

The student learns three things at once: the score and what each stage adds to it, the local means of VGG16's last
three stages (which make nine tenths of the score), and those means over the whole picture. The last two fade out.
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

from codec.metrics.base import to_unit_tensor
from codec.metrics.networks import SHIPPED, VGG16
from codec.metrics.pocket_dists import COMPARED, HEADS, PLAN, PocketNetwork, build_pocket_network
from training.metric_teacher import CPU, guides

ITEMS_A_STEP = 2
WARM_UP = 100
AVERAGING = 0.996
TERM_WEIGHT, SCORE_WEIGHT, GUIDE_FLOOR, LOG_FLOOR = 0.5, 5.0, 0.05, 0.02
FAST_UNTIL = 0.4
"""While guidance is above this, bfloat16 will do: the guides' gradients are right to 1 %, the terms' are noisy."""
Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Lesson:
    """One file of pairs.

    Attributes:
        pictures: (R + R * D, 3, H, W) in [0, 1], references first.
        references: R.
        terms: (R, D, 6, 2) of exact DISTS.
        guides: per head, (R + R * D, C, h, w), see `metric_teacher.guides`.
    """

    pictures: torch.Tensor
    references: int
    terms: torch.Tensor
    guides: list[torch.Tensor]


def read_lesson(path: Path) -> Lesson:
    """One file of `metric_teacher.write_pairs`."""
    tensors = load_file(path)
    reference, distorted = tensors["reference"], tensors["distorted"].flatten(0, 1)
    pictures = to_unit_tensor(torch.cat([reference, distorted]).numpy(), CPU)
    return Lesson(pictures, len(reference), tensors["terms"], [tensors[f"guide{stage}"].float() for stage in HEADS])


def layer_numbers() -> Iterator[int]:
    """Numbers of the trunk's convolutions, as `vgg16_stages` counts them."""
    number = 0
    for stage in PLAN:
        for _ in stage:
            yield number
            number += 2
        number += 1


def first_channel_weights() -> Tensors:
    """DISTS's own alpha and beta where the student has VGG16's channels, a stage's total spread evenly elsewhere."""
    table = load_file(SHIPPED / "dists_weights.safetensors")
    total = table["alpha"].sum() + table["beta"].sum()
    channels = [3, *(stage[-1] for stage in VGG16)]
    alpha, beta = (torch.split(table[key] / total, channels) for key in ("alpha", "beta"))
    kept = [a if len(a) == count else (a.sum() / count).expand(count) for a, count in zip(alpha, COMPARED, strict=True)]
    return {"alpha": torch.cat(kept), "beta": torch.cat([beta[0], beta[-1]])}


class Student(nn.Module):
    """The pocket network while it learns; its channel weights are squares, so that they stay non-negative."""

    def __init__(self, start: Tensors) -> None:
        super().__init__()
        first = first_channel_weights()
        self.root_alpha, self.root_beta = (nn.Parameter(first[key].sqrt()) for key in ("alpha", "beta"))
        self.network: PocketNetwork = build_pocket_network(start | first).requires_grad_(True)
        self.sizes = [start[f"size{stage}"].view(1, -1, 1, 1) for stage in HEADS]

    def forward(self, lesson: Lesson, dtype: torch.dtype = torch.float32) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Terms (R, D, 6, 2) like the teacher's, and guides in units of `sizes`; convolutions compute in `dtype`."""
        self.network.alpha, self.network.beta = self.root_alpha.square(), self.root_beta.square()
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
            features = self.network.features(lesson.pictures)
        features, count = [f.float() for f in features], lesson.references
        known = [f[:count, None] for f in features]
        versions = [f[count:].view(count, -1, *f.shape[1:]) for f in features]
        return self.network.terms(known, versions), guides(features)

    def export(self) -> Tensors:
        """What `codec.metrics.pocket_dists` loads, in float16."""
        layers = [layer for layer in self.network.stages.modules() if isinstance(layer, nn.Conv2d)]
        named: dict[str, nn.Module] = {
            str(number): layer for number, layer in zip(layer_numbers(), layers, strict=True)
        }
        named |= {f"head{stage}": head for stage, head in zip(HEADS, self.network.heads, strict=True)}
        tensors = {"alpha": self.root_alpha.square(), "beta": self.root_beta.square()}
        for name, layer in named.items():
            tensors |= {f"{name}.{part}": value for part, value in layer.state_dict().items()}
        return {key: value.detach().half().contiguous() for key, value in tensors.items()}


def score_loss(terms: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean absolute error of the score, and of what each stage's texture and structure add to it."""
    score = (terms - target).sum((-2, -1)).abs().mean()
    parts = (terms - target).abs().sum((-2, -1)).mean()
    return score + TERM_WEIGHT * parts


def guide_loss(ours: Sequence[torch.Tensor], theirs: Sequence[torch.Tensor], references: int) -> torch.Tensor:
    """How far the heads are from the teacher, mean over stages.

    Squared error of the local means; then, since texture compares means by their ratio, absolute error of the log of
    whole pictures' means, and of what a distortion changes in it. Both sides in units of the
    usual sizes.
    """
    losses = []
    for f, g in zip(ours, theirs, strict=True):
        log_f, log_g = (torch.log(m.mean((2, 3)) + LOG_FLOOR) for m in (f, g))
        changes = [(m[references:].view(references, -1, m.shape[1]) - m[:references, None]) for m in (log_f, log_g)]
        local, whole = (f - g).square().mean(), (log_f - log_g).abs().mean()
        losses.append(local + whole + (changes[0] - changes[1]).abs().mean())
    return torch.stack(losses).mean()


def validate(student: Student, paths: Sequence[Path]) -> str:
    """Mean absolute error and Pearson correlation over the held-out items, as one line."""
    ours, exact = [], []
    with torch.inference_mode():
        for path in paths:
            lesson = read_lesson(path)
            ours.append(student(lesson)[0].sum((-2, -1)).flatten())
            exact.append(lesson.terms.sum((-2, -1)).flatten())
    x, y = torch.cat(ours).double(), torch.cat(exact).double()
    correlation = torch.corrcoef(torch.stack([x, y]))[0, 1]
    return f"held-out {len(x)} pairs: mean absolute error {(x - y).abs().mean():.4f}, Pearson {correlation:.4f}"


class Run:
    """Everything that changes while training, kept in one file."""

    def __init__(self, folder: Path, start: Tensors) -> None:
        self.folder, self.step = folder, 0
        self.student, self.average = Student(start), Student(start)
        self.optimiser = torch.optim.AdamW(self.student.parameters(), weight_decay=1e-4)
        if (folder / "last.pt").exists():
            saved = torch.load(folder / "last.pt", weights_only=True)
            self.step = saved["step"]
            self.student.load_state_dict(saved["student"])
            self.average.load_state_dict(saved["average"])
            self.optimiser.load_state_dict(saved["optimiser"])

    def save(self) -> None:
        """Checkpoint and exported average, each under its final name only when complete."""
        self.folder.mkdir(parents=True, exist_ok=True)
        state = {"step": self.step, "student": self.student.state_dict(), "average": self.average.state_dict()}
        torch.save(state | {"optimiser": self.optimiser.state_dict()}, self.folder / "last.part")
        (self.folder / "last.part").rename(self.folder / "last.pt")
        save_file(self.average.export(), self.folder / "pocket_dists.part", {"steps": str(self.step)})
        (self.folder / "pocket_dists.part").rename(self.folder / "pocket_dists.safetensors")

    def advance(self, paths: Sequence[Path], rate: float, guidance: float) -> list[float]:
        """One optimiser step over `paths`; returns the mean score and guide losses."""
        losses = []
        for path in paths:
            lesson = read_lesson(path)
            terms, ours = self.student(lesson, torch.bfloat16 if guidance > FAST_UNTIL else torch.float32)
            theirs = [g / size for g, size in zip(lesson.guides, self.student.sizes, strict=True)]
            score, guide = score_loss(terms, lesson.terms), guide_loss(ours, theirs, lesson.references)
            torch.autograd.backward((SCORE_WEIGHT * score + guidance * guide) / len(paths))
            losses.append([score.item(), guide.item()])
        nn.utils.clip_grad_norm_(self.student.parameters(), 1.0)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.step()
        self.optimiser.zero_grad()
        self.step += 1
        self._average()
        return [float(value) for value in np.mean(losses, axis=0)]

    def _average(self) -> None:
        share = min(AVERAGING, self.step / (self.step + 10))
        with torch.no_grad():
            for mean, value in zip(self.average.parameters(), self.student.parameters(), strict=True):
                mean.lerp_(value, 1 - share)


def main() -> None:
    """Train until `--steps`, whatever earlier calls have done."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("run", type=Path)
    parser.add_argument("start", type=Path)
    parser.add_argument("pairs", type=Path, nargs="+")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--rate", type=float, default=5e-4)
    parser.add_argument("--every", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(1)
    files = [path for folder in args.pairs for path in sorted(folder.glob("*.safetensors"))]
    held_out = [path for path in files if path.name.startswith("val-")]
    train = [path for path in files if path.name.startswith("train-")]
    run, started, recent = Run(args.run, load_file(args.start)), time.monotonic(), []
    print(f"{len(train)} files to train on, {len(held_out)} held out, from step {run.step}", flush=True)
    while run.step < args.steps:
        rng = np.random.default_rng((args.seed, run.step))
        chosen = [train[int(index)] for index in rng.choice(len(train), ITEMS_A_STEP, replace=False)]
        cosine = 0.5 * (1 + math.cos(math.pi * run.step / args.steps))
        rate = args.rate * min(1, (run.step + 1) / WARM_UP) * max(0.01, cosine)
        recent.append(run.advance(chosen, rate, max(GUIDE_FLOOR, cosine)))
        if run.step % args.every == 0 or run.step == args.steps:
            run.save()
            minutes, (score, guide) = (time.monotonic() - started) / 60, np.mean(recent, axis=0)
            line = f"step {run.step}, {minutes:.1f} min, score loss {score:.4f}, guide loss {guide:.3f}"
            print(f"{line}; {validate(run.average, held_out)}", flush=True)
            recent.clear()


if __name__ == "__main__":
    main()
