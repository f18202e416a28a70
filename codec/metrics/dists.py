"""DISTS: deep image structure and texture similarity (Ding et al. 2020, arXiv 2004.07728), exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from torch import nn
from torch.nn import functional

from codec.metrics.base import Frames, Values, network_values
from codec.metrics.networks import SHIPPED, VGG16, find_network, load_weights, vgg16_stages

STABILISER = 1e-6
"""c1 = c2 of equations 5 and 6."""
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class L2Pool(nn.Module):
    """Anti-aliased halving: the root of a Hanning-weighted 3x3 mean of squares (equation 3)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        window = torch.hann_window(5, periodic=False)[1:-1]
        kernel = torch.outer(window, window)
        self.kernel: torch.Tensor
        self.register_buffer("kernel", (kernel / kernel.sum()).repeat(channels, 1, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) -> (B, C, ceil(H/2), ceil(W/2))."""
        power = functional.conv2d(x.square(), self.kernel, stride=2, padding=1, groups=x.shape[1])
        return (power + 1e-12).sqrt()


def dissimilarities(x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """1 - l and 1 - s of every channel (equations 5 and 6), each (B, C); both are exactly 0 where x equals y.

    The covariance is taken of centred features, so that it equals the variance to the last bit for equal inputs.
    """
    mean_x, mean_y = x.mean((2, 3), keepdim=True), y.mean((2, 3), keepdim=True)
    texture = (2 * mean_x * mean_y + STABILISER) / (mean_x.square() + mean_y.square() + STABILISER)
    x, y = x - mean_x, y - mean_y
    variances = x.square().mean((2, 3)) + y.square().mean((2, 3))
    structure = (2 * (x * y).mean((2, 3)) + STABILISER) / (variances + STABILISER)
    return 1 - texture.flatten(1), 1 - structure


def stage_terms(
    x: Sequence[torch.Tensor], y: Sequence[torch.Tensor], alpha: torch.Tensor, beta: torch.Tensor
) -> torch.Tensor:
    """What texture and structure of each stage add to the score, (B, stages, 2); their sum is the score.

    Args:
        x, y: the two pictures' features, (B, C_k, H_k, W_k) per stage.
        alpha, beta: weights of texture and structure, one per channel of all stages, in order.
    """
    channels, terms = [f.shape[1] for f in x], []
    for f, g, a, b in zip(x, y, torch.split(alpha, channels), torch.split(beta, channels), strict=True):
        texture, structure = dissimilarities(f, g)
        terms.append(torch.stack([texture @ a, structure @ b], dim=1))
    return torch.stack(terms, dim=1)


class DistsNetwork(nn.Module):
    """A trunk of convolution stages with L2 pooling between them, and the weights of its channels (equation 7).

    With VGG16 as trunk it is DISTS. Differentiable, so it serves as a training loss too.

    Args:
        stages: each maps (B, C_k-1, H, W) -> (B, C_k, H, W); the first takes RGB.
        channels: C_k of the stages.
        alpha, beta: non-negative weights of texture and structure: 3 for RGB itself, then C_k per stage.
    """

    def __init__(
        self, stages: Sequence[nn.Module], channels: Sequence[int], alpha: torch.Tensor, beta: torch.Tensor
    ) -> None:
        super().__init__()
        self.stages = nn.ModuleList(stages)
        self.pools = nn.ModuleList(L2Pool(count) for count in channels[:-1])
        self.mean: torch.Tensor
        self.std: torch.Tensor
        self.alpha: torch.Tensor
        self.beta: torch.Tensor
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1))
        self.register_buffer("alpha", alpha)
        self.register_buffer("beta", beta)

    def features(self, x: torch.Tensor) -> list[torch.Tensor]:
        """The picture (B, 3, H, W) in [0, 1] itself and the stages' outputs, finest first."""
        h = (x - self.mean) / self.std
        outputs = [x]
        for index, stage in enumerate(self.stages):
            h = stage(h if index == 0 else self.pools[index - 1](h))
            outputs.append(h)
        return outputs

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """The score (B,) of RGB pictures (B, 3, H, W) in [0, 1]: 0 where they are equal."""
        return stage_terms(self.features(x), self.features(y), self.alpha, self.beta).sum((1, 2))


def load_dists_network(folders: Sequence[Path]) -> DistsNetwork:
    """DISTS in float32 on the CPU, frozen.

    Raises:
        SettingsError: no folder holds `vgg16_features.safetensors`, or it is damaged.
    """
    weights = load_weights(SHIPPED / "dists_weights.safetensors")
    vgg = load_weights(find_network("vgg16_features", folders))
    total = weights["alpha"].sum() + weights["beta"].sum()
    channels = [stage[-1] for stage in VGG16]
    network = DistsNetwork(vgg16_stages(vgg), channels, weights["alpha"] / total, weights["beta"] / total)
    return network.eval().requires_grad_(False)


@dataclass(frozen=True)
class Dists:
    """Exact DISTS: 0 for equal pictures, about 0.05 hard to tell apart, above 0.3 plainly different."""

    network: DistsNetwork
    device: torch.device

    name: ClassVar[str] = "dists"
    lower_is_better: ClassVar[bool] = True
    good: ClassVar[tuple[float, float]] = (0.0, 0.1)
    context: ClassVar[int] = 0

    @classmethod
    def load(cls, folders: Sequence[Path], device: torch.device) -> Dists:
        """Read VGG16 from the first of `folders` that holds it (raises SettingsError where none does)."""
        return cls(load_dists_network(folders).to(device), device)

    def __call__(self, reference: Frames, distorted: Frames) -> Values:
        """DISTS per frame, (T,); see `Metric`. At the clips' own size: nothing is resized to 256 pixels."""
        return network_values(self.network, reference, distorted, self.name, self.device, smallest=16)
