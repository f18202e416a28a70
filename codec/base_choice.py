"""How coarse the base layer of a segment is: the first of the controller's two knobs, t* being the other.

The base is settled once per segment before its stream begins: on all of it for a quality and where a file's size must
hold, else on its first GOP. t* then follows each GOP.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Protocol, TypeVar

import numpy as np

from codec.base_layer import BaseFrame, encode_clip, encode_frames
from codec.events import Event, Phase
from codec.metrics.base import Metric
from codec.priors.base import BaseClip, Frames, VideoPrior
from codec.probing import probe_frames
from codec.trajectory import Walk

# A level looks this much worse when it is asked about than it will (CHOICE_PRESET), on average.
QUALITY_SLACK: Mapping[str, float] = {
    "dists": 0.006,
    "pocket-dists": 0.006,
    "lpips": 0.005,
    "ms-ssim": 0.002,
}
# Asking about a level is five times faster so, but its picture differs: at the same CRF by -0.004 to 0.027 in DISTS
# (measured on three clips). So the last word has the base as the file will hold it.
CHOICE_PRESET = 4
# Every second of the frames that a GOP would be judged by, each restored with so many frames around it: a whole GOP's
# features would take most of an encode's time. Twice as many frames move DISTS by 0.001 (measured).
PLACES_APART, CONTEXT = 2, 4
# Where the first segment's search begins: the end of AV1's quantiser, where low bitrates are.
FIRST_CRF = 61
# Steps of CRF for a unit of the metric, about, with which the search begins; how many questions it may ask.
LADDER_PER_UNIT: Mapping[str, float] = {"dists": 110.0, "pocket-dists": 110.0, "lpips": 100.0, "ms-ssim": 500.0}
MOST_QUESTIONS = 5
# The curve bends where AV1's quantiser ends (CRF 63), so a line is not trusted further than this.
LONGEST_STRIDE = 8
# In steps of the ladder: a finer answer than this is not worth another question, or another level's coding.
GOOD_ENOUGH, NEAR_ENOUGH = 0.5, 1.0
MOST_CODED = 3
# A keyframe weighs more in the first GOP than in the segment; t* spends what a cautious base leaves.
BASE_SHARE = 0.92
# A frame's share of its GOP's record: a 48th of some 45 bytes.
RECORD_BYTES = 1
Answer = TypeVar("Answer")
Found = TypeVar("Found")


@dataclass(frozen=True)
class BaseLevel:
    """A setting of the base layer: AV1's CRF, and 1 for coding size or 2 for half of it."""

    crf: int
    scale: int


@dataclass(frozen=True)
class BaseChoice:
    """A segment's level, and with it the coded base of all frames that were looked at where it was made on the way."""

    level: BaseLevel
    coded: tuple[BaseFrame, ...] = field(default=(), repr=False)


class BaseChooser(Protocol):
    """Settles the base level of one segment after the other.

    Attributes:
        looks_at: of a segment's frames, how many it wants to see; they are held in memory meanwhile.
    """

    @property
    def looks_at(self) -> int: ...  # noqa: D102

    def choose(self, frames: Frames) -> Generator[Event, None, BaseChoice]:
        """Returns the choice for a segment that begins with `frames`, uint8 (T, H, W, 3) at coding size.

        Yields before each level that is tried, so that a caller can show it or stop.
        """
        ...


