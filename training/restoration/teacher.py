"""A slower prior's restoration as a target: what it makes depends on the base alone, so nothing of it is by heart."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from codec.format.limits import WHOLE_RESTORATION
from codec.priors.pocket import base_info
from codec.priors.pocket_net import LATENT_STRIDE, load_pocket_net
from training.restoration.crops import Batch


class Teacher:
    """The pocket prior's synthesis, restoring with nothing sent; its steps lie on a straight line."""

    def __init__(self, weights: Path, device: torch.device) -> None:
        self._net = load_pocket_net(weights).to(device).eval()

    @torch.no_grad()
    def restored(self, batch: Batch) -> Tensor:
        """All pictures of a batch at their steps: (N, T, 3, H, W)."""
        rows, length, _, height, width = batch.source.shape
        near = batch.base.unfold(1, 3, 1).permute(0, 1, 5, 2, 3, 4).flatten(0, 1)
        settings = zip(batch.told.crf.tolist(), batch.told.scale.tolist(), strict=True)
        info = torch.cat([base_info(setting, length) for setting in settings]).to(near.device)
        count, cells = len(near), (height // LATENT_STRIDE, width // LATENT_STRIDE)
        empty = torch.zeros(count, 3, self._net.config.latent, *cells, device=near.device)
        phase = torch.arange(count, device=near.device) % 4
        whole = self._net.synthesise(near, empty, phase, torch.ones(count, device=near.device), info)
        base = batch.base[:, 1:-1]
        place = (batch.told.step / WHOLE_RESTORATION)[:, None, None, None, None]
        return base + place * (whole.unflatten(0, (rows, length)) - base)
