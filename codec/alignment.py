"""Inter-GOP Alignment: two GOPs that share frames agree on them, so that no seam shows (Free-GVC)."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Frames = NDArray[np.uint8]


def fuse(before: Tensor, after: Tensor, slots: int) -> tuple[Tensor, Tensor]:
    """Blend the `slots` latent slots that two GOPs share: the last of `before`, the first of `after`, (C, t, h, w).

    Linear ramp w = j/(n+1). The mean of two independent samples has less contrast than either, so the blend gets the
    per-channel standard deviation that the ramp would give without cancellation.
    """
    if slots == 0:
        return before, after
    tail, head = before[:, -slots:], after[:, :slots]
    ramp = torch.arange(1, slots + 1, device=tail.device, dtype=tail.dtype) / (slots + 1)
    weight = ramp.view(1, -1, 1, 1)
    blend = (1 - weight) * tail + weight * head
    wanted = (1 - weight) * _std(tail) + weight * _std(head)
    mean = blend.mean((2, 3), keepdim=True)
    shared = mean + (blend - mean) * (wanted / _std(blend).clamp_min(1e-6))
    return torch.cat([before[:, :-slots], shared], 1), torch.cat([shared, after[:, slots:]], 1)


def cross_fade(before: Frames, after: Frames) -> Frames:
    """The m frames that two GOPs share, uint8 (m, H, W, 3) each, faded from one to the other."""
    count = len(before)
    weight = (np.arange(1, count + 1, dtype=np.float32) / (count + 1)).reshape(-1, 1, 1, 1)
    mixed = before + weight * (after.astype(np.float32) - before)
    return np.rint(mixed).astype(np.uint8)


def _std(x: Tensor) -> Tensor:
    return x.std((2, 3), keepdim=True, correction=0)
