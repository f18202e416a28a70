"""DISTS without VGG16: its comparisons on a trunk distilled from VGG16, small enough to ship with the program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from torch import nn

from codec.arrays import Frames
from codec.metrics.base import Values, network_values
from codec.metrics.dists import (
    SMALLEST,
    Moments,
    PooledStages,
    moments,
    structure_dissimilarity,
    texture_dissimilarity,
)
from codec.metrics.networks import SHIPPED, load_weights, vgg16_stages

PLAN = ((16,), (32, 32), (64, 64), (112, 112, 112), (128, 128, 128))
"""Output channels of the trunk's convolutions, stage by stage: VGG16's layout, a quarter of its width and less."""
COMPARISONS = 2 * (3 + sum(stage[-1] for stage in PLAN))
"""Texture and structure of every channel of RGB and of the stages."""
HIDDEN = 64
POCKET_WEIGHTS = SHIPPED / "pocket_dists.safetensors"


class PocketHead(nn.Module):
    """From channels' dissimilarities to a score: each saturates on its own, then one hidden layer weighs them.

    No layer has a bias and tanh(0) = 0, so equal pictures score exactly 0.
    """

    def __init__(self) -> None:
        super().__init__()
        self.log_half = nn.Parameter(torch.zeros(COMPARISONS))
        self.hidden = nn.Linear(COMPARISONS, HIDDEN, bias=False)
        self.out = nn.Linear(HIDDEN, 1, bias=False)
        self.direct = nn.Linear(COMPARISONS, 1, bias=False)

    def forward(self, d: torch.Tensor) -> torch.Tensor:
        """Dissimilarities (..., COMPARISONS) -> scores (...); a channel is half saturated at exp(log_half)."""
        z = d / (d + self.log_half.exp())
        score: torch.Tensor = self.out(self.hidden(z).tanh()) + self.direct(z)
        return score[..., 0]


class PocketNetwork(PooledStages):
    """The distilled trunk and its head.

    Args:
        stages: five, as `vgg16_stages(..., PLAN)` makes them.
        head: weighs what the stages see.
    """

    def __init__(self, stages: Sequence[nn.Module], head: PocketHead) -> None:
        super().__init__(stages, PLAN)
        self.head = head

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """The score (B,) of RGB pictures (B, 3, H, W) in [0, 1]: exactly 0 where they are equal, never below."""
        score: torch.Tensor = self.head(compare(moments(self.features(x)), moments(self.features(y))))
        return score.clamp_min(0)


def compare(x: Sequence[Moments], y: Sequence[Moments]) -> torch.Tensor:
    """Every channel's texture and structure dissimilarity (..., COMPARISONS) of two pictures' features.

    Leading dimensions broadcast: one reference can meet many distorted versions.
    """
    pairs = zip(x, y, strict=True)
    return torch.cat([d for f, g in pairs for d in (texture_dissimilarity(f, g), structure_dissimilarity(f, g))], -1)


def build_pocket_network(weights: dict[str, torch.Tensor]) -> PocketNetwork:
    """From the shipped file's tensors: convolutions by number, and `head.*`.

    Raises:
        SettingsError: a convolution is missing.
    """
    head = PocketHead()
    head.load_state_dict({key.removeprefix("head."): w for key, w in weights.items() if key.startswith("head.")})
    return PocketNetwork(vgg16_stages(weights, PLAN), head.requires_grad_(False))


def load_pocket_network(path: Path = POCKET_WEIGHTS) -> PocketNetwork:
    """The distilled network in float32 on the CPU, frozen.

    Raises:
        SettingsError: the file is missing or damaged.
    """
    return build_pocket_network(load_weights(path)).eval()


@dataclass(frozen=True)
class PocketDists:
    """An estimate of DISTS on its scale, exactly 0 for equal pictures; model card: `resources/metrics/README.md`."""

    network: PocketNetwork
    device: torch.device

    name: ClassVar[str] = "pocket-dists"
    lower_is_better: ClassVar[bool] = True
    good: ClassVar[tuple[float, float]] = (0.0, 0.1)
    context: ClassVar[int] = 0

    @classmethod
    def load(cls, device: torch.device) -> PocketDists:
        """Read the weights that come with the program."""
        return cls(load_pocket_network().to(device), device)

    def __call__(self, reference: Frames, distorted: Frames) -> Values:
        """Estimated DISTS per frame, (T,); see `Metric`. Always float32, so that it is the same on every call."""
        return network_values(self.network, reference, distorted, self.name, self.device, SMALLEST)
