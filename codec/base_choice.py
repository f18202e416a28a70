"""How coarse the base layer of a segment is: the first of the controller's two knobs, t* being the other.

The base is settled once per segment before its stream begins, on the segment's first GOP, or on all of it where a
file's size must hold; t* then follows each GOP.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import numpy as np

from codec.base_layer import encode_clip
from codec.metrics.base import Metric
from codec.priors.base import BaseClip, Frames, VideoPrior
from codec.probing import probe_frames
from codec.trajectory import Walk

# Asked with another preset and fewer frames to look ahead to, a level looks this much worse than it will be, and then
# t* still has something to do: its first steps buy more than a finer base does.
QUALITY_SLACK: Mapping[str, float] = {
    "dists": 0.012,
    "dists-estimate": 0.012,
    "lpips": 0.012,
    "ms-ssim": 0.006,
}
# Asking about a level is four times faster so, and the picture at a CRF differs little.
CHOICE_PRESET = 4
# A keyframe weighs more in the first GOP than in the segment; t* spends what a cautious base leaves.
BASE_SHARE = 0.92
# A frame's share of its GOP's record: its unit's length, and a 48th of some 45 bytes.
RECORD_BYTES = 2


@dataclass(frozen=True)
class BaseLevel:
    """A setting of the base layer: AV1's CRF, and 1 for coding size or 2 for half of it."""

    crf: int
    scale: int


class BaseChooser(Protocol):
    """Settles the base level of one segment after the other.

    Attributes:
        looks_at: of a segment's frames, how many it wants to see; they are held in memory meanwhile.
    """

    @property
    def looks_at(self) -> int: ...  # noqa: D102

    def choose(self, frames: Frames) -> BaseLevel:
        """The level for a segment that begins with `frames`, uint8 (T, H, W, 3) at coding size."""
        ...


class QualityBase:
    """The coarsest base that the prior restores to about the target with no implicit bits at all."""

    def __init__(self, prior: VideoPrior, metric: Metric, target: float, frame_rate: Fraction, looks_at: int) -> None:
        self.looks_at = looks_at
        self._prior = prior
        self._metric = metric
        slack = QUALITY_SLACK.get(metric.name, 0.0)
        self._limit = target + slack if metric.lower_is_better else target - slack
        self._frame_rate = frame_rate
        self._levels = levels(prior)
        self._last = len(self._levels) // 2

    def choose(self, frames: Frames) -> BaseLevel:
        """See `BaseChooser`."""
        self._last = coarsest(len(self._levels), lambda index: self._accepts(self._levels[index], frames), self._last)
        return self._levels[self._last]

    def _accepts(self, level: BaseLevel, frames: Frames) -> bool:
        _, pictures = encode_clip(frames, level.crf, level.scale, self._frame_rate, CHOICE_PRESET)
        restored = restore(self._prior, BaseClip(pictures, level.crf, level.scale), frames)
        chosen = probe_frames(len(frames), 0)
        quality = float(np.mean(self._metric(frames[chosen], restored)))
        return quality <= self._limit if self._metric.lower_is_better else quality >= self._limit


class RateBase:
    """The finest base whose bits stay within its share of a budget.

    Args:
        per_frame: what the budget has left for each frame to come, asked at every segment.
        looks_at: a segment's length where the budget must hold: later GOPs may cost more than the first.
    """

    def __init__(self, prior: VideoPrior, per_frame: Callable[[], float], frame_rate: Fraction, looks_at: int) -> None:
        self.looks_at = looks_at
        self._per_frame = per_frame
        self._frame_rate = frame_rate
        self._levels = levels(prior)[::-1]
        self._last = len(self._levels) // 2

    def choose(self, frames: Frames) -> BaseLevel:
        """See `BaseChooser`."""
        self._last = coarsest(len(self._levels), lambda index: self._accepts(self._levels[index], frames), self._last)
        return self._levels[self._last]

    def _accepts(self, level: BaseLevel, frames: Frames) -> bool:
        size, _ = encode_clip(frames, level.crf, level.scale, self._frame_rate)
        return 8 * (size + RECORD_BYTES * len(frames)) <= BASE_SHARE * self._per_frame() * len(frames)


def levels(prior: VideoPrior) -> Sequence[BaseLevel]:
    """The prior's base levels, coarse to fine."""
    return [BaseLevel(crf, scale) for scale, crf in prior.base_levels]


def restore(prior: VideoPrior, base: BaseClip, frames: Frames) -> Frames:
    """The probe frames of a GOP as the prior makes them of the base alone (t* = 0): uint8 (n, H, W, 3)."""
    count, height, width, _ = frames.shape
    condition = prior.prepare(base, count, height, width)
    shape = prior.geometry.latent_shape(count, height, width)
    walk = Walk(prior, condition, shape, seed=0, gop=0, known=None, reuse=prior.reuse)
    latent = walk.denoise(walk.start(), 0)
    return prior.preview(latent, 0, condition, probe_frames(count, 0))


def coarsest(count: int, accepts: Callable[[int], bool], start: int) -> int:
    """The smallest index in 0..count-1 that `accepts`, the last one if none before it does.

    Assumes that whatever comes after an accepted index is accepted too. Gallops from `start`, so that a segment like
    the one before it costs two questions, then bisects. No index is asked about twice.
    """
    low, high = -1, count - 1
    probe, stride = start, 1
    while high - low > 1:
        if not low < probe < high:
            probe = (low + high) // 2
        if accepts(probe):
            high, probe = probe, probe - stride
        else:
            low, probe = probe, probe + stride
        stride *= 2
    return high
