"""A pretrained latent video diffusion model as a `VideoPrior`: everything the families have in common.

A family (Wan, CogVideoX, LTX) says how its VAE's latents are normalised and how its transformer's output becomes the
posterior mean; padding, cropping and pixel formats are here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from codec.arrays import Frames
from codec.base.pictures import upsample
from codec.errors import PriorError
from codec.priors.base import BaseClip, Condition, Geometry
from codec.priors.diffusion.loading import LoadedModels
from codec.priors.pocket import to_frames, to_tensor
from codec.priors.schedule import NoiseSchedule

FLOW_UNIT = 65535
STEPS = 28
# The first step costs about half this SNR in nats per latent dimension; past the last one a VAE shows no difference.
FIRST_SNR, LAST_SNR = 0.005, 30.0
# (scale, CRF), coarse to fine.
BASE_LEVELS = tuple((2, crf) for crf in range(63, 44, -6)) + tuple((1, crf) for crf in range(63, 38, -6))


def geometric_snrs() -> list[float]:
    """SNRs of the levels after pure noise, in geometric progression, so that steps cost about alike."""
    return [float(snr) for snr in np.geomspace(FIRST_SNR, LAST_SNR, STEPS)]


def flow_schedule() -> NoiseSchedule:
    """The codec's own sigma table of a rectified-flow model."""
    levels = (round(FLOW_UNIT / (1 + snr**0.5)) for snr in geometric_snrs())
    return NoiseSchedule.flow(FLOW_UNIT, (FLOW_UNIT, *levels))


class VideoModel(Protocol):
    """One family's VAE and transformer on their device. Tensors are float32 with a batch of one.

    Attributes:
        geometry: as the loaded VAE and transformer have it.
    """

    geometry: Geometry
    schedule: NoiseSchedule

    def to_latent(self, pixels: Tensor) -> Tensor:
        """(1, 3, T, H, W) in [-1, 1], T filling whole slots -> normalised mode of the posterior (1, C, t, h, w)."""
        ...

    def to_pixels(self, latent: Tensor) -> Tensor:
        """(1, C, t, h, w) -> (1, 3, T, H, W), about [-1, 1]; at least the frames its slots cover."""
        ...

    def posterior_mean(self, x: Tensor, step: int) -> Tensor:
        """x_t (1, C, t, h, w) at schedule level `step` -> x0_hat."""
        ...


@dataclass(frozen=True)
class GopSize(Condition):
    """A GOP's own size, before padding; `base`: its explicit layer's latent (C, t, h, w), or None."""

    frames: int
    height: int
    width: int
    base: Tensor | None = field(default=None, repr=False)


class DiffusionPrior:
    """`VideoPrior` over any `VideoModel`.

    Its weights know nothing of a base layer; where the user asks for one, the trajectory starts from its noised latent.
    """

    ode_evaluations = 8
    reuse = 2
    base_levels: tuple[tuple[int, float], ...] = BASE_LEVELS
    base_by_default = False
    restores = False
    bpp_over_base = 0.3

    def __init__(self, name: str, model: VideoModel, loaded: LoadedModels) -> None:
        self.id = name
        self.weights_hash = loaded.weights_hash
        self.device = loaded.device
        self.dtype = loaded.dtype
        self.notes = loaded.notes
        self.tiling = loaded.tiling
        self.geometry = model.geometry
        self.schedule = model.schedule
        self._model = model

    @torch.no_grad()
    def prepare(self, base: BaseClip | None, frames: int, height: int, width: int) -> GopSize:
        """See `VideoPrior.prepare`."""
        if base is None:
            return GopSize(frames, height, width)
        pictures = base.frames if base.scale == 1 else upsample(base.frames, width, height)
        return GopSize(frames, height, width, self._analyse(pictures[:, :height, :width]))

    def restore(self, condition: GopSize, frames: Sequence[int], steps: Sequence[int]) -> tuple[Frames, ...]:
        """See `VideoPrior.restore`; a base only opens its trajectory."""
        del condition, frames, steps
        raise ValueError(f"the prior {self.id} has no restoration")

    def opening(self, condition: GopSize) -> Tensor | None:
        """See `VideoPrior.opening`."""
        return condition.base

    @torch.no_grad()
    def encode(self, frames: Frames, condition: GopSize) -> Tensor:
        """See `VideoPrior.encode`; edges and the last frame are repeated to what the VAE takes."""
        del condition
        return self._analyse(frames)

    @torch.no_grad()
    def denoise(self, x: Tensor, step: int, condition: GopSize) -> Tensor:
        """See `VideoPrior.denoise`."""
        del condition
        return self._model.posterior_mean(x[None], step)[0]

    @torch.no_grad()
    def decode(self, latent: Tensor, step: int, condition: GopSize) -> Frames:
        """See `VideoPrior.decode`; the VAE knows of no step."""
        del step
        pixels = self._model.to_pixels(latent[None])[0, :, : condition.frames]
        return to_frames(pixels[:, :, : condition.height, : condition.width].transpose(0, 1))

    def preview(self, latent: Tensor, step: int, condition: GopSize, frames: Sequence[int]) -> Frames:
        """See `VideoPrior.preview`. The VAE decodes frame after frame, so it costs what `decode` does."""
        return self.decode(latent, step, condition)[list(frames)]

    def _analyse(self, frames: Frames) -> Tensor:
        pixels = pad(to_tensor(frames).to(self.device), self.geometry)
        return self._model.to_latent(pixels.transpose(0, 1)[None])[0]


def pad(pictures: Tensor, geometry: Geometry) -> Tensor:
    """(T, 3, H, W) -> (T', 3, H', W') filling whole slots and cells: the last frame, right and lower edges repeated."""
    bottom, right = (-side % geometry.pad_multiple for side in pictures.shape[2:])
    padded = F.pad(pictures, (0, right, 0, bottom), mode="replicate")
    lead = 1 if geometry.causal else 0
    missing = -(len(pictures) - lead) % geometry.temporal_stride
    return torch.cat([padded, padded[-1:].expand(missing, *padded.shape[1:])])


def require_config(fits: bool, name: str, what: str) -> None:
    """Refuse a model whose configuration this family's code doesn't serve.

    Raises:
        PriorError: `fits` is False.
    """
    if not fits:
        raise PriorError(
            f"The folder given for {name} holds another model ({what}); add one of the right kind instead."
        )
