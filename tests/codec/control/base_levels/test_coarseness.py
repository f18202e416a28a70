"""The scale of levels: rising, and the same there and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.control.base_levels.coarseness import coarseness, crf_of
from codec.format.limits import MAX_CRF
from codec.goals import USUAL_CRF

levels = st.floats(0, MAX_CRF)


@given(levels)
def test_every_level_is_found_again(crf: float) -> None:
    assert crf_of(coarseness(crf)) == pytest.approx(crf, abs=1e-6)


@given(levels, st.floats(0.25, MAX_CRF))
def test_a_coarser_level_takes_fewer_bits(crf: float, more: float) -> None:
    other = min(crf + more, MAX_CRF)
    if other - crf >= 0.25:
        assert coarseness(other) > coarseness(crf)


def test_the_scale_begins_at_the_usual_level() -> None:
    assert coarseness(USUAL_CRF) == 0


def test_a_step_saves_most_where_the_quantiser_grows_fastest() -> None:
    assert coarseness(63) - coarseness(62) > 2 * (coarseness(53) - coarseness(52))
    assert coarseness(63) - coarseness(62) > 2 * (coarseness(69) - coarseness(68))


@given(st.floats(-1, 2))
def test_beyond_the_ends_there_is_the_end(far: float) -> None:
    assert 0 <= crf_of(far * 100) <= MAX_CRF
