"""Motion between two decoded base pictures, by search: no weights, nothing sent, the same code on every device."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

STRIDE = 4
REACH = 4
# In units of [-1, 1] a cell of motion: of two places that fit alike the nearer one is taken.
FARNESS = 0.02
# Added to the bend of the parabola, so that flat places, where it is noise, keep whole cells.
STIFFNESS = 0.03


@torch.no_grad()
def search_motion(own: Tensor, other: Tensor) -> Tensor:
    """Where each place of `own` is found in `other`: (N, 3, H, W) both -> (N, 2, H/4, W/4) cells right and down.

    A cell is 4x4 pixels. Mean absolute differences for every whole cell up to 4 away, averaged over a window that
    fades out (about 10x10 cells) at every second cell, then a parabola through the best and its neighbours. Better
    than OpenCV's DIS on the bases of this codec, at a fraction of the network's time.
    """
    first, second = (F.avg_pool2d(x.float().mean(1, keepdim=True), STRIDE) for x in (own, other))
    height, width = first.shape[2:]
    side = 2 * REACH + 1
    around = F.unfold(F.pad(second, (REACH,) * 4, mode="replicate"), side).reshape(-1, side**2, height, width)
    costs = F.avg_pool2d((around - first).abs(), 2)
    for _ in range(2):
        costs = F.avg_pool2d(costs, 3, 1, 1, count_include_pad=False)
    offsets = torch.arange(side, device=own.device) - REACH
    far = (offsets[:, None].square() + offsets.square()).float().sqrt().flatten()
    costs = costs + FARNESS * far[None, :, None, None]
    best = costs.argmin(1, keepdim=True)
    column, row = best % side, best // side
    parts = [_finer(costs, best, position, stride) for position, stride in ((column, 1), (row, side))]
    return F.interpolate(torch.cat(parts, 1), size=(height, width), mode="bilinear")


def _finer(costs: Tensor, best: Tensor, position: Tensor, stride: int) -> Tensor:
    """Whole-cell position (N, 1, h, w) of the best cost along one axis -> offset to a fraction of a cell."""
    inside = (position > 0) & (position < 2 * REACH)
    here = costs.gather(1, best)
    before, after = (costs.gather(1, torch.where(inside, best + d, best)) for d in (-stride, stride))
    bend = (before + after - 2 * here).clamp(min=0) + STIFFNESS
    shift = (0.5 * (before - after) / bend).clamp(-0.5, 0.5)
    return position - REACH + torch.where(inside, shift, torch.zeros_like(shift))


def moved(features: Tensor, motion: Tensor) -> Tensor:
    """`features` (N, C, h, w) of the other picture, brought to where `motion` (N, 2, h, w) found the own one's places.

    Bilinear; places outside take the nearest inside.
    """
    height, width = features.shape[2:]
    columns = torch.arange(width, device=motion.device) + motion[:, 0]
    rows = torch.arange(height, device=motion.device)[:, None] + motion[:, 1]
    grid = torch.stack([(2 * columns + 1) / width - 1, (2 * rows + 1) / height - 1], 3)
    taken = F.grid_sample(features.float(), grid, padding_mode="border", align_corners=False)
    return taken.to(features.dtype).contiguous(memory_format=torch.channels_last)
