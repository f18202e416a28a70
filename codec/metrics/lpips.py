"""LPIPS: learned perceptual image patch similarity, version 0.1 (Zhang et al. 2018, arXiv 1801.03924)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import torch
from torch import nn

from codec.arrays import Frames
from codec.metrics.base import Values, network_values
from codec.metrics.networks import SHIPPED, alexnet_stages, load_weights, vgg16_stages
from codec.metrics.trunks import find_network

Trunk = Literal["alex", "vgg"]
SMALLEST = 32
"""Below this AlexNet's second max-pool has nothing left to see."""


def unit_length(x: torch.Tensor) -> torch.Tensor:
    """Every pixel's feature vector scaled to length 1 (section 3 of the paper)."""
    return x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10)


class LpipsNetwork(nn.Module):
    """A trunk's five stages and the learned non-negative weight of each channel.

    Differentiable where every stage sees something at every place; else the root in `unit_length` makes nan of it.
    """

    def __init__(self, stages: Sequence[nn.Module], heads: Sequence[torch.Tensor]) -> None:
        super().__init__()
        self.stages = nn.ModuleList(stages)
        self.heads = nn.ParameterList(nn.Parameter(head, requires_grad=False) for head in heads)
        self.shift: torch.Tensor
        self.scale: torch.Tensor
        self.register_buffer("shift", torch.tensor([-0.030, -0.088, -0.188]).view(1, 3, 1, 1))
        self.register_buffer("scale", torch.tensor([0.458, 0.448, 0.450]).view(1, 3, 1, 1))

    def features(self, x: torch.Tensor) -> list[torch.Tensor]:
        """The stages' unit-length outputs for a picture (B, 3, H, W) in [0, 1] (moved to [-1, 1] inside)."""
        h = (2 * x - 1 - self.shift) / self.scale
        outputs = []
        for stage in self.stages:
            h = stage(h)
            outputs.append(unit_length(h))
        return outputs

    def distance(self, f: Sequence[torch.Tensor], g: Sequence[torch.Tensor]) -> torch.Tensor:
        """LPIPS (B,) of two pictures whose `features` are known."""
        per_stage = [
            torch.einsum("bchw,c->bhw", (a - b).square(), head).mean((1, 2))
            for a, b, head in zip(f, g, self.heads, strict=True)
        ]
        return torch.stack(per_stage).sum(0)

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """LPIPS (B,) of RGB pictures (B, 3, H, W) in [0, 1]."""
        return self.distance(self.features(x), self.features(y))


def load_lpips_network(trunk: Trunk, folders: Sequence[Path]) -> LpipsNetwork:
    """LPIPS v0.1 in float32 on the CPU, frozen.

    Raises:
        SettingsError: the trunk's file is damaged.
    """
    if trunk == "alex":
        stages = alexnet_stages(load_weights(find_network("metric-alexnet", folders)))
    else:
        stages = _pooled_vgg_stages(load_weights(find_network("metric-vgg16", folders)))
    table = load_weights(SHIPPED / f"lpips_lin_{trunk}.safetensors")
    heads = [table[f"lin{index}.model.1.weight"].flatten() for index in range(len(stages))]
    return LpipsNetwork(stages, heads).eval().requires_grad_(False)


def _pooled_vgg_stages(vgg: dict[str, torch.Tensor]) -> list[nn.Sequential]:
    first, *others = vgg16_stages(vgg)
    return [first, *(nn.Sequential(nn.MaxPool2d(2), stage) for stage in others)]


@dataclass(frozen=True)
class Lpips:
    """LPIPS with AlexNet (the field's default) or VGG16: 0 for equal pictures, about 0.5 for unlike ones."""

    network: LpipsNetwork
    trunk: Trunk
    device: torch.device

    lower_is_better: ClassVar[bool] = True
    good: ClassVar[tuple[float, float]] = (0.0, 0.15)
    context: ClassVar[int] = 0

    @property
    def name(self) -> str:
        """lpips or lpips-vgg."""
        return "lpips" if self.trunk == "alex" else "lpips-vgg"

    @classmethod
    def load(cls, trunk: Trunk, folders: Sequence[Path], device: torch.device) -> Lpips:
        """Read the trunk from the first of `folders` that holds it, else the one that ships."""
        return cls(load_lpips_network(trunk, folders).to(device), trunk, device)

    def __call__(self, reference: Frames, distorted: Frames) -> Values:
        """LPIPS per frame, (T,); see `Metric`."""
        return network_values(self.network, reference, distorted, self.name, self.device, smallest=SMALLEST)
