"""Start the bundled metric's student from VGG16 itself, by linear regression, layer after layer.

    python -m training.metric_initial PAIRS START.safetensors [--models FOLDER]

Every convolution of the student imitates the most telling channels of one of VGG16's convolutions: its weights are the
least-squares solution that predicts their values before the ReLU from what the student's own layer below puts out
(He, Zhang & Sun 2017, channel pruning for very deep networks, with the layers between skipped). No gradient is
involved; a few minutes on one core.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional

from codec.metrics.base import to_unit_tensor
from codec.metrics.dists import DistsNetwork, L2Pool, load_dists_network, normalise
from codec.metrics.networks import default_folders
from codec.metrics.pocket_dists import PLAN
from training.metric_teacher import CPU

IMITATED = ((2,), (5, 7), (10, 14), (17, 19, 21), (24, 26, 28))
"""Which of VGG16's convolutions each of the student's imitates, by their numbers in torchvision's `features`."""
FILES, PICTURES_A_FILE, PLACES = 120, 5, 300
RIDGE = 1e-4
Tensors = dict[str, torch.Tensor]
Layer = Callable[[torch.Tensor], torch.Tensor]


def sample_pictures(paths: Sequence[Path], generator: torch.Generator) -> Iterator[torch.Tensor]:
    """Some pictures of every file, references and distorted ones alike: (PICTURES_A_FILE, 3, H, W) in [0, 1]."""
    for path in paths:
        tensors = load_file(path)
        together = torch.cat([tensors["reference"], tensors["distorted"].flatten(0, 1)])
        chosen = torch.randperm(len(together), generator=generator)[:PICTURES_A_FILE]
        yield to_unit_tensor(together[chosen].numpy(), CPU)


def before_relu(teacher: DistsNetwork, x: torch.Tensor, number: int) -> torch.Tensor:
    """What VGG16's convolution `number` puts out for pictures (B, 3, H, W), all stages but the first in bfloat16."""
    h: torch.Tensor = normalise(x)
    count = 0
    for index, stage in enumerate(teacher.stages):
        h = h if index == 0 else teacher.pools[index - 1](h.float())
        with torch.autocast("cpu", torch.bfloat16, enabled=index > 0):
            for layer in list(stage.children())[::2]:
                h = layer(h)
                if count == number:
                    return h.float()
                h, count = h.relu(), count + 2
        count += 1
    raise ValueError(f"VGG16 has no convolution {number}")


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


def places(x: torch.Tensor, y: torch.Tensor, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Some places of every picture, as rows: (B, F, N) and (B, C, N) -> (B * n, F) and (B * n, C)."""
    chosen = torch.randperm(x.shape[-1], generator=generator)[:PLACES]
    return x[..., chosen].transpose(1, 2).flatten(0, 1), y[..., chosen].transpose(1, 2).flatten(0, 1)


class Imitation:
    """The student so far, and what its next layer is fitted to."""

    def __init__(self, teacher: DistsNetwork, paths: Sequence[Path]) -> None:
        self.teacher, self.paths = teacher, paths
        self.layers: list[Layer] = [normalise]
        self.weights: Tensors = {}

    def convolution(self, name: str, number: int, channels: int) -> None:
        """Fit, keep and append a 3x3 convolution that imitates VGG16's `number`."""
        weight, bias, covariance = self._fit(number)
        kept = telling_channels(covariance, channels)
        weight, bias = weight[kept].view(channels, -1, 3, 3), bias[kept]
        self.weights |= {f"{name}.weight": weight, f"{name}.bias": bias}
        self.layers.append(lambda h: functional.conv2d(h, weight, bias, padding=1).relu())

    def pool(self, channels: int) -> None:
        """Append the halving between two stages."""
        self.layers.append(L2Pool(channels))

    def _fit(self, number: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        generator = torch.Generator().manual_seed(number)
        regression: Regression | None = None
        for pictures in sample_pictures(self.paths, generator):
            h = pictures
            for layer in self.layers:
                h = layer(h)
            wanted = before_relu(self.teacher, pictures, number).flatten(2)
            x, y = places(functional.unfold(h, 3, padding=1), wanted, generator)
            regression = regression or Regression(x.shape[1], y.shape[1])
            regression.add(x, y)
        if regression is None:
            raise ValueError("there are no pairs to learn from")
        return regression.solve()


def imitate(teacher: DistsNetwork, paths: Sequence[Path]) -> Tensors:
    """All convolutions of the student's trunk."""
    student, number = Imitation(teacher, paths), 0
    for stage, (channels, imitated) in enumerate(zip(PLAN, IMITATED, strict=True)):
        if stage:
            student.pool(PLAN[stage - 1][-1])
        for count, target in zip(channels, imitated, strict=True):
            student.convolution(str(number), target, count)
            number += 2
        number += 1
        print(f"stage {stage + 1} of {len(PLAN)} fitted", flush=True)
    return student.weights


def main() -> None:
    """Write the start."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("pairs", type=Path)
    parser.add_argument("start", type=Path)
    parser.add_argument("--models", type=Path, action="append", help="folder with vgg16_features.safetensors")
    args = parser.parse_args()
    torch.set_num_threads(1)
    files = sorted(args.pairs.glob("train-*.safetensors"))
    chosen = files[:: max(1, len(files) // FILES)]
    with torch.inference_mode():
        weights = imitate(load_dists_network(args.models or default_folders()), chosen)
    save_file({key: value.contiguous() for key, value in weights.items()}, args.start)


if __name__ == "__main__":
    main()
