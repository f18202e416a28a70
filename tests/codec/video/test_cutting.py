"""Every frame lies in exactly one GOP's own part, and scenes are cut where they change."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.format.limits import MAX_SEGMENT_FRAMES
from codec.video import Frame, VideoReader
from codec.video.cutting import SHORTEST_SEGMENT, Cutter, SceneCuts, largest_gop, longest_segment, segments, windows
from tests.support.codec_runs import moving

shapes = st.integers(1, 64).flatmap(lambda length: st.tuples(st.just(length), st.integers(0, length - 1)))


@given(st.integers(0, 400), shapes)
def test_every_frame_is_in_exactly_one_own_part(count: int, shape: tuple[int, int]) -> None:
    length, overlap = shape
    made = list(windows(range(count), length, overlap))
    own = [item for window in made for item in window.items[window.overlap :]]
    assert own == list(range(count))
    assert all(len(window.items) > window.overlap for window in made)


@given(st.integers(1, 400), shapes)
def test_gops_overlap_and_have_their_length_but_for_the_last(count: int, shape: tuple[int, int]) -> None:
    length, overlap = shape
    made = list(windows(range(count), length, overlap))
    assert made[0].overlap == 0
    assert all(len(window.items) == length for window in made[:-1])
    assert len(made[-1].items) < length + max(1, (length - overlap) // 4)
    for before, after in pairwise(made):
        assert after.overlap == overlap
        assert after.items[:overlap] == before.items[len(before.items) - overlap :]


@given(shapes)
def test_a_short_tail_joins_the_gop_before_it(shape: tuple[int, int]) -> None:
    length, overlap = shape
    quarter = (length - overlap) // 4
    assert len(list(windows(range(length + max(0, quarter - 1)), length, overlap))) == 1
    assert len(list(windows(range(length + max(1, quarter)), length, overlap))) == 2


@given(shapes.filter(lambda shape: shape[0] <= MAX_SEGMENT_FRAMES))
def test_the_longest_segment_is_whole_gops(shape: tuple[int, int]) -> None:
    longest = longest_segment(*shape)
    assert longest <= MAX_SEGMENT_FRAMES
    assert longest + shape[0] - shape[1] > MAX_SEGMENT_FRAMES
    assert {len(window.items) for window in windows(range(longest), *shape)} == {shape[0]}


@pytest.mark.parametrize("length", [MAX_SEGMENT_FRAMES, 1000])
def test_a_gop_beyond_the_base_layers_reach_is_a_segment(length: int) -> None:
    assert longest_segment(length, 4) == MAX_SEGMENT_FRAMES


def _lengths(pictures: list[np.ndarray], longest: int = 240) -> list[int]:
    numbered: Iterator[tuple[int, np.ndarray]] = iter(enumerate(pictures))
    made = [list(segment) for segment in segments(numbered, longest)]
    assert [item for segment in made for item in segment] == list(range(len(pictures)))
    return [len(segment) for segment in made]


def _scene(count: int, level: int) -> list[np.ndarray]:
    return [(picture // 4 + level).astype(np.uint8) for picture in moving(count, seed=level)]


def test_a_cut_starts_a_segment_and_motion_does_not() -> None:
    assert _lengths([*_scene(20, 10), *_scene(30, 150)]) == [20, 30]
    assert _lengths(moving(50)) == [50]


def test_a_scene_too_short_to_pay_for_a_keyframe_is_no_segment() -> None:
    flash = SHORTEST_SEGMENT - 1
    assert _lengths([*_scene(20, 10), *_scene(flash, 150), *_scene(20, 10)]) == [20, 20 + flash]


def test_whoever_goes_on_at_a_segment_cuts_the_same() -> None:
    # As a resumed encode does; motion from before a cut must not decide about a later one.
    for seed in range(200):
        rng = np.random.default_rng(seed)
        shaking, levels = rng.uniform(0, 9), np.zeros(40)
        levels[20] = rng.uniform(40, 120)
        levels[28 + rng.integers(0, 6)] = -rng.uniform(20, 60)
        seen = 60 + np.cumsum(levels + shaking * (-1) ** np.arange(40))
        pictures = [np.full((36, 64, 3), np.clip(round(value), 0, 255), np.uint8) for value in seen]
        lengths = _lengths(pictures)
        assert _lengths(pictures[lengths[0] :]) == lengths[1:]


@given(shapes, st.integers(1, 500))
def test_no_gop_is_larger_than_the_largest(shape: tuple[int, int], count: int) -> None:
    length, overlap = shape
    segment = range(min(count, longest_segment(length, overlap)))
    sizes = [len(window.items) for window in windows(segment, length, overlap)]
    assert max(sizes) <= largest_gop(length, overlap)


def test_a_tail_that_joins_makes_the_largest_gop() -> None:
    (window,) = windows(range(largest_gop(48, 4)), 48, 4)
    assert (len(window.items), largest_gop(300, 4)) == (58, MAX_SEGMENT_FRAMES)


def test_a_segment_never_exceeds_its_length() -> None:
    assert _lengths(moving(25), longest=10) == [10, 10, 5]


def test_a_segment_travels_to_a_worker_whole_and_its_pixels_once() -> None:
    frames = [Frame(picture, Fraction(n, 25)) for n, picture in enumerate(moving(40))]
    (segment,) = Cutter(16, 4).cut(frames, next_gop=7, first_frame=100)
    sent = pickle.dumps(segment)
    assert len(sent) < 1.1 * segment.pixels.nbytes
    taken = pickle.loads(sent)
    assert np.array_equal(taken.pixels, segment.pixels)
    for ours, theirs in zip(segment.gops, taken.gops, strict=True):
        assert (ours.index, ours.start_frame, ours.overlap) == (theirs.index, theirs.start_frame, theirs.overlap)
        assert ours.times == theirs.times
        assert np.array_equal(ours.pixels, theirs.pixels)


def test_steady_flicker_is_not_cut() -> None:
    dark, bright = np.full((32, 48, 3), 60, np.uint8), np.full((32, 48, 3), 100, np.uint8)
    assert _lengths([dark, bright] * 30) == [60]


@pytest.mark.parametrize("size", [(1, 1), (2, 300), (17, 31)])
def test_any_size_has_a_thumbnail(size: tuple[int, int]) -> None:
    cuts = SceneCuts()
    assert not cuts.starts_scene(np.zeros((*size, 3), np.uint8))
    assert cuts.starts_scene(np.full((*size, 3), 255, np.uint8))


# Found by looking at the clips: one hard cut behind a dissolve; fades through black and titles, which cut nothing.
CUTS = {"08_nasa_dark_cuts_2audio.mp4": [202], "13_bbb_trailer_cuts_titles_720p.mp4": []}


@pytest.mark.parametrize("name", CUTS)
def test_real_cuts_are_found_and_fades_are_none(clips: Path, name: str) -> None:
    with VideoReader(clips / name, size=(96, 54)) as reader:
        lengths = _lengths([frame.pixels for frame in reader.frames()], longest=10_000)
    assert np.cumsum(lengths)[:-1].tolist() == CUTS[name]
