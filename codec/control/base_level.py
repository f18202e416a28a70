"""How coarse the base layer of a segment is: the first of the controller's two knobs, t* being the other.

The base is settled once per segment, on all of it, before its stream begins. t* then follows each GOP.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Protocol, TypeVar

import numpy as np

from codec.base.av1 import BaseFrame, encode_frames
from codec.base.units import UnitPacker
from codec.control.ladder import finest, guess_index, nearest, nearest_tried
from codec.control.probing import base_quality, probe_frames
from codec.control.quality import Aim
from codec.events import Event, Phase
from codec.metrics.base import Metric
from codec.priors.base import BaseClip, Frames, VideoPrior
from codec.video.cutting import Window, windows

# A level's trial looks this much worse than the segment will at it, on average, and the worst of several GOPs looks so
# much worse than their mean.
TRIAL_SLACK: Mapping[str, float] = {"dists": 0.006, "pocket-dists": 0.006, "lpips": 0.005, "ms-ssim": 0.002}
USUAL_SPREAD: Mapping[str, float] = {"dists": 0.012, "pocket-dists": 0.012, "lpips": 0.012, "ms-ssim": 0.004}
# Asking about a level is five times faster so, but its picture differs: at the same CRF by -0.004 to 0.027 in DISTS
# (measured on three clips). So the last word has the base as the file will hold it.
CHOICE_PRESET = 4
# A trial looks at as many frames of the segment as one GOP is judged by, and restores each with so many around it.
CONTEXT = 4
# Where the first segment's search begins: the end of AV1's quantiser, where low bitrates are.
FIRST_CRF = 61
# Quarters of a CRF for a unit of the metric, about, with which the search begins.
LADDER_PER_UNIT: Mapping[str, float] = {"dists": 440.0, "pocket-dists": 440.0, "lpips": 400.0, "ms-ssim": 2000.0}
# In tolerances: so much worse than the target the worst GOP of a segment may look, and so far from what is wanted a
# coded level may be, finer or coarser, before another is coded.
WORST_GOP = 0.5
TOO_FINE, TOO_COARSE = 0.6, 0.5
MOST_CODED = 3
# Of a budget; t* spends the rest. A frame's share of its GOP's record is a 48th of some 45 bytes, and there is always
# some budget, however small.
BASE_SHARE = 0.98
RECORD_BYTES = 1
TINY = 1e-3
# About as many quarters of a CRF double a base's bits.
QUARTERS_PER_DOUBLING = 19.0
Answer = TypeVar("Answer")
Found = TypeVar("Found")


@dataclass(frozen=True)
class BaseLevel:
    """A setting of the base layer: SVT-AV1's CRF in quarters, and 1 for coding size or 2 for half of it."""

    crf: float
    scale: int

    def __str__(self) -> str:
        return f"CRF {self.crf:g}" + ("" if self.scale == 1 else ", half size")


@dataclass(frozen=True)
class BaseChoice:
    """A segment's level, and what was made and measured on the way to it.

    Attributes:
        coded: the base of all its frames.
        qualities: of each GOP with that base and no steps, or nothing.
        bits_per_frame: of the base on average over the segment, where a budget asked for that.
    """

    level: BaseLevel
    coded: tuple[BaseFrame, ...] = field(repr=False)
    qualities: tuple[float, ...] = ()
    bits_per_frame: float | None = None


@dataclass(frozen=True)
class Segment:
    """What a chooser sees: all frames, uint8 (T, H, W, 3) at coding size, and the number of the first GOP."""

    frames: Frames = field(repr=False)
    gop: int


class BaseChooser(Protocol):
    """Settles the base level of one segment after the other; holds a segment's frames meanwhile."""

    def choose(self, segment: Segment) -> Generator[Event, None, BaseChoice]:
        """Returns the choice for a segment; yields before each level that is tried, so that a caller may stop."""
        ...


