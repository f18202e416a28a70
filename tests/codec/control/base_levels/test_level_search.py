"""The search for a quality's levels over synthetic curves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.control.base_levels.base_level import MOST_CODED, Ladder, LevelSearch
from codec.goals import GOAL_METRICS
from tests.support.synthetic_base import GopCurve, Searched, coder_of, searched, segment_of

TOLERANCE = GOAL_METRICS["dists"].tolerance
FINEST, COARSEST = 12.0, 68.0
curves = st.lists(
    st.builds(GopCurve, st.floats(0.1, 0.2), st.floats(3e2, 3e4), st.floats(0.03, 0.06), st.floats(0.8, 1.2)),
    min_size=1,
    max_size=5,
)


def found(gops: list[GopCurve], target: float, each: bool = True, **more: float) -> Searched:
    search = LevelSearch(coder_of(gops, target, **more), Ladder({1: (FINEST, COARSEST)}), each)
    return searched(search.choose(segment_of(len(gops))))


@given(curves, st.floats(0.08, 0.25), st.floats(-0.01, 0.01))
def test_every_gop_meets_the_target_as_coarsely_as_it_may(gops: list[GopCurve], target: float, better: float) -> None:
    one = found(gops, target, trial_better=better)
    misses = [quality - target for quality in one.chosen.chosen.qualities]
    assert max(misses) <= 1.5 * TOLERANCE or min(one.crfs) == FINEST
    # Where levels lie far apart some GOPs look better than their own level would have them.
    assert max(misses) >= -2 * TOLERANCE or max(one.crfs) >= COARSEST - 0.5
    assert [gop.verdict is not None and gop.verdict.reachable for gop in one.gops] == [
        miss <= TOLERANCE for miss in misses
    ]


@given(st.floats(0.05, 0.09), st.floats(0.05, 0.12), st.integers(1, 5))
def test_between_two_codings_the_target_is_found(quality: float, bend: float, count: int) -> None:
    # As a still picture takes to the coarsest levels: hardly at first, and then all at once.
    one = found([GopCurve(quality, 3e3, 0.042, bend=bend)] * count, 0.15)
    assert all(abs(quality - 0.15) <= 1.5 * TOLERANCE for quality in one.chosen.chosen.qualities), one.chosen


@given(curves, st.floats(0.02, 0.5), st.booleans())
def test_a_search_ends_soon_tells_why_and_how_far_it_is(gops: list[GopCurve], target: float, each: bool) -> None:
    one = found(gops, target, each)
    assert one.shares == sorted(one.shares)
    assert one.shares[-1] < 1.0
    assert one.chosen.reason.endswith(".")
    levels = [trial.crfs for trial in one.chosen.tried[1:]]
    assert 1 <= len(levels) == len(set(levels)) <= MOST_CODED
    assert one.chosen.chosen in one.chosen.tried


@given(curves)
def test_beyond_the_ladder_there_is_its_end(gops: list[GopCurve]) -> None:
    fine, coarse = found(gops, 0.001), found(gops, 0.9)
    assert set(fine.crfs) == {FINEST} or min(fine.chosen.chosen.qualities) <= 0.011
    assert min(coarse.crfs) >= COARSEST - 0.5
    assert all(gop.verdict is not None and gop.verdict.reachable for gop in coarse.gops)


def test_of_a_mean_no_gop_alone_misses_anything() -> None:
    gops = [GopCurve(quality, 3e3, 0.042) for quality in (0.10, 0.15, 0.2)]
    one = found(gops, 0.15, each=False)
    assert max(one.chosen.chosen.qualities) > 0.15 + TOLERANCE
    assert all(gop.verdict is not None and gop.verdict.reachable for gop in one.gops)
    hopeless = found([GopCurve(0.4, 3e3, 0.042)] * 3, 0.1, each=False)
    assert not any(gop.verdict is None or gop.verdict.reachable for gop in hopeless.gops)


def test_what_decided_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "freegvc")
    one = found([GopCurve(0.15, 3e3, 0.042)] * 2, 0.15)
    assert caplog.messages[-1] == f"base from GOP 0 on: {one.chosen.reason}"
    assert len(caplog.messages) == len(one.chosen.tried) + 1
    assert f"CRF {one.crfs[0]:g}" in caplog.text
