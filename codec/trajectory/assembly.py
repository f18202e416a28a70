"""Put decoded GOPs together: fuse the latents of overlaps, decode, cross-fade the shared frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from codec.priors.base import Condition, Frames, VideoPrior
from codec.trajectory.alignment import cross_fade, fuse, shared_slots


@dataclass(frozen=True)
class DenoisedGop:
    """A GOP ready for the prior's decoder.

    Attributes:
        overlap: frames shared with the GOP before it; 0 at a chain's start.
        latent: (C, t, h, w) denoised from level `step`.
    """

    index: int
    start_frame: int
    frames: int
    overlap: int
    step: int
    latent: Tensor = field(repr=False)
    condition: Condition = field(repr=False)


@dataclass(frozen=True)
class Pictures:
    """Finished frames uint8 (T, H, W, 3), the first of them source frame `start_frame`, made by GOP `gop`."""

    gop: int
    start_frame: int
    frames: Frames = field(repr=False)


class Assembler:
    """Takes GOPs in order; hands out each frame once, as soon as nothing later can change it.

    Holds one GOP back, since its last slots are fused with the next one's first: memory is bounded by two GOPs.
    """

    def __init__(self, prior: VideoPrior) -> None:
        self._prior = prior
        self._held: DenoisedGop | None = None
        self._tail: Frames | None = None

    def push(self, gop: DenoisedGop) -> Iterator[Pictures]:
        """The frames that are final now that `gop` is known."""
        held, latent = self._held, gop.latent
        if held is not None:
            shared = shared_slots(self._prior.geometry, held.frames, gop.overlap)
            before, latent = fuse(held.latent, latent, shared)
            yield self._decode(held, before, gop.overlap)
        self._held = DenoisedGop(**{**vars(gop), "latent": latent})

    def finish(self) -> Iterator[Pictures]:
        """The frames still held back."""
        if self._held is not None:
            yield self._decode(self._held, self._held.latent, 0)
        self._held = None

    def _decode(self, gop: DenoisedGop, latent: Tensor, shared_after: int) -> Pictures:
        frames = self._prior.decode(latent, gop.step, gop.condition)
        if gop.overlap and self._tail is not None:
            frames = np.concatenate([cross_fade(self._tail, frames[: gop.overlap]), frames[gop.overlap :]])
        start = gop.start_frame
        cut = len(frames) - shared_after
        self._tail = frames[cut:] if shared_after else None
        return Pictures(gop.index, start, frames[:cut])
