"""CogVideoX-2b: v-prediction on the latents of a 4x8x8 VAE (Yang et al. 2024, arXiv 2408.06072)."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from codec.format.header import Tiling
from codec.priors.base import Geometry
from codec.priors.defaults import DEFAULTS
from codec.priors.diffusion.loading import LoadedModels, ModelKind
from codec.priors.diffusion.prompt import PromptKind
from codec.priors.diffusion.video_model import geometric_snrs, require_config
from codec.priors.schedule import NoiseSchedule

KIND = ModelKind(
    name="cogvideox-2b",
    # The text encoder runs without a mask, so every one of the padding's rows counts.
    prompt=PromptKind(rows=226, encoded=226, width_key="text_embed_dim", rows_key="max_text_seq_length"),
    tiling=Tiling(256, 192),
)
SPATIAL_STRIDE, TEMPORAL_STRIDE = 8, 4
TRAINING_STEPS, BETA_START, BETA_END, SNR_SHIFT = 1000, 0.00085, 0.012, 3.0


def alphas_cumprod() -> NDArray[np.float64]:
    """alpha**2 of the 1000 training steps, the last exactly 0 (Lin et al. 2023, arXiv 2305.08891, algorithm 1).

    In float64 and by IEEE-exact operations alone, so that every machine has the same table.
    """
    betas = np.linspace(BETA_START**0.5, BETA_END**0.5, TRAINING_STEPS) ** 2
    plain = np.cumprod(1.0 - betas)
    shifted = np.sqrt(plain / (SNR_SHIFT + (1 - SNR_SHIFT) * plain))
    first, last = shifted[0], shifted[-1]
    table: NDArray[np.float64] = ((shifted - last) * (first / (first - last))) ** 2
    return table


def cogvideox_schedule() -> NoiseSchedule:
    """The codec's own table: the model's steps whose SNRs lie nearest to a geometric progression."""
    table = alphas_cumprod()
    wanted = (np.searchsorted(-table, -snr / (1 + snr)) for snr in geometric_snrs())
    levels = sorted({TRAINING_STEPS - 1, *(min(int(level), TRAINING_STEPS - 2) for level in wanted)}, reverse=True)
    return NoiseSchedule.variance_preserving(table.tolist(), levels)


class CogVideoXModel:
    """See `VideoModel`. x_t = alpha x0 + sigma eps, v = alpha eps - sigma x0.

    Fed an even number of frames, the VAE pools them all by fours and knows no leading single frame: a slot covers
    four frames, and 48 frames are a GOP as in the paper. It works on eight at a time, so slots come in pairs.
    """

    def __init__(self, models: LoadedModels) -> None:
        self.schedule = cogvideox_schedule()
        self._transformer, self._vae, self._prompt = models.transformer, models.vae, models.prompt[None]
        config = models.transformer.config
        plain = not config.use_rotary_positional_embeddings and config.patch_size_t is None
        require_config(plain, KIND.name, "a CogVideoX with rotary embeddings")
        require_config(config.in_channels == models.vae.config.latent_channels, KIND.name, "its parts do not match")
        self._scale = float(models.vae.config.scaling_factor)
        self.geometry = Geometry(
            temporal_stride=TEMPORAL_STRIDE,
            spatial_stride=SPATIAL_STRIDE,
            channels=config.in_channels,
            causal=False,
            gop_frames=DEFAULTS[KIND.name].gop_frames,
            overlap_frames=DEFAULTS[KIND.name].overlap_frames,
            pad_multiple=SPATIAL_STRIDE * config.patch_size,
        )

    def to_latent(self, pixels: Tensor) -> Tensor:
        """See `VideoModel.to_latent`; T = 4k. An odd slot is encoded with a repeated partner, which is dropped."""
        slots = pixels.shape[2] // TEMPORAL_STRIDE
        if slots % 2:
            pixels = torch.cat([pixels, pixels[:, :, -1:].expand(-1, -1, TEMPORAL_STRIDE, -1, -1)], 2)
        latent: Tensor = self._vae.encode(pixels).latent_dist.mode()[:, :, :slots]
        return latent * self._scale

    def to_pixels(self, latent: Tensor) -> Tensor:
        """See `VideoModel.to_pixels`."""
        if latent.shape[2] % 2:
            latent = torch.cat([latent, latent[:, :, -1:]], 2)
        pixels: Tensor = self._vae.decode(latent / self._scale, return_dict=False)[0]
        return pixels

    def posterior_mean(self, x: Tensor, step: int) -> Tensor:
        """x0_hat = alpha x - sigma v."""
        velocity = self._transformer(
            hidden_states=x.transpose(1, 2).to(self._prompt.dtype),
            encoder_hidden_states=self._prompt,
            timestep=torch.tensor([round(self.schedule.timesteps[step])], device=x.device),
            return_dict=False,
        )[0]
        clean: Tensor = self.schedule.alphas[step] * x - self.schedule.sigmas[step] * velocity.float().transpose(1, 2)
        return clean
