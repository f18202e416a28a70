"""A prior without weights: an analytic Gaussian source whose exact denoiser is one line. For tests and benchmarks.

The latent is an orthonormal space-time cosine transform of small blocks, modelled as x0 ~ N(mean, diag(variance)):
variances fall with frequency; the mean is the base layer's own latent, or zero without a base.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from codec.arrays import Frames
from codec.base.pictures import upsample
from codec.format.header import Tiling
from codec.priors.base import BaseClip, Condition, Geometry
from codec.priors.defaults import DEFAULTS
from codec.priors.schedule import NoiseSchedule

SLOT_FRAMES, BLOCK, COLOURS = 2, 4, 3
STEPS = 16
SIGMA_UNIT = 65535
FIRST_SNR, LAST_SNR = 0.02, 30.0
# Of the lowest frequency, for pixels in [-1, 1]; and what share of every deviation a base leaves.
DC_DEVIATION = 2.0
BASE_SHARE = 0.15

GEOMETRY = Geometry(
    temporal_stride=SLOT_FRAMES,
    spatial_stride=BLOCK,
    channels=COLOURS * SLOT_FRAMES * BLOCK * BLOCK,
    causal=False,
    gop_frames=DEFAULTS["gaussian"].gop_frames,
    overlap_frames=DEFAULTS["gaussian"].overlap_frames,
    pad_multiple=BLOCK,
)


@dataclass(frozen=True)
class GaussianCondition(Condition):
    """Both sides' knowledge of a GOP: x0's `mean` (C, t, h, w), `share` of its deviation, the GOP's own size."""

    mean: Tensor
    share: float
    frames: int
    height: int
    width: int


def gaussian_schedule() -> NoiseSchedule:
    """Pure noise, then STEPS levels with SNR in geometric progression."""
    levels = (round(SIGMA_UNIT / (1 + math.sqrt(snr))) for snr in np.geomspace(FIRST_SNR, LAST_SNR, STEPS).tolist())
    return NoiseSchedule.flow(SIGMA_UNIT, (SIGMA_UNIT, *levels))


def cosine_basis(size: int) -> Tensor:
    """Orthonormal DCT-II, float32 (size, size): rows are frequencies."""
    n = torch.arange(size, dtype=torch.float64)
    basis = torch.cos(math.pi / size * (n[None] + 0.5) * n[:, None]) * math.sqrt(2 / size)
    basis[0] /= math.sqrt(2)
    return basis.float()


def deviations() -> Tensor:
    """Standard deviation per latent channel, (C, 1, 1, 1), channels ordered (colour, time, row, column)."""
    t = torch.arange(SLOT_FRAMES)[None, :, None, None]
    y, x = torch.arange(BLOCK)[None, None, :, None], torch.arange(BLOCK)[None, None, None, :]
    grid = (DC_DEVIATION / (1 + x + y + 3 * t) ** 2).expand(COLOURS, -1, -1, -1)
    return grid.reshape(-1, 1, 1, 1)


class GaussianPrior:
    """See `VideoPrior`. Its denoiser is the source's true posterior mean, so KL accounting can be checked exactly."""

    id = "gaussian"
    dtype = "float32"
    geometry = GEOMETRY
    ode_evaluations = 1
    reuse = 1
    base_levels: tuple[tuple[int, float], ...] = ((2, 50), (1, 50), (1, 40))
    base_by_default = True
    restores = False
    bpp_over_base = 0.005
    notes: tuple[str, ...] = ()
    tiling: Tiling | None = None

    def __init__(self, schedule: NoiseSchedule | None = None) -> None:
        self.schedule = schedule or gaussian_schedule()
        self.device = torch.device("cpu")
        self.variance = deviations() ** 2
        self.weights_hash = hashlib.sha256(self.variance.numpy().astype("<f4").tobytes()).digest()[:8]
        self._time, self._space = cosine_basis(SLOT_FRAMES), cosine_basis(BLOCK)

    def prepare(self, base: BaseClip | None, frames: int, height: int, width: int) -> GaussianCondition:
        """See `VideoPrior.prepare`."""
        if base is None:
            mean, share = torch.zeros(self.geometry.latent_shape(frames, height, width)), 1.0
        else:
            mean, share = self._analyse(upsample(base.frames, width, height)), BASE_SHARE
        return GaussianCondition(mean, share, frames, height, width)

    def restore(self, condition: GaussianCondition, frames: Sequence[int], steps: Sequence[int]) -> tuple[Frames, ...]:
        """See `VideoPrior.restore`; its denoiser knows no more of a base than the base itself."""
        del condition, frames, steps
        raise ValueError(f"the prior {self.id} has no restoration")

    def opening(self, condition: GaussianCondition) -> Tensor | None:
        """None: the base conditions the denoiser itself."""
        del condition
        return None

    def encode(self, frames: Frames, condition: GaussianCondition) -> Tensor:
        """See `VideoPrior.encode`; the transform alone, whatever the condition."""
        del condition
        return self._analyse(frames)

    def denoise(self, x: Tensor, step: int, condition: GaussianCondition) -> Tensor:
        """E[x0 | x] = mean + alpha var / (alpha^2 var + sigma^2) (x - alpha mean)."""
        alpha, sigma = self.schedule.alphas[step], self.schedule.sigmas[step]
        variance = self.variance * condition.share**2
        gain = alpha * variance / (alpha**2 * variance + sigma**2)
        return condition.mean + gain * (x - alpha * condition.mean)

    def decode(self, latent: Tensor, step: int, condition: GaussianCondition) -> Frames:
        """See `VideoPrior.decode`; the inverse transform at any step."""
        del step
        slots, rows, columns = latent.shape[1:]
        blocks = latent.view(COLOURS, SLOT_FRAMES, BLOCK, BLOCK, slots, rows, columns)
        pixels = torch.einsum("ctjkspq,ta,jy,kx->sapyqxc", blocks, self._time, self._space, self._space)
        pictures = pixels.reshape(slots * SLOT_FRAMES, rows * BLOCK, columns * BLOCK, COLOURS)
        cut = pictures[: condition.frames, : condition.height, : condition.width]
        return ((cut.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).numpy()

    def preview(self, latent: Tensor, step: int, condition: GaussianCondition, frames: Sequence[int]) -> Frames:
        """See `VideoPrior.preview`."""
        return self.decode(latent, step, condition)[list(frames)]

    def _analyse(self, frames: Frames) -> Tensor:
        """uint8 (T, H, W, 3), edges repeated to whole blocks -> (C, t, h, w)."""
        strides = (SLOT_FRAMES, BLOCK, BLOCK)
        edges = [(0, -size % stride) for size, stride in zip(frames.shape, strides, strict=False)]
        pixels = torch.from_numpy(np.pad(frames, (*edges, (0, 0)), mode="edge")).float() / 127.5 - 1
        slots, rows, columns = (size // stride for size, stride in zip(pixels.shape, strides, strict=False))
        blocks = pixels.view(slots, SLOT_FRAMES, rows, BLOCK, columns, BLOCK, COLOURS)
        latent = torch.einsum("sapyqxc,ta,jy,kx->ctjkspq", blocks, self._time, self._space, self._space)
        return latent.reshape(self.geometry.channels, slots, rows, columns)
