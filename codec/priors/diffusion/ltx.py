"""LTX-Video 2B: rectified flow on the latents of a causal 8x32x32 VAE (HaCohen et al. 2024, arXiv 2501.00103)."""

from __future__ import annotations

import torch
from torch import Tensor

from codec.format.header import Tiling
from codec.priors.base import Geometry
from codec.priors.diffusion.loading import LoadedModels, ModelKind
from codec.priors.diffusion.prompt import PromptKind
from codec.priors.diffusion.video_model import flow_schedule, require_config

KIND = ModelKind(
    name="ltx-video-2b",
    # The text encoder sees all 128 rows, the transformer's mask leaves it the first.
    prompt=PromptKind(rows=128, encoded=128, width_key="caption_channels"),
    tiling=Tiling(512, 384),
)
# The prior isn't told the frame rate; the one it was trained at serves all.
FRAME_RATE = 25


class LtxModel:
    """See `VideoModel`. x_sigma = (1 - sigma) x0 + sigma eps, v = eps - x0, timestep 1000 sigma."""

    def __init__(self, models: LoadedModels) -> None:
        self.schedule = flow_schedule()
        self._transformer, self._vae, self._prompt = models.transformer, models.vae, models.prompt[None]
        config = models.transformer.config
        channels = models.vae.config.latent_channels
        unpatched = config.patch_size == config.patch_size_t == 1 and config.in_channels == channels
        require_config(unpatched, KIND.name, "its parts do not match")
        self._strides = (models.vae.temporal_compression_ratio, models.vae.spatial_compression_ratio)
        self.geometry = Geometry(
            temporal_stride=self._strides[0],
            spatial_stride=self._strides[1],
            channels=channels,
            causal=True,
            gop_frames=6 * self._strides[0] + 1,
            overlap_frames=self._strides[0] + 1,
            pad_multiple=self._strides[1],
        )
        shape = (1, channels, 1, 1, 1)
        self._mean = models.vae.latents_mean.float().view(shape)
        self._std = models.vae.latents_std.float().view(shape) / models.vae.config.scaling_factor
        self._mask = torch.zeros(1, len(models.prompt), dtype=torch.bool, device=models.device)
        self._mask[:, 0] = True

    def to_latent(self, pixels: Tensor) -> Tensor:
        """See `VideoModel.to_latent`; T = 8k + 1."""
        latent: Tensor = (self._vae.encode(pixels).latent_dist.mode() - self._mean) / self._std
        return latent

    def to_pixels(self, latent: Tensor) -> Tensor:
        """See `VideoModel.to_pixels`. From 0.9.1 on the decoder takes a timestep, 0 here: the latent has no noise left.

        Its blocks may add noise of their own, from torch's generator: the same in every decode.
        """
        timed = self._vae.config.timestep_conditioning
        timestep = torch.zeros(1, device=latent.device) if timed else None
        devices = [latent.device] if latent.device.type == "cuda" else []
        with torch.random.fork_rng(devices):
            torch.manual_seed(0)
            pixels: Tensor = self._vae.decode(latent * self._std + self._mean, timestep, return_dict=False)[0]
        return pixels

    def posterior_mean(self, x: Tensor, step: int) -> Tensor:
        """x0_hat = x - sigma v; the transformer takes the latent as a row of cells."""
        slots, rows, columns = x.shape[2:]
        temporal, spatial = self._strides
        velocity = self._transformer(
            hidden_states=x.flatten(2).transpose(1, 2).to(self._prompt.dtype),
            encoder_hidden_states=self._prompt,
            timestep=torch.tensor([self.schedule.timesteps[step]], device=x.device),
            encoder_attention_mask=self._mask,
            num_frames=slots,
            height=rows,
            width=columns,
            rope_interpolation_scale=(temporal / FRAME_RATE, spatial, spatial),
            return_dict=False,
        )[0]
        clean: Tensor = x - self.schedule.sigmas[step] * velocity.float().transpose(1, 2).reshape(x.shape)
        return clean
