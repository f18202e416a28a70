"""The coarsest base that will do, found with few encodes."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from fractions import Fraction
from typing import TypeVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.base.av1 import encode_clip, encode_frames
from codec.control.base_level import (
    BaseChoice,
    BaseChooser,
    BaseLevel,
    QualityBase,
    RateBase,
    Segment,
    levels,
)
from codec.control.ladder import GOOD_ENOUGH, MOST_QUESTIONS, SPARE, finest, nearest, nearest_tried
from codec.control.probing import PROBE_FRAMES, base_quality, probe_frames
from codec.control.quality import Aim
from codec.events import Event, Phase
from codec.metrics.psnr import Psnr
from codec.priors.base import BaseClip
from codec.priors.gaussian import GaussianPrior
from codec.video.cutting import windows
from tests.support.codec_runs import moving

RATE = Fraction(25)
Answer = TypeVar("Answer")
Found = TypeVar("Found")


def run(search: Generator[int, Answer, Found], answer: Callable[[int], Answer]) -> Found:
    """A search with its questions answered."""
    try:
        index = next(search)
        while True:
            index = search.send(answer(index))
    except StopIteration as found:
        result: Found = found.value
        return result


def chosen(chooser: BaseChooser, frames: np.ndarray) -> tuple[list[Event], BaseChoice]:
    """What a chooser tells on its way, and what it settles on."""
    choosing, events = chooser.choose(Segment(frames, 0)), []
    while True:
        try:
            events.append(next(choosing))
        except StopIteration as found:
            choice: BaseChoice = found.value
            return events, choice


def chosen_level(chooser: BaseChooser, frames: np.ndarray) -> BaseLevel:
    return chosen(chooser, frames)[1].level


@given(st.lists(st.floats(-8, 8), min_size=1, max_size=64), st.floats(0.1, 40), st.data())
def test_it_is_the_finest_that_fits_or_nearly(excesses: list[float], steps: float, data: st.DataObject) -> None:
    excesses.sort()
    start = data.draw(st.integers(0, len(excesses) - 1))
    asked: list[int] = []

    def answer(index: int) -> float:
        asked.append(index)
        return excesses[index]

    found = run(finest(len(excesses), start, steps), answer)
    assert len(set(asked)) == len(asked)
    best = max((index for index, excess in enumerate(excesses) if excess <= 0), default=0)
    assert found == best or -SPARE <= excesses[found] <= 0
    assert found in asked


@given(st.integers(1, 150), st.integers(0, 150), st.floats(15, 25))
def test_a_curve_as_usual_costs_few_questions(wanted: int, start: int, steps: float) -> None:
    asked: list[int] = []

    def answer(index: int) -> float:
        asked.append(index)
        return (index - wanted - 0.5) / steps

    assert wanted - 1 <= run(finest(152, start, 19.0), answer) <= wanted
    assert len(asked) <= 6


@given(st.integers(1, 200), st.data())
def test_probe_frames_are_spread_over_the_own_part(count: int, data: st.DataObject) -> None:
    overlap = data.draw(st.integers(0, count - 1))
    chosen = probe_frames(count, overlap)
    assert 1 <= len(chosen) <= PROBE_FRAMES
    assert chosen == sorted(set(chosen))
    assert overlap <= chosen[0]
    assert chosen[-1] < count


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    return np.stack(moving(8, 64, 48))


def test_a_budget_takes_the_finest_base_that_fits(frames: np.ndarray) -> None:
    prior = GaussianPrior()
    sizes = [8 * encode_clip(frames, level.crf, level.scale, RATE)[0] / len(frames) for level in levels(prior)]
    assert sizes == sorted(sizes)
    for allowed in (0.5 * sizes[0], 1.2 * sizes[0], 1.2 * sizes[1], 1.2 * sizes[2]):
        chosen = chosen_level(RateBase(prior, lambda allowed=allowed: allowed, RATE), frames)
        fitting = [level for level, size in zip(levels(prior), sizes, strict=True) if size + 8 <= 0.98 * allowed]
        assert chosen == (fitting[-1] if fitting else levels(prior)[0])


def test_a_budget_is_asked_anew_at_every_segment(frames: np.ndarray) -> None:
    left = [1e9]
    chooser = RateBase(GaussianPrior(), lambda: left[0], RATE)
    assert chosen_level(chooser, frames) == levels(GaussianPrior())[-1]
    left[0] = 0.0
    assert chosen_level(chooser, frames) == levels(GaussianPrior())[0]


@given(st.integers(1, 42), st.floats(-50, 50), st.floats(0.2, 5), st.data())
def test_the_nearest_level_is_found_with_few_questions(
    count: int, zero: float, slope: float, data: st.DataObject
) -> None:
    start, wrong = count // 2, data.draw(st.floats(0.8, 3))
    asked: list[int] = []

    def miss(index: int) -> float:
        asked.append(index)
        return slope * (zero - index)

    found = nearest_tried(run(nearest(count, start, wrong / slope), miss))
    assert all(0 <= index < count for index in asked)
    assert len(asked) == len(set(asked)) <= MOST_QUESTIONS
    best = min(abs(zero - index) for index in range(count))
    assert abs(zero - found) <= max(best, GOOD_ENOUGH / wrong) + 1e-6


def test_a_curve_that_bends_is_met_within_two_crfs() -> None:
    for zero in (12.8, 70.0, 152.4):
        found = nearest_tried(run(nearest(164, 80, 40.0), lambda index, zero=zero: math.exp((zero - index) / 60) - 1))
        assert abs(found - zero) <= 8


class FinerPrior(GaussianPrior):
    """With a base level beyond those that the tests want."""

    base_levels = ((1, 50), (1, 40), (1, 30))


PRIOR = FinerPrior()


def quality_base(target: float, tolerance: float = 0.01) -> QualityBase:
    """A chooser that judges GOPs of 8 frames by PSNR."""
    return QualityBase(PRIOR, Psnr(), Aim(target, tolerance, lower_is_better=False), RATE, 8, seed=0)


def reached(frames: np.ndarray, level: BaseLevel) -> list[float]:
    """PSNR of every GOP of a segment with the base alone."""
    _, pictures = encode_clip(frames, level.crf, level.scale, RATE)
    values = []
    for gop, window in enumerate(windows(range(len(frames)), 8, PRIOR.geometry.overlap_frames)):
        own = slice(window.items[0], window.items[-1] + 1)
        base = BaseClip(pictures[own], level.crf, level.scale)
        chosen = probe_frames(len(window.items), window.overlap)
        values.append(base_quality(PRIOR, Psnr(), base, frames[own], chosen, 0, gop))
    return values


def test_a_quality_takes_the_base_nearest_to_it(frames: np.ndarray) -> None:
    values = [reached(frames, level)[0] for level in levels(PRIOR)]
    assert values == sorted(values)
    for index, value in enumerate(values):
        assert chosen_level(quality_base(value), frames) == levels(PRIOR)[index]
    assert chosen_level(quality_base(99.0), frames) == levels(PRIOR)[-1]


def test_no_gop_of_a_segment_looks_worse_than_asked_for() -> None:
    frames = np.stack(moving(20, 64, 48))
    frames[8:16] = frames[8:16, ::-1, ::-1] // 2 + np.random.default_rng(0).integers(0, 64, (8, 48, 64, 3), np.uint8)
    coarse, wanted, _ = (reached(frames, level) for level in levels(PRIOR))
    tolerance = 0.5
    target = min(wanted) + tolerance / 2
    assert float(np.mean(coarse)) > target  # on average the coarser base would do
    _, choice = chosen(quality_base(target, tolerance), frames)
    assert choice.level == levels(PRIOR)[1]
    assert choice.qualities == pytest.approx(wanted, abs=1e-9)


def test_every_level_that_is_tried_is_named(frames: np.ndarray) -> None:
    prior = GaussianPrior()
    events = list(RateBase(prior, lambda: 0.0, RATE).choose(Segment(frames, 0)))
    assert events
    assert all(isinstance(event, Phase) and "trying CRF" in event.name for event in events)


def test_the_coded_base_is_what_the_encoder_would_make_again(frames: np.ndarray) -> None:
    events, choice = chosen(quality_base(30.0), frames)
    assert [type(event) for event in events] == [Phase] * len(events)
    again = encode_frames(frames, choice.level.crf, choice.level.scale, RATE)
    assert [frame.packet for frame in choice.coded] == [frame.packet for frame in again]
