"""Stands in for VGG16 where training is tested without any network that has to be fetched."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from training.losses import VGG_CHANNELS


class PixelJudge:
    """Its stages are the picture at falling sizes, its channels repeated; its one term the mean square."""

    def features(self, pictures: Tensor) -> list[Tensor]:
        """As `VggJudge.features`."""
        stages = [pictures]
        for stage, channels in enumerate(VGG_CHANNELS[1:]):
            small = F.avg_pool2d(pictures, 2**stage)
            stages.append(small.repeat(1, -(-channels // 3), 1, 1)[:, :channels])
        return stages

    def terms(self, made: list[Tensor], wanted: list[Tensor]) -> dict[str, Tensor]:
        """As `VggJudge.terms`."""
        error = made[0] - wanted[0]
        return {"dists": error.square().mean((1, 2, 3)), "lpips": torch.zeros(len(error))}
