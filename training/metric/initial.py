"""Start the bundled metric's student from VGG16 itself, by linear regression, layer after layer.

    python -m training.metric.initial PAIRS START.safetensors [--models FOLDER]

Every convolution of the student imitates the most telling channels of one of VGG16's convolutions: its weights are the
least-squares solution that predicts their values before the ReLU from what the student's own layer below puts out
(He, Zhang & Sun 2017, channel pruning for very deep networks, with the layers between skipped). No gradient is
involved; a few minutes on one core, most of them for VGG16, which sees every picture once.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional

from codec.metrics.base import to_unit_tensor
from codec.metrics.dists import DistsNetwork, L2Pool, load_dists_network, normalise
from codec.metrics.pocket_dists import PLAN
from codec.metrics.trunks import default_folders
from training.metric.teacher import CPU
from training.metric.train import layer_numbers

IMITATED = ((2,), (5, 7), (10, 14), (17, 19, 21), (24, 26, 28))
"""Which of VGG16's convolutions each of the student's imitates, by their numbers in torchvision's `features`."""
FILES, PICTURES_A_FILE, PLACES = 60, 7, 250
RIDGE = 1e-4
Tensors = dict[str, torch.Tensor]


def sample_pictures(paths: Sequence[Path], generator: torch.Generator) -> Iterator[torch.Tensor]:
    """Some pictures of every file, references and distorted ones alike: (PICTURES_A_FILE, 3, H, W) in [0, 1]."""
    for path in paths:
        tensors = load_file(path)
        together = torch.cat([tensors["reference"], tensors["distorted"].flatten(0, 1)])
        chosen = torch.randperm(len(together), generator=generator)[:PICTURES_A_FILE]
        yield to_unit_tensor(together[chosen].numpy(), CPU)


def before_relus(teacher: DistsNetwork, x: torch.Tensor) -> dict[int, torch.Tensor]:
    """What VGG16's imitated convolutions put out for pictures (B, 3, H, W), by their numbers."""
    h, number, outputs = normalise(x), 0, {}
    for index, stage in enumerate(teacher.stages):
        h = h if index == 0 else teacher.pools[index - 1](h)
        for layer in list(stage.children())[::2]:
            h = layer(h)
            if any(number in stage_numbers for stage_numbers in IMITATED):
                outputs[number] = h
            h, number = h.relu(), number + 2
        number += 1
    return outputs


def telling_channels(covariance: torch.Tensor, count: int) -> list[int]:
    """Channels that explain most of all the others: greedily the largest remaining variance (pivoted Cholesky)."""
    size = covariance.diagonal().clamp_min(1e-12).sqrt()
    rest = covariance / size[:, None] / size[None]
    chosen: list[int] = []
    for _ in range(count):
        gains = rest.square().sum(0) / rest.diagonal().clamp_min(1e-3)
        gains[chosen] = -1
        best = int(gains.argmax())
        chosen.append(best)
        rest = rest - torch.outer(rest[:, best], rest[best]) / rest[best, best].clamp_min(1e-6)
    return sorted(chosen)


class Regression:
    """Normal equations of a linear layer with bias, and the covariance of what it should put out after the ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        self._squares = torch.zeros(inputs + 1, inputs + 1, dtype=torch.float64)
        self._products = torch.zeros(inputs + 1, outputs, dtype=torch.float64)
        self._spoken = torch.zeros(outputs, outputs, dtype=torch.float64)
        self._count = 0

    def add(self, x: torch.Tensor, y: torch.Tensor) -> None:
        """Inputs (N, F) and wanted outputs (N, C)."""
        x, y = torch.cat([x, torch.ones(len(x), 1)], dim=1).double(), y.double()
        self._squares += x.T @ x
        self._products += x.T @ y
        self._spoken += torch.cov(y.relu().T, correction=0) * len(y)
        self._count += len(x)

    def solve(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Weights (C, F), bias (C,) and the covariance (C, C) after the ReLU."""
        squares = self._squares / self._count
        ridge = RIDGE * squares.diagonal().mean() * torch.eye(len(squares), dtype=torch.float64)
        solution = torch.linalg.solve(squares + ridge, self._products / self._count)
        return solution[:-1].T.float(), solution[-1].float(), (self._spoken / self._count).float()


@dataclass
class Picture:
    """What is known of one picture.

    Attributes:
        h: what the student's layers so far make of it, (1, C, H, W).
        places: some places of it for every stage, as flat indices.
        wanted: what VGG16's imitated convolutions put out there, (len(places), C) by number.
    """

    h: torch.Tensor
    places: list[torch.Tensor]
    wanted: Tensors

    def inputs(self, stage: int) -> torch.Tensor:
        """What a 3x3 convolution sees at the stage's places, (len(places), 9 * C)."""
        return functional.unfold(self.h, 3, padding=1)[0][:, self.places[stage]].T


def look(teacher: DistsNetwork, x: torch.Tensor, generator: torch.Generator) -> Picture:
    """A picture (1, 3, H, W) before the student's first layer."""
    outputs, places, wanted = before_relus(teacher, x), [], {}
    for numbers in IMITATED:
        chosen = torch.randperm(outputs[numbers[0]][0, 0].numel(), generator=generator)[:PLACES]
        places.append(chosen)
        wanted |= {str(number): outputs[number][0].flatten(1)[:, chosen].T.clone() for number in numbers}
    return Picture(normalise(x), places, wanted)


def fit(pictures: Sequence[Picture], stage: int, number: int, channels: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Weight (channels, C, 3, 3) and bias (channels,) of a convolution that imitates VGG16's `number`; applies it."""
    regression = Regression(9 * pictures[0].h.shape[1], pictures[0].wanted[str(number)].shape[1])
    for picture in pictures:
        regression.add(picture.inputs(stage), picture.wanted[str(number)])
    weight, bias, covariance = regression.solve()
    kept = telling_channels(covariance, channels)
    weight, bias = weight[kept].view(channels, -1, 3, 3).contiguous(), bias[kept]
    for picture in pictures:
        picture.h = functional.conv2d(picture.h, weight, bias, padding=1).relu()
    return weight, bias


def imitate(pictures: Sequence[Picture]) -> Tensors:
    """All convolutions of the student's trunk."""
    weights: Tensors = {}
    own = iter(layer_numbers())
    for stage, (widths, numbers) in enumerate(zip(PLAN, IMITATED, strict=True)):
        if stage:
            pool = L2Pool(PLAN[stage - 1][-1])
            for picture in pictures:
                picture.h = pool(picture.h)
        for channels, number in zip(widths, numbers, strict=True):
            weight, bias = fit(pictures, stage, number, channels)
            name = next(own)
            weights |= {f"{name}.weight": weight, f"{name}.bias": bias}
        print(f"stage {stage + 1} of {len(PLAN)} fitted", flush=True)
    return weights


def main() -> None:
    """Write the start."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("pairs", type=Path)
    parser.add_argument("start", type=Path)
    parser.add_argument("--models", type=Path, action="append", help="folder with VGG16 in full precision")
    args = parser.parse_args()
    torch.set_num_threads(1)
    files = sorted(args.pairs.glob("train-*.safetensors"))
    chosen = files[:: max(1, len(files) // FILES)]
    teacher, generator = load_dists_network(args.models or default_folders()), torch.Generator().manual_seed(1)
    with torch.inference_mode():
        singles = (x for pictures in sample_pictures(chosen, generator) for x in pictures.split(1))
        weights = imitate([look(teacher, x, generator) for x in singles])
    save_file(weights, args.start)


if __name__ == "__main__":
    main()
