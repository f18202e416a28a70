"""What the restorer is trained for: closeness, no block edges, steady motion, and, the more the later the step, DISTS
and LPIPS over VGG. LPIPS over AlexNet, VMAF and tOF stay out of it: they judge the result."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

from training.losses import Dists

THIN_ABOVE = 48
GRID = 8


@dataclass(frozen=True)
class TermWeights:
    """Of the terms at the whole restoration, step 8.

    Attributes:
        l1: mean absolute difference, pictures in [-1, 1].
        motion: the same of differences between consecutive pictures.
        edges: square of the logarithm of how much block edges stand out, over the whole batch, against the source. Not
            their excess alone, and not crop by crop: both were tried, and the network smoothed the grid's lines to 0.8
            of the source's, or spent closeness on what is chance in a single crop.
        dists, lpips: grow in proportion to the step.
    """

    l1: float = 1.0
    motion: float = 0.5
    edges: float = 0.5
    dists: float = 2.0
    lpips: float = 0.7

    def of(self, name: str, place: Tensor) -> Tensor:
        """Weight of a term for rows at `place` (N,), the step over 8."""
        weight = float(getattr(self, name))
        return weight * place if name in ("dists", "lpips") else torch.full_like(place, weight)


class VggJudge(nn.Module):
    """DISTS and LPIPS over the same VGG features, computed once.

    LPIPS's own VGG pools by the maximum, DISTS's by a smoothed mean square; LPIPS's heads are used over the latter.
    """

    def __init__(self, networks: Path, dists: Path) -> None:
        super().__init__()
        self.dists = Dists(networks, dists)
        heads = load_file(networks / "lpips_lin_vgg.safetensors")
        for index in range(5):
            self.register_buffer(f"head{index}", heads[f"lin{index}.model.1.weight"])
        self.requires_grad_(False)

    def forward(self, made: Tensor, wanted: Tensor) -> dict[str, Tensor]:
        """Pictures (N, 3, H, W) in [-1, 1] -> terms (N,)."""
        with torch.no_grad():
            reference = self.dists.features((wanted + 1) / 2)
        features = self.dists.features((made + 1) / 2)
        return {"dists": self.dists.distance(features, reference), "lpips": self._lpips(features[1:], reference[1:])}

    def _lpips(self, features: list[Tensor], reference: list[Tensor]) -> Tensor:
        total = torch.zeros(len(features[0]), device=features[0].device)
        for index, (x, y) in enumerate(zip(features, reference, strict=True)):
            difference = (_unit(_thinned(x)) - _unit(_thinned(y))).square()
            total = total + F.conv2d(difference, getattr(self, f"head{index}")).mean((1, 2, 3))
        return total


def _thinned(x: Tensor) -> Tensor:
    """Every second row and column of large maps."""
    return (x[:, :, ::2, ::2] if x.shape[2] > THIN_ABOVE else x).float()


def _unit(x: Tensor) -> Tensor:
    return x / (x.square().sum(1, keepdim=True) + 1e-8).sqrt()


def edge_ratio(pictures: Tensor) -> Tensor:
    """How much stronger gradients are across the 8-pixel grid than elsewhere: (N, T, 3, H, W) -> one number.

    The pictures begin on the grid.
    """
    grey = pictures.float().mean(2)
    return (_ratio(grey.diff(dim=3).abs().mean((0, 1, 2))) + _ratio(grey.diff(dim=2).abs().mean((0, 1, 3)))) / 2


def _ratio(gradients: Tensor) -> Tensor:
    """(L - 1,) mean gradients between neighbouring lines -> one number."""
    on = torch.arange(len(gradients), device=gradients.device) % GRID == GRID - 1
    return (gradients[on].mean() + 1e-3) / (gradients[~on].mean() + 1e-3)


def pixel_terms(made: Tensor, wanted: Tensor) -> dict[str, Tensor]:
    """Sequences (N, T, 3, H, W) in [-1, 1] -> terms (N,) that need no network."""
    error = made - wanted
    return {
        "l1": error.abs().mean((1, 2, 3, 4)),
        "motion": error.diff(dim=1).abs().mean((1, 2, 3, 4)),
        "edges": (edge_ratio(made) / edge_ratio(wanted)).log().square().expand(len(made)),
    }
