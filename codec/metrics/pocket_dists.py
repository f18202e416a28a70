"""DISTS without VGG16: its formula on a trunk distilled from VGG16, small enough to ship with the program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from torch import nn

from codec.metrics.base import Frames, Values, network_values
from codec.metrics.dists import L2Pool, normalise, structure_dissimilarity, texture_dissimilarity
from codec.metrics.networks import SHIPPED, load_weights, vgg16_stages

PLAN = ((16,), (32, 32), (64, 64), (112, 112, 112), (128, 128, 128))
"""Output channels of the trunk's convolutions, stage by stage: VGG16's layout, a quarter of its width and less."""
HEADS = {2: 256, 3: 512, 4: 512}
"""Stages (from 0) whose head, one linear layer, predicts all channels of VGG16's stage, each divided by its
usual size: nine tenths of DISTS."""
SOFTNESS = 0.025
COMPARED = (3, 16, 32, 256, 512, 512)
"""Channels compared per stage, RGB first."""
POCKET_WEIGHTS = SHIPPED / "pocket_dists.safetensors"


def predict(head: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """A head at every pixel, (B, C, H, W) -> (B, C', H, W), positive.

    As a matrix product it is faster than a 1x1 convolution. It ends in a squareplus (Barron 2021), a soft ReLU: VGG16's
    deep channels are silent almost everywhere, and heads with a ReLU learn never to speak at all.
    """
    y: torch.Tensor = head(x.permute(0, 2, 3, 1))
    return (y.square().add_(SOFTNESS).sqrt_() + y).permute(0, 3, 1, 2)


class PocketNetwork(nn.Module):
    """The distilled trunk and its heads.

    DISTS gives structure hardly any weight between RGB and the last stage (together 0.5 %), so it is only compared
    there; texture is compared everywhere.

    Args:
        stages: five, as `vgg16_stages(..., PLAN)` makes them.
        heads: a linear layer per stage of `HEADS`, in order.
        alpha: weights of texture, one per compared channel of all stages.
        beta: weights of structure: 3 for RGB, then those of the last stage.
    """

    def __init__(
        self, stages: Sequence[nn.Module], heads: Sequence[nn.Module], alpha: torch.Tensor, beta: torch.Tensor
    ) -> None:
        super().__init__()
        self.stages = nn.ModuleList(stages)
        self.heads = nn.ModuleList(heads)
        self.pools = nn.ModuleList(L2Pool(stage[-1]) for stage in PLAN[:-1])
        self.alpha: torch.Tensor
        self.beta: torch.Tensor
        self.register_buffer("alpha", alpha)
        self.register_buffer("beta", beta)

    def features(self, x: torch.Tensor) -> list[torch.Tensor]:
        """The picture (B, 3, H, W) in [0, 1] itself and what is compared of each stage, finest first."""
        h, outputs, heads = normalise(x), [x], iter(self.heads)
        for index, stage in enumerate(self.stages):
            h = stage(h if index == 0 else self.pools[index - 1](h))
            outputs.append(predict(next(heads), h) if index in HEADS else h)
        return outputs

    def terms(self, x: Sequence[torch.Tensor], y: Sequence[torch.Tensor]) -> torch.Tensor:
        """What each stage's texture and structure add to the score, (..., 6, 2), of two pictures' `features`."""
        textures = [
            texture_dissimilarity(f, g) @ alpha
            for f, g, alpha in zip(x, y, torch.split(self.alpha, list(COMPARED)), strict=True)
        ]
        nothing = torch.zeros_like(textures[0])
        first, last = (
            structure_dissimilarity(x[k], y[k]) @ beta for k, beta in ((0, self.beta[:3]), (-1, self.beta[3:]))
        )
        structures = [first, nothing, nothing, nothing, nothing, last]
        return torch.stack([torch.stack(textures, dim=-1), torch.stack(structures, dim=-1)], dim=-1)

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """The score (B,) of RGB pictures (B, 3, H, W) in [0, 1]: exactly 0 where they are equal."""
        return self.terms(self.features(x), self.features(y)).sum((-2, -1))


def build_pocket_network(weights: dict[str, torch.Tensor]) -> PocketNetwork:
    """From the shipped file's tensors: convolutions by number, `head<stage>.weight` and `.bias`, `alpha`, `beta`.

    Raises:
        SettingsError: a convolution is missing.
    """
    stages = vgg16_stages(weights, PLAN)
    heads = []
    for stage, channels in HEADS.items():
        head = nn.Linear(PLAN[stage][-1], channels).requires_grad_(False)
        head.load_state_dict({part: weights[f"head{stage}.{part}"] for part in ("weight", "bias")})
        heads.append(head)
    return PocketNetwork(stages, heads, weights["alpha"], weights["beta"])


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
        return network_values(self.network, reference, distorted, self.name, self.device, smallest=16)
