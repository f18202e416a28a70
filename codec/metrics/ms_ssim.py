"""MS-SSIM: multi-scale structural similarity (Wang, Simoncelli & Bovik 2003)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch.nn import functional

from codec.arrays import Frames
from codec.metrics.base import Values, network_values

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Exponents of the five scales, finest first (section 3.2 of the paper)."""
WINDOW, WINDOW_SIGMA = 11, 1.5
C1, C2 = 0.01**2, 0.03**2


def scales_for(height: int, width: int) -> int:
    """How many of the five scales still hold one 11-pixel window (1 to 5)."""
    side, scales = min(height, width) // 2, 1
    while side >= WINDOW and scales < len(WEIGHTS):
        side, scales = side // 2, scales + 1
    return scales


def _blur(x: torch.Tensor) -> torch.Tensor:
    """Gaussian window without padding, (B, C, H, W) -> (B, C, H - 10, W - 10), one axis after the other."""
    offsets = torch.arange(WINDOW, dtype=x.dtype, device=x.device) - WINDOW // 2
    kernel = torch.exp(-offsets.square() / (2 * WINDOW_SIGMA**2))
    kernel = (kernel / kernel.sum()).repeat(x.shape[1], 1, 1, 1)
    x = functional.conv2d(x, kernel.transpose(2, 3), groups=x.shape[1])
    return functional.conv2d(x, kernel, groups=x.shape[1])


def _ssim_terms(x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Means over the picture of SSIM and of its contrast-structure part, each (B, C)."""
    mean_x, mean_y = _blur(x), _blur(y)
    variances = _blur(x * x) + _blur(y * y) - mean_x.square() - mean_y.square()
    covariance = _blur(x * y) - mean_x * mean_y
    contrast = (2 * covariance + C2) / (variances + C2)
    luminance = (2 * mean_x * mean_y + C1) / (mean_x.square() + mean_y.square() + C1)
    return (luminance * contrast).mean((2, 3)), contrast.mean((2, 3))


def ms_ssim(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """MS-SSIM (B,) of pictures (B, C, H, W) in [0, 1]: computed per channel, then averaged; see `MsSsim`."""
    scales = scales_for(*x.shape[2:])
    weights = torch.tensor(WEIGHTS[:scales], dtype=torch.float64)
    result = torch.ones(x.shape[:2], dtype=torch.float64, device=x.device)
    for scale, weight in enumerate((weights / weights.sum()).tolist()):
        ssim, contrast = _ssim_terms(x.double(), y.double())
        last = scale == scales - 1
        result = result * (ssim if last else contrast).clamp_min(0) ** weight
        if not last:
            x, y = functional.avg_pool2d(x, 2), functional.avg_pool2d(y, 2)
    return result.mean(1)


@dataclass(frozen=True)
class MsSsim:
    """MS-SSIM of the RGB channels, averaged, as learned compression reports it: 1 for equal pictures.

    Five scales need a shorter side of 176 pixels. Smaller pictures use as many scales as hold one 11-pixel
    window, their weights renormalised to sum 1, so values of sizes with different numbers of scales do not
    compare. Negative contrast terms count as 0. The shorter side must be at least 11 pixels.
    """

    device: torch.device

    name: ClassVar[str] = "ms-ssim"
    lower_is_better: ClassVar[bool] = False
    good: ClassVar[tuple[float, float]] = (0.95, 1.0)
    context: ClassVar[int] = 0

    def __call__(self, reference: Frames, distorted: Frames) -> Values:
        """MS-SSIM per frame, (T,); see `Metric`."""
        return network_values(ms_ssim, reference, distorted, self.name, self.device, smallest=WINDOW)