class QualityBase:
    """The base that the prior restores to nearest the target with no implicit bits at all, on average over a segment.

    Args:
        looks_at: a segment's greatest length.
    """

    def __init__(self, prior: VideoPrior, metric: Metric, target: float, frame_rate: Fraction, looks_at: int) -> None:
        self.looks_at = looks_at
        self._prior = prior
        self._metric = metric
        self._target = target
        self._slack = QUALITY_SLACK.get(metric.name, 0.0)
        self._steepness = LADDER_PER_UNIT.get(metric.name, 1.0)
        self._frame_rate = frame_rate
        self._levels = levels(prior)
        self._last = self._levels.index(min(self._levels, key=lambda level: (level.scale, abs(level.crf - FIRST_CRF))))

    def choose(self, frames: Frames) -> Generator[Event, None, BaseChoice]:
        """See `BaseChooser`."""
        search = nearest(len(self._levels), self._last, self._steepness)
        tried = yield from _ask(search, self._levels, lambda level: self._trial(level, frames))
        best = yield from self._settle(tried, frames)
        self._last = best.index
        return BaseChoice(self._levels[best.index], best.frames)

    def _settle(self, tried: Mapping[int, float], frames: Frames) -> Generator[Event, None, _CodedLevel]:
        """Code the level that looks nearest to the target, and others where what comes of it is not near enough."""
        coded: dict[int, _CodedLevel] = {}
        index = nearest_tried(tried)
        while True:
            coded[index] = yield from self._code(index, frames)
            best = min(coded.values(), key=lambda level: abs(level.miss))
            if abs(best.miss) * self._steepness <= NEAR_ENOUGH or len(coded) == MOST_CODED:
                return best
            # All levels are taken to look as much better or worse than in their trials as this one does.
            gap = coded[index].miss - tried.get(index, coded[index].miss)
            misses = {i: miss + gap for i, miss in tried.items()} | {i: level.miss for i, level in coded.items()}
            index = _guess(misses, self._steepness, len(self._levels) - 1)
            if index in coded:
                return best

    def _trial(self, level: BaseLevel, frames: Frames) -> float:
        """How much worse than wanted a segment is going to look at a level."""
        coded = encode_frames(frames, level.crf, level.scale, self._frame_rate, CHOICE_PRESET)
        return self._miss(level, np.stack([frame.picture for frame in coded]), frames) - self._slack

    def _code(self, index: int, frames: Frames) -> Generator[Event, None, _CodedLevel]:
        """A segment's base as the file will hold it."""
        level = self._levels[index]
        yield Phase(f"coding the base layer at {_in_words(level)}")
        coded = tuple(encode_frames(frames, level.crf, level.scale, self._frame_rate))
        return _CodedLevel(index, coded, self._miss(level, np.stack([frame.picture for frame in coded]), frames))

    def _miss(self, level: BaseLevel, pictures: Frames, frames: Frames) -> float:
        """How much worse than the target a segment looks with a base, judged on a few frames spread over it."""
        values = []
        for place in probe_frames(len(frames), 0)[::PLACES_APART]:
            first = max(0, min(place - CONTEXT // 2, len(frames) - CONTEXT))
            own, base = frames[first : first + CONTEXT], pictures[first : first + CONTEXT]
            restored = restore(self._prior, BaseClip(base, level.crf, level.scale), own, [place - first])
            values.append(float(self._metric(frames[place : place + 1], restored)[0]))
        worse = float(np.mean(values)) - self._target
        return worse if self._metric.lower_is_better else -worse


@dataclass(frozen=True)
class _CodedLevel:
    """A level by its index, a segment coded at it, and how much worse than wanted that looks."""

    index: int
    frames: tuple[BaseFrame, ...]
    miss: float


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

    def choose(self, frames: Frames) -> Generator[Event, None, BaseChoice]:
        """See `BaseChooser`."""
        search = coarsest(len(self._levels), self._last)
        self._last = yield from _ask(search, self._levels, lambda level: self._accepts(level, frames))
        return BaseChoice(self._levels[self._last])

    def _accepts(self, level: BaseLevel, frames: Frames) -> bool:
        size, _ = encode_clip(frames, level.crf, level.scale, self._frame_rate)
        return 8 * (size + RECORD_BYTES * len(frames)) <= BASE_SHARE * self._per_frame() * len(frames)


def levels(prior: VideoPrior) -> Sequence[BaseLevel]:
    """The prior's base levels, coarse to fine."""
    return [BaseLevel(crf, scale) for scale, crf in prior.base_levels]


def restore(prior: VideoPrior, base: BaseClip, frames: Frames, chosen: Sequence[int]) -> Frames:
    """Chosen frames of a GOP as the prior makes them of the base alone (t* = 0): uint8 (n, H, W, 3)."""
    count, height, width, _ = frames.shape
    condition = prior.prepare(base, count, height, width)
    shape = prior.geometry.latent_shape(count, height, width)
    walk = Walk(prior, condition, shape, seed=0, gop=0, known=None, reuse=prior.reuse)
    latent = walk.denoise(walk.start(), 0)
    return prior.preview(latent, 0, condition, chosen)


def _in_words(level: BaseLevel) -> str:
    return f"CRF {level.crf}" if level.scale == 1 else f"CRF {level.crf}, half size"


def _ask(
    search: Generator[int, Answer, Found], ladder: Sequence[BaseLevel], answer: Callable[[BaseLevel], Answer]
) -> Generator[Event, None, Found]:
    """Answer a search's questions about a ladder's levels until it has found something; says which level is tried."""
    try:
        index = next(search)
        while True:
            yield Phase(f"choosing the base layer: trying {_in_words(ladder[index])}")
            index = search.send(answer(ladder[index]))
    except StopIteration as found:
        result: Found = found.value
        return result


def nearest(count: int, start: int, steepness: float) -> Generator[int, float, Mapping[int, float]]:
    """Looks in 0..count-1 for the index whose miss is nearest to 0, with few questions; returns all the answers.

    Yields an index and is sent its miss, which falls with the index and is positive where that is too coarse.

    Args:
        steepness: indices for a unit of the miss, about; later guesses follow what was seen.
    """
    tried = {start: (yield start)}
    while len(tried) < MOST_QUESTIONS and min(map(abs, tried.values())) * steepness > GOOD_ENOUGH:
        guess = _guess(tried, steepness, count - 1)
        if guess in tried:
            break
        tried[guess] = yield guess
    return tried


def nearest_tried(tried: Mapping[int, float]) -> int:
    """The index with the miss nearest to 0; the coarser of two equals."""
    return min(tried, key=lambda index: (abs(tried[index]), index))


def _guess(tried: Mapping[int, float], steepness: float, last: int) -> int:
    """Where a straight line through the two points nearest to 0 meets it, or from the one there is."""
    too_coarse = max((index for index, miss in tried.items() if miss > 0), default=None)
    fine_enough = min((index for index, miss in tried.items() if miss <= 0), default=None)
    if too_coarse is not None and fine_enough is not None:
        share = tried[too_coarse] / (tried[too_coarse] - tried[fine_enough])
        return round(too_coarse + share * (fine_enough - too_coarse))
    edge = too_coarse if too_coarse is not None else fine_enough
    assert edge is not None
    ends = sorted(tried)
    if len(ends) > 1 and tried[ends[0]] > tried[ends[-1]]:
        steepness = (ends[-1] - ends[0]) / (tried[ends[0]] - tried[ends[-1]])
    stride = min(LONGEST_STRIDE, max(1, round(abs(tried[edge]) * steepness)))
    return min(last, max(0, edge + stride if tried[edge] > 0 else edge - stride))


def coarsest(count: int, start: int) -> Generator[int, bool, int]:
    """Finds the smallest index in 0..count-1 that is accepted, the last one if none before it is.

    Yields an index and is sent whether it is accepted; whatever comes after an accepted index is taken for accepted
    too. Gallops from `start`, so that a segment like the one before it costs two questions, then bisects. No index is
    asked about twice.
    """
    low, high = -1, count - 1
    probe, stride = start, 1
    while high - low > 1:
        if not low < probe < high:
            probe = (low + high) // 2
        if (yield probe):
            high, probe = probe, probe - stride
        else:
            low, probe = probe, probe + stride
        stride *= 2
    return high
