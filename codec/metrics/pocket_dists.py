"""DISTS without VGG16: the same formula on a trunk distilled from it, small enough to ship with the program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from codec.metrics.base import Frames, Values, network_values
from codec.metrics.dists import DistsNetwork
from codec.metrics.networks import SHIPPED, load_weights, vgg16_stages

PLAN = ((16, 16), (32, 32), (64, 64, 64), (96, 96, 96), (128, 128, 128))
"""Output channels of the convolutions, stage by stage: VGG16's layout, a quarter of its width and less."""


def load_pocket_network() -> DistsNetwork:
    """The distilled trunk in float32 on the CPU, frozen.

    Raises:
        SettingsError: `resources/metrics/pocket_dists.safetensors` is missing or damaged.
    """
    weights = load_weights(SHIPPED / "pocket_dists.safetensors")
    stages = vgg16_stages(weights, PLAN)
    network = DistsNetwork(stages, [stage[-1] for stage in PLAN], weights["alpha"], weights["beta"])
    return network.eval().requires_grad_(False)


@dataclass(frozen=True)
class PocketDists:
    """An estimate of DISTS on its scale, exactly 0 for equal pictures; model card: `resources/metrics/README.md`."""

    network: DistsNetwork
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
