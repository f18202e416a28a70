"""Wan2.1 text-to-video: rectified flow on the latents of a causal 4x8x8 VAE (Wan Team 2025, arXiv 2503.20314)."""

from __future__ import annotations

import torch
from torch import Tensor

from codec.format.header import Tiling
from codec.priors.base import Geometry
from codec.priors.defaults import DEFAULTS
from codec.priors.diffusion.loading import LoadedModels, ModelKind
from codec.priors.diffusion.prompt import PromptKind
from codec.priors.diffusion.video_model import flow_schedule, require_config

KIND = ModelKind(
    name="wan2.1-t2v-1.3b",
    # Of 512 rows the one of the closing token is real; the pipeline fills up with zeros, without a mask.
    prompt=PromptKind(rows=512, encoded=1, width_key="text_dim"),
    tiling=Tiling(256, 192),
)
SPATIAL_STRIDE, TEMPORAL_STRIDE = 8, 4


class WanModel:
    """See `VideoModel`. x_sigma = (1 - sigma) x0 + sigma eps, v = eps - x0, timestep 1000 sigma."""

    def __init__(self, models: LoadedModels) -> None:
        self.schedule = flow_schedule()
        self._transformer, self._vae, self._prompt = models.transformer, models.vae, models.prompt[None]
        config = models.vae.config
        require_config(config.patch_size is None and not config.is_residual, KIND.name, "Wan 2.2's VAE")
        require_config(config.z_dim == models.transformer.config.in_channels, KIND.name, "its parts do not match")
        patch = models.transformer.config.patch_size[-1]
        self.geometry = Geometry(
            temporal_stride=TEMPORAL_STRIDE,
            spatial_stride=SPATIAL_STRIDE,
            channels=config.z_dim,
            causal=True,
            gop_frames=DEFAULTS[KIND.name].gop_frames,
            overlap_frames=DEFAULTS[KIND.name].overlap_frames,
            pad_multiple=SPATIAL_STRIDE * patch,
        )
        shape = (1, config.z_dim, 1, 1, 1)
        self._mean = torch.tensor(config.latents_mean, device=models.device).view(shape)
        self._std = torch.tensor(config.latents_std, device=models.device).view(shape)

    def to_latent(self, pixels: Tensor) -> Tensor:
        """See `VideoModel.to_latent`; T = 4k + 1."""
        latent: Tensor = (self._vae.encode(pixels).latent_dist.mode() - self._mean) / self._std
        return latent

    def to_pixels(self, latent: Tensor) -> Tensor:
        """See `VideoModel.to_pixels`."""
        pixels: Tensor = self._vae.decode(latent * self._std + self._mean, return_dict=False)[0]
        return pixels

    def posterior_mean(self, x: Tensor, step: int) -> Tensor:
        """x0_hat = x - sigma v."""
        velocity = self._transformer(
            hidden_states=x.to(self._prompt.dtype),
            timestep=torch.tensor([self.schedule.timesteps[step]], device=x.device),
            encoder_hidden_states=self._prompt,
            return_dict=False,
        )[0]
        clean: Tensor = x - self.schedule.sigmas[step] * velocity.float()
        return clean
