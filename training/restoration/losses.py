"""What the restorer is trained for: closeness, no block edges, steady motion, and, the more the later the step, DISTS,
LPIPS over VGG, and what a discriminator over VGG's features takes for a source. LPIPS over AlexNet, VMAF and tOF stay
out of it: they judge the result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from codec.metrics.networks import SHIPPED, load_weights
from training.losses import VGG_CHANNELS, Dists
from training.restoration.crops import KINDS

THIN_ABOVE = 48
GRID = 8
# Stages of VGG16 whose features are told apart: half, quarter and eighth size.
DISCRIMINATED = (2, 3, 4)


@dataclass(frozen=True)
class TermWeights:
    """Of the terms at the whole restoration, step 8.

    Attributes:
        l1: mean absolute difference, pictures in [-1, 1].
        motion: the same of differences between consecutive pictures.
        edges: square of the logarithm of how much block edges stand out, over all bases of one kind in a batch, against
            the source. Not their excess alone, not crop by crop, and not over all kinds: all were tried, and the
            network smoothed the grid's lines to 0.8 of the source's, or spent closeness on what is chance in a single
            crop, or smoothed fine bases to make up for coarse ones.
        dists, lpips: grow in proportion to the step, and with its square beyond 8: what lies there is for texture.
        taught_l1, taught_dists, taught_lpips: the same distances, at any step, from what a teacher makes of the base.
            Small, for a restorer that already does better than its teacher.
    """

    l1: float = 1.0
    motion: float = 0.5
    edges: float = 1.0
    dists: float = 1.0
    lpips: float = 0.8
    taught_l1: float = 2.0
    taught_dists: float = 1.0
    taught_lpips: float = 0.5

    def of(self, name: str, place: Tensor) -> Tensor:
        """Weight of a term for rows at `place` (N,), the step over 8."""
        weight = float(getattr(self, name))
        return weight * place * place.clamp(min=1) if name in ("dists", "lpips") else torch.full_like(place, weight)


class Judge(Protocol):
    """What pictures are compared by."""

    def features(self, pictures: Tensor) -> list[Tensor]:
        """(N, 3, H, W) in [-1, 1] -> the picture and five stages of features."""
        ...

    def terms(self, made: list[Tensor], wanted: list[Tensor]) -> dict[str, Tensor]:
        """Two lists of features -> terms (N,)."""
        ...


class VggJudge(nn.Module):
    """DISTS and LPIPS over the same VGG features, computed once.

    LPIPS's own VGG pools by the maximum, DISTS's by a smoothed mean square; LPIPS's heads are used over the latter.
    """

    def __init__(self) -> None:
        super().__init__()
        self.dists = Dists()
        heads = load_weights(SHIPPED / "lpips_lin_vgg.safetensors")
        for index in range(5):
            self.register_buffer(f"head{index}", heads[f"lin{index}.model.1.weight"])
        self.requires_grad_(False)

    def features(self, pictures: Tensor) -> list[Tensor]:
        """(N, 3, H, W) in [-1, 1] -> the picture and five stages of VGG."""
        return self.dists.features((pictures + 1) / 2)

    def terms(self, made: list[Tensor], wanted: list[Tensor]) -> dict[str, Tensor]:
        """Two lists of features -> terms (N,)."""
        return {"dists": self.dists.distance(made, wanted), "lpips": self._lpips(made[1:], wanted[1:])}

    def _lpips(self, features: list[Tensor], reference: list[Tensor]) -> Tensor:
        total = torch.zeros(len(features[0]), device=features[0].device)
        for index, (x, y) in enumerate(zip(features, reference, strict=True)):
            difference = (unit(_thinned(x)) - unit(_thinned(y))).square()
            total = total + F.conv2d(difference, getattr(self, f"head{index}")).mean((1, 2, 3))
        return total


class Discriminator(nn.Module):
    """Tells restored pictures from sources by VGG's features, place by place (projected GAN, arXiv 2111.01007)."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.heads = nn.ModuleList(_head(VGG_CHANNELS[stage], width) for stage in DISCRIMINATED)

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        """A picture's features, as `VggJudge.features` -> scores (N, 1, h, w) of each stage, high for sources."""
        chosen = [features[stage] for stage in DISCRIMINATED]
        return [head(unit(x) * x.shape[1] ** 0.5) for head, x in zip(self.heads, chosen, strict=True)]

    def loss(self, made: list[Tensor], wanted: list[Tensor]) -> Tensor:
        """Hinge loss of telling features apart, which must be detached."""
        pairs = zip(self(made), self(wanted), strict=True)
        return torch.stack([(F.relu(1 + a).mean() + F.relu(1 - b).mean()) / 2 for a, b in pairs]).mean()


def _head(channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        spectral_norm(nn.Conv2d(channels, width, 1)),
        nn.LeakyReLU(0.2),
        spectral_norm(nn.Conv2d(width, width, 3, padding=1)),
        nn.LeakyReLU(0.2),
        spectral_norm(nn.Conv2d(width, 1, 1)),
    )


def _thinned(x: Tensor) -> Tensor:
    """Every second row and column of large maps."""
    return (x[:, :, ::2, ::2] if x.shape[2] > THIN_ABOVE else x).float()


def unit(x: Tensor) -> Tensor:
    """(N, C, H, W), every place's channels of length 1."""
    return x / (x.square().sum(1, keepdim=True) + 1e-8).sqrt()


def _gradients(pictures: Tensor) -> tuple[Tensor, Tensor]:
    """(N, T, 3, H, W) -> (N, W - 1) and (N, H - 1): mean gradients between neighbouring columns and rows.

    The pictures begin on the 8-pixel grid.
    """
    grey = pictures.float().mean(2)
    return grey.diff(dim=3).abs().mean((1, 2)), grey.diff(dim=2).abs().mean((1, 3))


def _strength(columns: Tensor, rows: Tensor) -> Tensor:
    """How much stronger they are across the grid than elsewhere."""
    return (_ratio(columns.mean(0)) + _ratio(rows.mean(0))) / 2


def _ratio(gradients: Tensor) -> Tensor:
    """(L - 1,) mean gradients between neighbouring lines -> one number."""
    on = torch.arange(len(gradients), device=gradients.device) % GRID == GRID - 1
    return (gradients[GRID - 1 :: GRID].mean() + 1e-3) / ((gradients * ~on).sum() / (~on).sum() + 1e-3)


def _edges(made: Tensor, wanted: Tensor, kind: Tensor) -> Tensor:
    """Square of the logarithm of how block edges stand out against the source's, a mean over kinds: one number."""
    mine, theirs = _gradients(made), _gradients(wanted)
    total, weight = made.new_zeros(()), made.new_zeros(())
    for index in range(len(KINDS)):
        share = (kind == index).float()
        count = share.sum()
        # Rows of another kind weigh nothing; a mean over no rows at all is left out by `count`.
        weights = (share * len(share) / count.clamp(min=1))[:, None]
        ratio = _strength(*(g * weights for g in mine)) / _strength(*(g * weights for g in theirs))
        total, weight = total + count * ratio.log().square(), weight + count
    return total / weight


def pixel_terms(made: Tensor, wanted: Tensor, kind: Tensor) -> dict[str, Tensor]:
    """Sequences (N, T, 3, H, W) in [-1, 1], and each row's kind (N,) -> terms (N,) that need no network."""
    error = made - wanted
    return {
        "l1": error.abs().mean((1, 2, 3, 4)),
        "motion": error.diff(dim=1).abs().mean((1, 2, 3, 4)),
        "edges": _edges(made, wanted, kind).expand(len(made)),
    }
