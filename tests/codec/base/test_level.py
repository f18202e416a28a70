"""Levels inside one stream: near what was wanted, and what SVT-AV1 makes of them."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.arrays import Picture
from codec.base import svt
from codec.base.av1 import BaseDecoder, BaseEncoder, encode_frames, encode_segment, levels_may_change
from codec.base.level import StreamLevels
from tests.support import skips
from tests.support.codec_runs import moving

RATE = Fraction(25)
quarters = st.integers(0, 280).map(lambda quarter: quarter / 4)


@pytest.fixture(scope="module")
def frames() -> Picture:
    return np.stack(moving(60))


@pytest.fixture
def without_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codec.base.av1.trusted_library", lambda: None)


def needs_library() -> None:
    if not levels_may_change():
        pytest.skip(skips.NO_SVT)


@given(st.lists(quarters, min_size=1, max_size=6))
def test_levels_are_within_half_a_step_and_no_change_is_said_twice(wanted: list[float]) -> None:
    starts = [44 * gop for gop in range(len(wanted))]
    levels = StreamLevels.nearest(wanted, starts)
    added = levels.crf % 1 if levels.crf < 64 else levels.crf - 63
    told, now = [], int(levels.crf - added)
    for start in starts:
        now = levels.changes.get(start, now)
        told.append(now + added)
    assert tuple(told) == levels.crfs
    # Where one level lies beyond the quantiser's end, what is added to it is added to all: none is finer than that.
    assert all(abs(a - b) <= 0.5 or a == added > b for a, b in zip(levels.crfs, wanted, strict=True))
    assert set(levels.changes) <= set(starts)


@given(quarters, st.integers(1, 5))
def test_equal_levels_need_no_change(crf: float, gops: int) -> None:
    levels = StreamLevels.nearest([crf] * gops, [44 * gop for gop in range(gops)])
    assert levels == StreamLevels.constant(crf, gops)


@pytest.mark.parametrize("wanted", [[], [60.0, 71.0], [-1.0, 3.0], [50.0]])
def test_what_no_stream_can_have_is_refused(wanted: list[float]) -> None:
    with pytest.raises(ValueError, match="levels for"):
        StreamLevels.nearest(wanted, [0, 44])


@pytest.mark.usefixtures("without_library")
def test_one_level_codes_the_same_bytes_either_way(frames: Picture) -> None:
    wrapped = [frame.packet for frame in encode_frames(frames, 58.25, 1, RATE, 8)]
    library = svt.trusted_library()
    if library is None:
        needs_library()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("codec.base.av1.trusted_library", lambda: library)
        assert [frame.packet for frame in encode_frames(frames, 58.25, 1, RATE, 8)] == wrapped


@pytest.mark.parametrize("crfs", [(60.0, 40.0, 60.0), (66.25, 50.0, 58.0), (45.5, 63.5, 30.25)])
def test_a_finer_gop_is_finer_and_one_keyframe_serves_all(frames: Picture, crfs: tuple[float, ...]) -> None:
    needs_library()
    starts = (0, 20, 40)
    levels = StreamLevels.nearest(crfs, starts)
    coded = list(encode_segment(frames, levels, 1, RATE, 8))
    again = list(encode_segment(frames, levels, 1, RATE, 8))
    assert [frame.packet for frame in coded] == [frame.packet for frame in again]
    assert [frame.packet[0] >> 3 & 15 == 1 for frame in coded] == [True] + [False] * 59
    decoder = BaseDecoder(frames.shape[2], frames.shape[1])
    for frame in coded:
        np.testing.assert_array_equal(decoder.decode(frame.packet), frame.picture)
    # The last frames of a part, since what is coded before a change serves the frames after it for a while.
    errors = [_error(coded[start + 12 + n].picture, frames[start + 12 + n]) for start in starts for n in range(8)]
    means = np.mean(np.reshape(errors, (3, 8)), 1)
    assert np.argsort(means).tolist() == np.argsort(crfs).tolist() or len(set(crfs)) < 3
    assert means[int(np.argmin(crfs))] == means.min()


@pytest.mark.usefixtures("without_library")
def test_without_the_library_there_is_one_level(frames: Picture) -> None:
    assert not levels_may_change()
    with pytest.raises(ValueError, match="can't change"):
        BaseEncoder(32, 32, StreamLevels.nearest([60.0, 50.0], [0, 20]), 1, RATE)
    assert len(list(encode_frames(frames[:5], 60.5, 1, RATE, 10))) == 5


def test_a_library_of_another_version_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(svt, "VERSION", "v99.")
    assert svt.find_library() is None


@pytest.fixture
def looked_for_again() -> Iterator[None]:
    """The library is looked for once by a process: again behind a test that looks for a false one."""
    needs_library()
    yield
    svt.trusted_library.cache_clear()


@pytest.mark.usefixtures("looked_for_again")
def test_a_library_that_codes_otherwise_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    send = svt.SvtStream.send

    def wrong(self: Any, planes: Picture, pts: int, qp: int | None) -> None:
        send(self, 255 - planes, pts, qp)

    monkeypatch.setattr(svt.SvtStream, "send", wrong)
    svt.trusted_library.cache_clear()
    assert svt.trusted_library() is None
    assert svt.find_library() is not None


def test_a_stream_that_is_given_up_leaves_nothing_to_read(frames: Picture) -> None:
    coding = encode_segment(frames, StreamLevels.constant(60), 1, RATE, 8)
    next(coding)
    coding.close()
    assert list(coding) == []


def _error(a: Picture, b: Picture) -> float:
    return float(np.mean((a.astype(float) - b) ** 2))
