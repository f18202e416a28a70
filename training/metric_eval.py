"""Judge the bundled metric against exact DISTS on clips it never saw, and time both.

    python -m training.metric_heldout CLIPS HELDOUT
    python -m training.metric_eval HELDOUT [--weights FILE] [--models FOLDER]

Prints, per clip and per kind of distortion: Pearson and Spearman correlation and the mean absolute error; then how
much faster the bundled metric is, and how far the training labels (bfloat16) are from exact DISTS (float32).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open

from codec.metrics.base import PairNetwork, to_unit_tensor
from codec.metrics.dists import DistsNetwork, load_dists_network, stage_terms
from codec.metrics.networks import default_folders
from codec.metrics.pocket_dists import POCKET_WEIGHTS, PocketNetwork, load_pocket_network
from training.metric_teacher import CPU, teacher_features

Floats = NDArray[np.float64]
TIMED_SIZE = (240, 432)
TIMED_RUNS = 7


@dataclass(frozen=True)
class Judged:
    """One held-out pair."""

    clip: str
    kind: str
    exact: float
    ours: float


def judge(path: Path, network: PocketNetwork) -> list[Judged]:
    """Every pair of one file, in float32 as the program computes it."""
    with safe_open(path, "pt") as file:
        tensors = {key: file.get_tensor(key) for key in ("reference", "distorted", "terms")}
        kinds = file.metadata()["kinds"].split()
    rows = []
    with torch.inference_mode():
        for x, versions, terms in zip(*(tensors[key] for key in ("reference", "distorted", "terms")), strict=True):
            for kind, y, exact in zip(kinds, versions, terms.sum((1, 2)).tolist(), strict=True):
                pair = (to_unit_tensor(side[None].numpy(), CPU) for side in (x, y))
                rows.append(Judged(path.stem, kind.split(":")[0], exact, network(*pair).item()))
    return rows


def ranks(x: Floats) -> Floats:
    """1-based ranks; equal values share their mean rank."""
    _, inverse, counts = np.unique(x, return_inverse=True, return_counts=True)
    mean_ranks: Floats = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return mean_ranks


def line(name: str, rows: Sequence[Judged]) -> str:
    """Name, number of pairs, Pearson, Spearman, mean absolute error, mean error, largest error."""
    exact, ours = (np.array([getattr(row, side) for row in rows]) for side in ("exact", "ours"))
    pearson, spearman = (np.corrcoef(f(exact), f(ours))[0, 1] for f in (np.asarray, ranks))
    error = ours - exact
    numbers = (
        f"{pearson:8.4f} {spearman:8.4f} {np.abs(error).mean():8.4f} {error.mean():+8.4f} {np.abs(error).max():8.4f}"
    )
    return f"{name:44s} {len(rows):5d} {numbers}"


def table(title: str, rows: Sequence[Judged], key: str) -> Iterable[str]:
    """One line for each value of a field."""
    yield f"{title:44s} {'pairs':>5s} {'Pearson':>8s} {'Spearman':>8s} {'MAE':>8s} {'bias':>8s} {'largest':>8s}"
    for name in sorted({str(getattr(row, key)) for row in rows}):
        yield line(name, [row for row in rows if getattr(row, key) == name])


def seconds(network: PairNetwork) -> float:
    """CPU seconds for one pair of pictures, the best of several runs on one thread."""
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.rand(1, *TIMED_SIZE, 3, generator=generator).permute(0, 3, 1, 2) for _ in range(2))
    best = float("inf")
    with torch.inference_mode():
        for _ in range(TIMED_RUNS):
            start = time.process_time()
            network(x, y)
            best = min(best, time.process_time() - start)
    return best


def label_error(paths: Sequence[Path], teacher: DistsNetwork) -> tuple[float, float]:
    """Mean and largest difference between the bfloat16 labels of training and exact DISTS, over a few pairs a file."""
    errors = []
    with torch.inference_mode():
        for path in paths:
            with safe_open(path, "pt") as file:
                x, y = file.get_tensor("reference")[:1], file.get_tensor("distorted")[0, ::4]
                exact = file.get_tensor("terms")[0, ::4].sum((1, 2))
            known, versions = (teacher_features(teacher, to_unit_tensor(side.numpy(), CPU)) for side in (x, y))
            labels = stage_terms(known, versions, teacher.alpha, teacher.beta).sum((-2, -1))
            errors.append((labels - exact).abs())
    together = torch.cat(errors)
    return together.mean().item(), together.max().item()


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("heldout", type=Path)
    parser.add_argument("--weights", type=Path, default=POCKET_WEIGHTS)
    parser.add_argument("--models", type=Path, action="append", help="folder with vgg16_features.safetensors")
    args = parser.parse_args()
    torch.set_num_threads(1)
    paths, network = sorted(args.heldout.glob("*.safetensors")), load_pocket_network(args.weights)
    rows = [row for path in paths for row in judge(path, network)]
    print("\n".join((*table("clip and shorter side", rows, "clip"), "", *table("distortion", rows, "kind"), "")))
    print(line("all", rows))
    teacher = load_dists_network(args.models or default_folders())
    exact, ours = seconds(teacher), seconds(network)
    parameters = sum(p.numel() for p in network.parameters())
    print(f"{parameters} parameters, {args.weights.stat().st_size} bytes")
    size = f"{TIMED_SIZE[1]}x{TIMED_SIZE[0]}"
    print(f"CPU time a pair at {size}: exact {exact:.3f} s, ours {ours:.4f} s, {exact / ours:.1f} times faster")
    mean, largest = label_error(paths, teacher)
    print(f"training labels against exact DISTS: mean difference {mean:.5f}, largest {largest:.5f}")


if __name__ == "__main__":
    main()
