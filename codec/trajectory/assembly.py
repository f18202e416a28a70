"""Put decoded GOPs together: fuse the latents of overlaps, make pictures, cross-fade the shared frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from torch import Tensor

from codec.arrays import Frames, Picture
from codec.priors.base import Condition, VideoPrior
from codec.trajectory.alignment import cross_fade, fuse, shared_slots

# Restored pictures are handed on so many at a time, long before a GOP's last one is made.
PIECE = 8


@dataclass(frozen=True)
class Sent:
    """A trajectory that stops after `steps` sent steps: (C, t, h, w), denoised from that level."""

    steps: int
    latent: Tensor = field(repr=False)


@dataclass(frozen=True)
class Restored:
    """A trajectory that stops at `step` of the base's restoration; nothing was sent."""

    step: int


@dataclass(frozen=True)
class StoppedGop:
    """A GOP whose trajectory has stopped: ready for pictures.

    Attributes:
        overlap: frames shared with the GOP before it; 0 at a chain's start.
    """

    index: int
    start_frame: int
    frames: int
    overlap: int
    stop: Sent | Restored
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

    def __init__(self, prior: VideoPrior[Condition]) -> None:
        self._prior = prior
        self._held: StoppedGop | None = None
        self._tail: Frames | None = None

    def push(self, gop: StoppedGop) -> Iterator[Pictures]:
        """The frames that are final now that `gop` is known."""
        held = self._held
        if held is not None:
            held, gop = self._fused(held, gop)
            yield from self._decode(held, gop.overlap)
        self._held = gop

    def finish(self) -> Iterator[Pictures]:
        """The frames still held back."""
        if self._held is not None:
            yield from self._decode(self._held, 0)
        self._held = None

    def _fused(self, before: StoppedGop, after: StoppedGop) -> tuple[StoppedGop, StoppedGop]:
        """Both with the latent slots that they share blended; where one has no latent only its pictures can be."""
        if not (isinstance(before.stop, Sent) and isinstance(after.stop, Sent)):
            return before, after
        shared = shared_slots(self._prior.geometry, before.frames, after.overlap)
        one, other = fuse(before.stop.latent, after.stop.latent, shared)
        return (
            replace(before, stop=replace(before.stop, latent=one)),
            replace(after, stop=replace(after.stop, latent=other)),
        )

    def _decode(self, gop: StoppedGop, shared_after: int) -> Iterator[Pictures]:
        before, tail, made = self._tail, list[Frames](), 0
        for frames in self._pieces(gop):
            if made == 0 and gop.overlap and before is not None:
                frames = np.concatenate([cross_fade(before, frames[: gop.overlap]), frames[gop.overlap :]])
            final = frames[: max(0, gop.frames - shared_after - made)]
            tail.append(frames[len(final) :])
            if len(final):
                yield Pictures(gop.index, gop.start_frame + made, final)
            made += len(frames)
        self._tail = np.concatenate(tail) if shared_after else None

    def _pieces(self, gop: StoppedGop) -> Iterator[Frames]:
        """All pictures; the first piece has at least those that are shared with the GOP before."""
        if isinstance(gop.stop, Sent):
            yield self._prior.decode(gop.stop.latent, gop.stop.steps, gop.condition)
            return
        count = max(PIECE, gop.overlap)
        for first in range(0, gop.frames, count):
            some = range(first, min(first + count, gop.frames))
            (frames,) = self._prior.restore(gop.condition, some, [gop.stop.step])
            yield frames


def single_picture(prior: VideoPrior[Condition], gop: StoppedGop, frame: int) -> Picture:
    """Picture number `frame` of a GOP, uint8 (H, W, 3), made alone and so without what neighbours share."""
    if isinstance(gop.stop, Sent):
        pictures = prior.preview(gop.stop.latent, gop.stop.steps, gop.condition, [frame])
    else:
        (pictures,) = prior.restore(gop.condition, [frame], [gop.stop.step])
    picture: Picture = pictures[0]
    return picture
