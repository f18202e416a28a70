"""Differentiable DISTS and LPIPS for training; `codec.metrics` holds the exact ones that judge the result.

Runs under bfloat16 autocast, on crops, and returns gradients; the metrics of record do none of these.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from codec.metrics.networks import SHIPPED, convolution, load_weights

VGG_STAGES = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))
VGG_CHANNELS = [3, 64, 128, 256, 512, 512]
EPSILON = 1e-6
THIN_ABOVE = 64


class Dists(nn.Module):
    """DISTS (Ding et al. 2020, arXiv 2004.07728, eq. 6) of RGB pictures in [0, 1]."""

    alpha: Tensor
    beta: Tensor
    kernel: Tensor
    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        vgg = load_weights(SHIPPED / "vgg16_features.safetensors")
        self.stages = nn.ModuleList(nn.ModuleList(convolution(vgg, index) for index in stage) for stage in VGG_STAGES)
        window = torch.hann_window(5, periodic=False)[1:-1]
        kernel = window[:, None] * window[None]
        self.register_buffer("kernel", (kernel / kernel.sum())[None, None])
        table = load_weights(SHIPPED / "dists_weights.safetensors")
        total = table["alpha"].sum() + table["beta"].sum()
        self.register_buffer("alpha", (table["alpha"] / total).flatten())
        self.register_buffer("beta", (table["beta"] / total).flatten())
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1))
        self.requires_grad_(False)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def features(self, x: Tensor) -> list[Tensor]:
        """RGB (N, 3, H, W) -> the picture itself and five VGG stages."""
        h = ((x - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
        out = [x]
        for number, stage in enumerate(self.stages):
            if number:
                kernel = self.kernel.to(h.dtype).expand(h.shape[1], 1, 3, 3)
                h = (F.conv2d(h * h, kernel, stride=2, padding=1, groups=h.shape[1]) + 1e-6).sqrt()
            for layer in stage:  # type: ignore[attr-defined]
                h = F.relu(layer(h))
            out.append(h)
        return out

    def distance(self, first: list[Tensor], second: list[Tensor]) -> Tensor:
        """DISTS per picture (N,) from two lists of features."""
        similarity = torch.zeros((), device=first[0].device)
        weights = torch.split(self.alpha, VGG_CHANNELS), torch.split(self.beta, VGG_CHANNELS)
        for x, y, alpha, beta in zip(first, second, *weights, strict=True):
            x, y = _thinned(x, y)
            mx, my = x.mean((2, 3)), y.mean((2, 3))
            vx, vy = (x * x).mean((2, 3)) - mx * mx, (y * y).mean((2, 3)) - my * my
            cov = (x * y).mean((2, 3)) - mx * my
            texture = (2 * mx * my + EPSILON) / (mx * mx + my * my + EPSILON)
            structure = (2 * cov + EPSILON) / (vx + vy + EPSILON)
            similarity = similarity + (alpha * texture + beta * structure).sum(1)
        return 1 - similarity


def _thinned(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Every second row and column of large maps, from a random one on: DISTS only needs means over the picture."""
    if x.shape[2] < THIN_ABOVE:
        return x.float(), y.float()
    row, column = (int(v) for v in torch.randint(0, 2, (2,)))
    return x[:, :, row::2, column::2].float(), y[:, :, row::2, column::2].float()


class LpipsAlex(nn.Module):
    """LPIPS v0.1, AlexNet (Zhang et al. 2018, arXiv 1801.03924) of RGB pictures in [-1, 1]."""

    shift: Tensor
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        alex = load_weights(SHIPPED / "alexnet_features.safetensors")
        heads = load_weights(SHIPPED / "lpips_lin_alex.safetensors")
        self.layers = nn.ModuleList(
            [
                convolution(alex, 0, stride=4, padding=2),
                convolution(alex, 3, padding=2),
                convolution(alex, 6),
                convolution(alex, 8),
                convolution(alex, 10),
            ]
        )
        self.heads = [heads[f"lin{i}.model.1.weight"] for i in range(5)]
        self.register_buffer("shift", torch.tensor([-0.030, -0.088, -0.188]).view(1, 3, 1, 1))
        self.register_buffer("scale", torch.tensor([0.458, 0.448, 0.450]).view(1, 3, 1, 1))
        self.requires_grad_(False)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def features(self, x: Tensor) -> list[Tensor]:
        """(N, 3, H, W) -> five ReLU stages, each normalised to unit length over channels."""
        h = ((x - self.shift) / self.scale).contiguous(memory_format=torch.channels_last)
        out = []
        for number, layer in enumerate(self.layers):
            if number in (1, 2):
                h = F.max_pool2d(h, 3, 2)
            h = F.relu(layer(h))
            full = h.float()
            out.append(full / (full.square().sum(1, keepdim=True) + 1e-8).sqrt())
        return out

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Distance per picture (N,)."""
        total = torch.zeros(())
        for a, b, head in zip(self.features(x), self.features(y), self.heads, strict=True):
            total = total + F.conv2d((a - b) ** 2, head).mean((1, 2, 3))
        return total
