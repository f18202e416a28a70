"""DISTS as it ships, over VGG16 in 8 bits, against DISTS in full precision; and the estimate that the window draws.

    python -m training.metric.heldout CLIPS HELDOUT --models FULL
    python -m benchmarks.networks.bundled_dists HELDOUT

FULL holds `vgg16_features.safetensors` in full precision (`freegvc models get metric-vgg16`). Prints, by the picture's
shorter side, by kind of distortion and by clip, on clips that nothing was trained on: Pearson and Spearman correlation,
mean absolute error, mean error and the largest, of what ships (`dists`) and of `pocket-dists`. Beside them what MS-SSIM
tells of DISTS. Times are CPU seconds of one thread.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open

from benchmarks.results import save
from codec.metrics.base import PairNetwork
from codec.metrics.dists import Dists
from codec.metrics.ms_ssim import MsSsim
from codec.metrics.pocket_dists import PocketDists
from training.metric.teacher import CPU

Floats = NDArray[np.float64]
# sqrt((1 - MS-SSIM) / 1.335): fitted to AV1 and x265 of five of these clips, so here it is at its best.
MS_SSIM_SCALE = 1.335
TIMED_SIZES = ((144, 256), (240, 426), (480, 854))
TIMED_RUNS = 5


@dataclass(frozen=True)
class Judged:
    """One held-out pair: DISTS in full precision, as it ships, estimated, and what MS-SSIM makes of it."""

    clip: str
    side: str
    kind: str
    exact: float
    dists: float
    pocket: float
    ms_ssim: float


def judge(path: Path, shipped: Dists, estimate: PocketDists, ms_ssim: MsSsim) -> Iterator[Judged]:
    """Every pair of one file, by the metrics as the program calls them."""
    clip, side, _ = path.stem.rsplit("-", 2)
    with safe_open(path, "np") as file:
        reference, distorted, terms = (file.get_tensor(key) for key in ("reference", "distorted", "terms"))
        kinds = file.metadata()["kinds"].split()
    for kind, picture, exact in zip(kinds, distorted[0], terms[0].sum((1, 2)), strict=True):
        dists, pocket = (float(metric(reference, picture[None])[0]) for metric in (shipped, estimate))
        similarity = ms_ssim(reference, picture[None])[0]
        from_ms_ssim = np.sqrt(max(0.0, 1 - similarity) / MS_SSIM_SCALE)
        yield Judged(clip, side, kind.split(":")[0], float(exact), dists, pocket, float(from_ms_ssim))


def ranks(x: Floats) -> Floats:
    """1-based ranks; equal values share their mean rank."""
    _, inverse, counts = np.unique(x, return_inverse=True, return_counts=True)
    mean_ranks: Floats = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return mean_ranks


@dataclass(frozen=True)
class Agreement:
    """How well estimates agree with exact DISTS: correlations, mean absolute, mean and largest error."""

    metric: str
    group: str
    name: str
    pairs: int
    pearson: float
    spearman: float
    error: float
    bias: float
    largest: float


def agreement(metric: str, group: str, name: str, rows: Sequence[Judged]) -> Agreement:
    """Of some pairs; `metric` names the field of `Judged`."""
    exact, found = (np.array([getattr(row, key) for row in rows]) for key in ("exact", metric))
    pearson, spearman = (np.corrcoef(f(exact), f(found))[0, 1] for f in (np.asarray, ranks))
    error = found - exact
    sizes = (float(np.abs(error).mean()), float(error.mean()), float(np.abs(error).max()))
    return Agreement(metric, group, name, len(rows), float(pearson), float(spearman), *sizes)


def agreements(rows: Sequence[Judged]) -> Iterator[Agreement]:
    """Of what ships and of the estimate by each value of three fields, and of all over all."""
    for metric in ("dists", "pocket"):
        for title, key in (("shorter side", "side"), ("distortion", "kind"), ("clip", "clip")):
            for name in sorted({getattr(row, key) for row in rows}):
                yield agreement(metric, title, name, [row for row in rows if getattr(row, key) == name])
    for metric in ("dists", "pocket", "ms_ssim"):
        yield agreement(metric, "all", "all", rows)
        yield agreement(metric, "all", "below 0.3", [row for row in rows if row.exact < 0.3])
        yield agreement(metric, "all", "own decodes", [row for row in rows if row.kind.startswith("codec")])


def line(a: Agreement) -> str:
    """One in print."""
    sizes = f"{a.error:8.4f} {a.bias:+8.4f} {a.largest:8.4f}"
    return f"{a.metric:8s} {a.group:14s} {a.name:26s} {a.pairs:5d} {a.pearson:8.4f} {a.spearman:8.4f} {sizes}"


def seconds(network: PairNetwork, size: tuple[int, int]) -> float:
    """CPU seconds for one pair of pictures, the best of several runs on one thread."""
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.rand(1, *size, 3, generator=generator).permute(0, 3, 1, 2) for _ in range(2))
    best = float("inf")
    with torch.inference_mode():
        for _ in range(TIMED_RUNS):
            start = time.process_time()
            network(x, y)
            best = min(best, time.process_time() - start)
    return best


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("heldout", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    metrics = Dists.load([], CPU), PocketDists.load(CPU), MsSsim(CPU)
    rows = [row for path in sorted(args.heldout.glob("*.safetensors")) for row in judge(path, *metrics)]
    found = list(agreements(rows))
    print("pairs, Pearson, Spearman, mean absolute, mean and largest error")
    print("\n".join(map(line, found)))
    times = []
    for size in TIMED_SIZES:
        dists, pocket = (seconds(metric.network, size) for metric in metrics[:2])
        times.append({"height": size[0], "width": size[1], "dists_s": dists, "pocket_s": pocket})
        print(f"a pair of {size[1]}x{size[0]}: DISTS {dists:.3f} s, estimated {pocket:.4f} s")
    save("bundled_dists", {"agreements": [asdict(one) for one in found], "times": times}, uses_weights=True)


if __name__ == "__main__":
    main()