class QualityBase:
    """The coarsest base that the prior restores well enough with no implicit bits at all.

    That is: on average over the segment's GOPs it meets the target, and none misses it by more than the tolerance.
    One level serves them all, so others may look better than asked.

    Args:
        gop_frames: GOP length.
        seed: of the shared randomness.
    """

    def __init__(
        self, prior: VideoPrior, metric: Metric, aim: Aim, frame_rate: Fraction, gop_frames: int, seed: int
    ) -> None:
        self._prior = prior
        self._metric = metric
        self._aim = aim
        self._gop_frames = gop_frames
        self._seed = seed
        self._steepness = LADDER_PER_UNIT.get(metric.name, 1.0)
        self._frame_rate = frame_rate
        self._levels = levels(prior)
        self._last = _usual_level(self._levels)

    def choose(self, segment: Segment) -> Generator[Event, None, BaseChoice]:
        """See `BaseChooser`."""
        search = nearest(len(self._levels), self._last, self._steepness)
        tried = yield from _ask(search, self._levels, lambda level: self._trial(level, segment))
        best = yield from self._settle(tried, segment)
        self._last = best.index
        return BaseChoice(self._levels[best.index], best.frames, best.qualities)

    def _windows(self, segment: Segment) -> Sequence[Window[int]]:
        """The frames of each of its GOPs."""
        return list(windows(range(len(segment.frames)), self._gop_frames, self._prior.geometry.overlap_frames))

    def _settle(self, tried: Mapping[int, float], segment: Segment) -> Generator[Event, None, _CodedLevel]:
        """Code the level that looks nearest to the target, and others where what comes of it is not near enough."""
        best = last = yield from self._code(nearest_tried(tried), segment)
        coded = {last.index: last.miss}
        while not self._is_near(best) and len(coded) < MOST_CODED:
            # All levels are taken to look as much better or worse than in their trials as this one does.
            gap = last.miss - tried.get(last.index, last.miss)
            misses = {index: miss + gap for index, miss in tried.items()} | coded
            guess = guess_index(misses, self._steepness, len(self._levels) - 1)
            if guess in coded:
                break
            last = yield from self._code(guess, segment)
            coded[last.index] = last.miss
            best = self._better(best, last)
        return best

    def _is_near(self, level: _CodedLevel) -> bool:
        return -TOO_FINE <= level.miss / self._aim.tolerance <= TOO_COARSE

    def _better(self, one: _CodedLevel, other: _CodedLevel) -> _CodedLevel:
        """The coarser of two where both are fine enough, else the finer."""
        coarse, fine = sorted((one, other), key=lambda level: level.index)
        return coarse if coarse.miss <= TOO_COARSE * self._aim.tolerance else fine

    def _trial(self, level: BaseLevel, segment: Segment) -> float:
        """How much worse than wanted a segment is going to look at a level."""
        frames = segment.frames
        coded = encode_frames(frames, level.crf, level.scale, self._frame_rate, CHOICE_PRESET)
        pictures = np.stack([frame.picture for frame in coded])
        values = []
        for place in probe_frames(len(frames), 0):
            first = max(0, min(place - CONTEXT // 2, len(frames) - CONTEXT))
            part = slice(first, first + CONTEXT)
            values.append(self._quality(level, pictures[part], frames[part], [place - first], segment.gop))
        usual = USUAL_SPREAD.get(self._metric.name, 0.0) if len(self._windows(segment)) > 1 else 0.0
        slack = TRIAL_SLACK.get(self._metric.name, 0.0)
        mean = float(np.mean([self._aim.miss(value) for value in values])) - slack
        return self._total_miss(mean, mean + usual)

    def _code(self, index: int, segment: Segment) -> Generator[Event, None, _CodedLevel]:
        """A segment's base as the file will hold it, and its GOPs as they will be judged when they are coded."""
        level = self._levels[index]
        yield Phase(f"coding the base layer at {level}")
        coded = tuple(encode_frames(segment.frames, level.crf, level.scale, self._frame_rate))
        qualities, parts = [], self._windows(segment)
        for number, window in enumerate(parts):
            yield Phase(f"judging the base layer at {level}, GOP {number + 1} of {len(parts)}")
            pictures = np.stack([coded[place].picture for place in window.items])
            chosen = probe_frames(len(window.items), window.overlap)
            frames = segment.frames[window.items[0] : window.items[-1] + 1]
            qualities.append(self._quality(level, pictures, frames, chosen, segment.gop + number))
        misses = [self._aim.miss(quality) for quality in qualities]
        return _CodedLevel(index, coded, tuple(qualities), self._total_miss(float(np.mean(misses)), max(misses)))

    def _total_miss(self, mean: float, worst: float) -> float:
        return max(mean, worst - WORST_GOP * self._aim.tolerance)

    def _quality(self, level: BaseLevel, pictures: Frames, frames: Frames, chosen: Sequence[int], gop: int) -> float:
        base = BaseClip(pictures, level.crf, level.scale)
        return base_quality(self._prior, self._metric, base, frames, chosen, self._seed, gop)


@dataclass(frozen=True)
class _CodedLevel:
    """A level by its index, a segment coded at it, its GOPs' qualities, and how much worse than wanted they are."""

    index: int
    frames: tuple[BaseFrame, ...] = field(repr=False)
    qualities: tuple[float, ...]
    miss: float


class RateBase:
    """The finest base whose bits stay within its share of a budget, over the whole segment: its keyframe serves all.

    Args:
        per_frame: what the budget has left for each frame to come, asked at every segment.
    """

    def __init__(self, prior: VideoPrior, per_frame: Callable[[], float], frame_rate: Fraction) -> None:
        self._per_frame = per_frame
        self._frame_rate = frame_rate
        self._levels = levels(prior)
        self._last = _usual_level(self._levels)

    def choose(self, segment: Segment) -> Generator[Event, None, BaseChoice]:
        """See `BaseChooser`."""
        allowed = max(BASE_SHARE * self._per_frame() - 8 * RECORD_BYTES, TINY)
        kept: list[BaseChoice] = []

        def excess(level: BaseLevel) -> float:
            choice = self._coded(level, segment.frames)
            assert choice.bits_per_frame is not None
            if choice.bits_per_frame <= allowed or level == self._levels[0]:
                kept[:] = [choice]
            return math.log2(choice.bits_per_frame / allowed)

        search = finest(len(self._levels), self._last, QUARTERS_PER_DOUBLING)
        self._last = yield from _ask(search, self._levels, excess)
        return kept[0]

    def _coded(self, level: BaseLevel, frames: Frames) -> BaseChoice:
        coded = tuple(encode_frames(frames, level.crf, level.scale, self._frame_rate))
        size = len(UnitPacker().pack([frame.packet for frame in coded]))
        return BaseChoice(level, coded, bits_per_frame=8 * size / len(frames))


def levels(prior: VideoPrior) -> Sequence[BaseLevel]:
    """The prior's base levels, coarse to fine."""
    return [BaseLevel(crf, scale) for scale, crf in prior.base_levels]


def _usual_level(ladder: Sequence[BaseLevel]) -> int:
    """Index of the level with which a first search begins."""
    return ladder.index(min(ladder, key=lambda level: (level.scale, abs(level.crf - FIRST_CRF))))


def _ask(
    search: Generator[int, Answer, Found], ladder: Sequence[BaseLevel], answer: Callable[[BaseLevel], Answer]
) -> Generator[Event, None, Found]:
    """Answer a search's questions about a ladder's levels until it has found something; says which level is tried."""
    try:
        index = next(search)
        while True:
            yield Phase(f"choosing the base layer: trying {ladder[index]}")
            index = search.send(answer(ladder[index]))
    except StopIteration as found:
        result: Found = found.value
        return result
