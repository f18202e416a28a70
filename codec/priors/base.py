"""The seam every model family is wrapped to (k-diffusion's habit: one denoiser signature for all)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import torch

from codec.arrays import Frames
from codec.format.header import Tiling
from codec.priors.schedule import NoiseSchedule


class Condition:
    """What a prior knows of a GOP before its first bit. Each prior has its own, and only it looks inside."""


C = TypeVar("C", bound=Condition)


@dataclass(frozen=True)
class Geometry:
    """How a prior's latent grid relates to pixels.

    Attributes:
        temporal_stride, spatial_stride: frames and pixels per latent cell.
        channels: latent channels.
        causal: True where the first latent slot covers one frame (4k+1 VAEs such as Wan's),
            False where every slot covers `temporal_stride` frames.
        gop_frames, overlap_frames: default GOP length l and overlap m, in frames.
        pad_multiple: the prior pads pictures to multiples of this before it encodes them.
    """

    temporal_stride: int
    spatial_stride: int
    channels: int
    causal: bool
    gop_frames: int
    overlap_frames: int
    pad_multiple: int

    def slots(self, frames: int) -> int:
        """Latent slots that `frames` frames need (the last one padded where they don't fill it)."""
        lead = 1 if self.causal else 0
        return lead + -(-(frames - lead) // self.temporal_stride)

    def latent_shape(self, frames: int, height: int, width: int) -> tuple[int, int, int, int]:
        """(C, t, h, w) for a GOP of `frames` frames of height x width pixels."""
        rows, columns = (-(-side // self.pad_multiple) * self.pad_multiple for side in (height, width))
        return (self.channels, self.slots(frames), rows // self.spatial_stride, columns // self.spatial_stride)


@dataclass(frozen=True)
class BaseClip:
    """The decoded explicit layer of one GOP.

    Attributes:
        frames: uint8 (T, h, w, 3) RGB at the base's own size (coding size or half of it).
        crf: the constant rate factor that the base was made with, 0 to 70 in quarters.
        scale: 1 at coding size, 2 at half of it.
    """

    frames: Frames
    crf: float
    scale: int


class VideoPrior(Protocol[C]):
    """A pretrained video diffusion model as the codec sees it; C is its condition, which `prepare` makes.

    The codec hands conditions through without looking inside: it works with `VideoPrior[Condition]`, as which
    `codec.priors.catalog` opens every prior.

    Latents are float32 (C, t, h, w) on the prior's device, normalised exactly as the model was trained.
    `step` indexes `schedule`: 0 is pure noise. Everything but `encode` runs in the decoder too, so it must be
    deterministic on one device.

    Attributes:
        ode_evaluations: denoiser calls that lead from t* to the clean latent; 1 takes the posterior mean.
        reuse: the trajectory calls the denoiser on every `reuse`-th step only (x0-cache); part of the format.
        notes: sentences about how it was loaded that the user should know (something missing, something made smaller).
        tiling: how its VAE is tiled for want of memory, or None; goes into the file's header.
        base_levels: (scale, crf) of the bases this prior can use, coarse to fine; empty without use for a base.
        base_by_default: whether it was made for a base; otherwise one is used only where the user asks for it.
        restores: whether it restores a base in steps that cost no bits (`restore`); t* then counts them first.
        bpp_over_base: bits per pixel of steps that a quality target may spend over a base; beyond that a finer base
            buys more with them.
    """

    id: str
    weights_hash: bytes
    geometry: Geometry
    schedule: NoiseSchedule
    ode_evaluations: int
    reuse: int
    base_levels: tuple[tuple[int, float], ...]
    base_by_default: bool
    restores: bool
    bpp_over_base: float
    notes: tuple[str, ...]
    tiling: Tiling | None
    device: torch.device
    dtype: str

    def prepare(self, base: BaseClip | None, frames: int, height: int, width: int) -> C:
        """What the decoder knows of a GOP before its first bit, computed once and handed to the calls below."""
        ...

    def restore(self, condition: C, frames: Sequence[int], steps: Sequence[int]) -> tuple[Frames, ...]:
        """Some of the GOP's frames from its base alone, at each of some steps of the restoration: uint8 (n, H, W, 3).

        Step 0 is the base's own picture, for which no network runs. Only priors that restore know how.

        Raises:
            ValueError: there is no base, or no such step.
        """
        ...

    def opening(self, condition: C) -> torch.Tensor | None:
        """The base's own latent (C, t, h, w), where a prior not trained for bases starts from it, noised; else None."""
        ...

    def encode(self, frames: Frames, condition: C) -> torch.Tensor:
        """uint8 (T, H, W, 3) RGB -> latent (C, t, h, w); the posterior's mode, never a sample."""
        ...

    def denoise(self, x: torch.Tensor, step: int, condition: C) -> torch.Tensor:
        """Posterior mean x0_hat of the clean latent, given the noisy latent `x` at `schedule` level `step`."""
        ...

    def decode(self, latent: torch.Tensor, step: int, condition: C) -> Frames:
        """Clean latent, of which `step` steps were received -> uint8 (T, H, W, 3) RGB."""
        ...

    def preview(self, latent: torch.Tensor, step: int, condition: C, frames: Sequence[int]) -> Frames:
        """As `decode`, only the frames asked for, as cheaply as the model allows; what probes look at."""
        ...
