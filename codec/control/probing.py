"""How a GOP looks at a prefix: the metric on a few of its frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from codec.metrics.base import Metric
from codec.priors.base import BaseClip, Condition, Frames, VideoPrior
from codec.trajectory.walk import Walk

PROBE_FRAMES = 6


def probe_frames(count: int, overlap: int) -> list[int]:
    """Up to PROBE_FRAMES frames spread over a GOP's own part: indices in overlap..count-1, rising.

    They lie an odd number of frames apart: AV1 codes every second, fourth and eighth frame better, and so the probes
    see as many of each sort as the GOP has.
    """
    own = count - overlap
    apart = max(1, (own // PROBE_FRAMES - 1) // 2 * 2 + 1)
    probes = min(PROBE_FRAMES, own)
    first = overlap + (own - 1 - (probes - 1) * apart) // 2
    return [first + probe * apart for probe in range(probes)]


@dataclass(frozen=True)
class Judge:
    """Measures what the decoder would show of one GOP.

    Attributes:
        frames: uint8 (T, H, W, 3), the GOP's source.
        chosen: indices of the frames that are looked at, rising.
    """

    prior: VideoPrior
    metric: Metric
    frames: Frames = field(repr=False)
    chosen: Sequence[int]
    condition: Condition = field(repr=False)

    def quality(self, latent: Tensor, step: int) -> float:
        """The metric, mean over the chosen frames, of a clean latent (C, t, h, w) of which `step` steps were sent."""
        seen = self.prior.preview(latent, step, self.condition, self.chosen)
        return float(np.mean(self.metric(self.frames[self.chosen], seen)))


def base_quality(
    prior: VideoPrior, metric: Metric, base: BaseClip, frames: Frames, chosen: Sequence[int], seed: int, gop: int
) -> float:
    """How a GOP looks by its base alone (t* = 0): the very number that coding it finds for the prefix without steps.

    Args:
        frames, chosen: as in `Judge`.
        seed, gop: key of the shared randomness, with which some priors' restoration begins.
    """
    count, height, width, _ = frames.shape
    condition = prior.prepare(base, count, height, width)
    shape = prior.geometry.latent_shape(count, height, width)
    walk = Walk(prior, condition, shape, seed, gop, known=None, reuse=prior.reuse)
    return Judge(prior, metric, frames, chosen, condition).quality(walk.denoise(walk.start(), 0), 0)
