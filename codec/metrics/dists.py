"""DISTS: deep image structure and texture similarity (Ding et al. 2020, arXiv 2004.07728), exactly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from torch import nn
from torch.nn import functional

from codec.arrays import Frames
from codec.metrics.base import Values, check_pair, network_values, to_unit_tensor
from codec.metrics.networks import SHIPPED, VGG16, load_weights, vgg16_stages
from codec.metrics.trunks import find_network

STABILISER = 1e-6
"""c1 = c2 of equations 5 and 6."""
SMALLEST = 16
"""Pixels of a picture's side: VGG16 halves it four times."""
POOLING_FLOOR = 1e-12
"""Added under equation 3's root, as the authors' implementation does."""
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class L2Pool(nn.Module):
    """Anti-aliased halving: the root of a Hanning-weighted 3x3 mean of squares (equation 3).

    Args:
        floor: added under the root.
    """

    def __init__(self, channels: int, floor: float = POOLING_FLOOR) -> None:
        super().__init__()
        self.floor = floor
        window = torch.hann_window(5, periodic=False)[1:-1]
        kernel = torch.outer(window, window)
        self.kernel: torch.Tensor
        self.register_buffer("kernel", (kernel / kernel.sum()).repeat(channels, 1, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) -> (B, C, ceil(H/2), ceil(W/2))."""
        power = functional.conv2d(x.square(), self.kernel, stride=2, padding=1, groups=x.shape[1])
        return (power + self.floor).sqrt()


def normalise(x: torch.Tensor) -> torch.Tensor:
    """RGB (B, 3, H, W) in [0, 1] -> what networks trained on ImageNet expect."""
    mean, std = (torch.tensor(v, dtype=x.dtype, device=x.device).view(3, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_STD))
    return (x - mean) / std


@dataclass(frozen=True)
class Moments:
    """What is compared of a picture's features at one stage; of a reference they are made once for all its versions.

    Attributes:
        mean, variance: of every channel, (..., C).
        centred: the features less their mean, (..., C, H, W).
    """

    mean: torch.Tensor
    variance: torch.Tensor
    centred: torch.Tensor

    @classmethod
    def of(cls, features: torch.Tensor) -> Moments:
        """Of features (..., C, H, W)."""
        mean = features.mean((-2, -1), keepdim=True)
        centred = features - mean
        return cls(mean[..., 0, 0], centred.square().mean((-2, -1)), centred)


def moments(features: Sequence[torch.Tensor]) -> list[Moments]:
    """Of every stage's features."""
    return [Moments.of(stage) for stage in features]


def texture_dissimilarity(x: Moments, y: Moments) -> torch.Tensor:
    """1 - l of every channel (equation 5): (..., C); leading dimensions broadcast.

    Written as the squared difference of the means over the sum of their squares: the same, without cancellation.
    """
    return (x.mean - y.mean).square() / (x.mean.square() + y.mean.square() + STABILISER)


def structure_dissimilarity(x: Moments, y: Moments) -> torch.Tensor:
    """1 - s of every channel (equation 6): (..., C); leading dimensions broadcast.

    Written as the variance of the difference over the sum of the variances: the same, without cancellation.
    """
    # In place: these are the largest arrays of all, and making one anew takes longer than filling it.
    difference = (x.centred - y.centred).square_()
    return difference.mean((-2, -1)) / (x.variance + y.variance + STABILISER)


def stage_terms(x: Sequence[Moments], y: Sequence[Moments], alpha: torch.Tensor, beta: torch.Tensor) -> torch.Tensor:
    """What texture and structure of each stage add to the score, (..., stages, 2); their sum is the score.

    Args:
        x, y: of the two pictures' features, C_k channels per stage; leading dimensions broadcast.
        alpha, beta: weights of texture and structure, one per channel of all stages, in order.
    """
    channels, terms = [f.mean.shape[-1] for f in x], []
    for f, g, a, b in zip(x, y, torch.split(alpha, channels), torch.split(beta, channels), strict=True):
        terms.append(torch.stack([texture_dissimilarity(f, g) @ a, structure_dissimilarity(f, g) @ b], dim=-1))
    return torch.stack(terms, dim=-2)


class PooledStages(nn.Module):
    """A trunk of VGG16's layout with L2 pooling between its stages, and what it sees in a picture.

    Args:
        stages: five, as `vgg16_stages(..., plan)` makes them.
        plan: output channels of their convolutions, stage by stage.
        floor: of the pooling.
    """

    def __init__(
        self, stages: Sequence[nn.Module], plan: Sequence[Sequence[int]], floor: float = POOLING_FLOOR
    ) -> None:
        super().__init__()
        self.stages = nn.ModuleList(stages)
        self.pools = nn.ModuleList(L2Pool(channels[-1], floor) for channels in plan[:-1])

    def features(self, x: torch.Tensor) -> list[torch.Tensor]:
        """The picture (B, 3, H, W) in [0, 1] itself and the stages' outputs, finest first."""
        h, outputs = normalise(x), [x]
        for index, stage in enumerate(self.stages):
            h = stage(h if index == 0 else self.pools[index - 1](h))
            outputs.append(h)
        return outputs


class DistsNetwork(PooledStages):
    """DISTS on VGG16; differentiable, so it serves as a training loss too.

    Args:
        stages: VGG16's five, as `vgg16_stages` makes them.
        alpha, beta: weights of texture and structure (equation 7): 3 for RGB itself, then one per channel.
        floor: of the pooling.
    """

    def __init__(
        self, stages: Sequence[nn.Module], alpha: torch.Tensor, beta: torch.Tensor, floor: float = POOLING_FLOOR
    ) -> None:
        super().__init__(stages, VGG16, floor)
        self.alpha: torch.Tensor
        self.beta: torch.Tensor
        self.register_buffer("alpha", alpha)
        self.register_buffer("beta", beta)

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """The score (B,) of RGB pictures (B, 3, H, W) in [0, 1]: 0 where they are equal."""
        return self.compare(moments(self.features(x)), moments(self.features(y)))

    def compare(self, x: Sequence[Moments], y: Sequence[Moments]) -> torch.Tensor:
        """The score (B,) of two pictures, of whose `features` these are."""
        return stage_terms(x, y, self.alpha, self.beta).sum((-2, -1))


def load_dists_network(folders: Sequence[Path], floor: float = POOLING_FLOOR) -> DistsNetwork:
    """DISTS in float32 on the CPU, frozen.

    Args:
        folders: where VGG16 is looked for before the one that ships is taken.
        floor: of the pooling; more than the default makes another metric of it, whose gradients are smoother.

    Raises:
        SettingsError: VGG16's file is damaged.
    """
    weights = load_weights(SHIPPED / "dists_weights.safetensors")
    vgg = load_weights(find_network("metric-vgg16", folders))
    total = weights["alpha"].sum() + weights["beta"].sum()
    network = DistsNetwork(vgg16_stages(vgg), weights["alpha"] / total, weights["beta"] / total, floor)
    return network.eval().requires_grad_(False)


@dataclass(frozen=True)
class Dists:
    """DISTS: 0 for equal pictures, about 0.05 hard to tell apart, above 0.3 plainly different.

    Attributes:
        dtype: what VGG16 computes in; what it sees is compared in float32.
    """

    network: DistsNetwork
    device: torch.device
    dtype: str = "float32"

    name: ClassVar[str] = "dists"
    lower_is_better: ClassVar[bool] = True
    good: ClassVar[tuple[float, float]] = (0.0, 0.1)
    context: ClassVar[int] = 0

    @classmethod
    def load(cls, folders: Sequence[Path], device: torch.device, dtype: str = "float32") -> Dists:
        """Read VGG16 from the first of `folders` that holds it, else the one that ships."""
        return cls(load_dists_network(folders).to(device), device, dtype)

    def __call__(self, reference: Frames, distorted: Frames) -> Values:
        """DISTS per frame, (T,); see `Metric`. At the clips' own size: nothing is resized to 256 pixels."""
        return network_values(self._score, reference, distorted, self.name, self.device, SMALLEST)

    def against(self, reference: Frames) -> Callable[[Frames], Values]:
        """See `codec.metrics.base.against`; holds the moments of all frames of `reference`."""
        check_pair(reference, reference, self.name, SMALLEST)
        with torch.inference_mode():
            references = [self._moments(to_unit_tensor(frame[None], self.device)) for frame in reference]

        def judge(distorted: Frames) -> Values:
            check_pair(reference, distorted, self.name)
            with torch.inference_mode():
                scores = [
                    self.network.compare(known, self._moments(to_unit_tensor(frame[None], self.device)))
                    for known, frame in zip(references, distorted, strict=True)
                ]
            return torch.cat(scores).double().cpu().numpy()

        return judge

    def _score(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return self.network.compare(self._moments(x), self._moments(y))

    def _moments(self, x: torch.Tensor) -> list[Moments]:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.dtype == "bfloat16"):
            features = self.network.features(x)
        return [Moments.of(stage.float()) for stage in features]
