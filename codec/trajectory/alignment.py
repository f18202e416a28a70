"""Inter-GOP Alignment: two GOPs that share frames agree on them, so that no seam shows (Free-GVC)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from codec.arrays import Frames
from codec.priors.base import Geometry


@dataclass(frozen=True)
class SharedSlots:
    """The latent slots of two neighbouring GOPs that cover the very same frames.

    Attributes:
        before, after: index of the first of them in the earlier and in the later GOP.
        count: how many; 0 where the two latent grids don't meet.
    """

    before: int
    after: int
    count: int

    def of_before(self, latent: Tensor) -> Tensor:
        """The earlier GOP's share of its latent (C, t, h, w)."""
        return latent[:, self.before : self.before + self.count]


def shared_slots(geometry: Geometry, frames: int, overlap: int) -> SharedSlots:
    """The slots that a GOP of `frames` frames shares with the next one, which begins with its last `overlap` frames.

    A causal grid (4k+1 VAEs) gives the first frame a slot of its own, which in the later GOP covers one frame of what
    is a slot of four in the earlier: it is not shared. Nor is a last slot that the earlier GOP doesn't fill, nor
    anything where the later GOP begins in the middle of a slot.
    """
    stride, lead = geometry.temporal_stride, 1 if geometry.causal else 0
    begin, phase = divmod(frames - overlap, stride)
    before = begin + lead
    whole = lead + (frames - lead) // stride
    count = whole - before if overlap and phase == 0 else 0
    return SharedSlots(before, lead, max(0, count))


def fuse(before: Tensor, after: Tensor, shared: SharedSlots) -> tuple[Tensor, Tensor]:
    """Blend the latent slots (C, t, h, w) that two GOPs share.

    Linear ramp w = j/(n+1). The mean of two independent samples has less contrast than either, so the blend gets the
    per-channel standard deviation that the ramp would give without cancellation.
    """
    if shared.count == 0:
        return before, after
    first, start, count = shared.before, shared.after, shared.count
    tail, head = before[:, first : first + count], after[:, start : start + count]
    blend = _blend(tail, head)
    return _put(before, first, blend), _put(after, start, blend)


def _blend(tail: Tensor, head: Tensor) -> Tensor:
    slots = tail.shape[1]
    ramp = torch.arange(1, slots + 1, device=tail.device, dtype=tail.dtype) / (slots + 1)
    weight = ramp.view(1, -1, 1, 1)
    blend = (1 - weight) * tail + weight * head
    wanted = (1 - weight) * _std(tail) + weight * _std(head)
    mean = blend.mean((2, 3), keepdim=True)
    return mean + (blend - mean) * (wanted / _std(blend).clamp_min(1e-6))


def _put(latent: Tensor, first: int, slots: Tensor) -> Tensor:
    return torch.cat([latent[:, :first], slots, latent[:, first + slots.shape[1] :]], 1)


def cross_fade(before: Frames, after: Frames) -> Frames:
    """The m frames that two GOPs share, uint8 (m, H, W, 3) each, faded from one to the other."""
    count = len(before)
    weight = (np.arange(1, count + 1, dtype=np.float32) / (count + 1)).reshape(-1, 1, 1, 1)
    mixed = before + weight * (after.astype(np.float32) - before)
    return np.rint(mixed).astype(np.uint8)


def _std(x: Tensor) -> Tensor:
    return x.std((2, 3), keepdim=True, correction=0)
