"""BD-rate against the package bjontegaard 1.3.0 (PCHIP), whose example data these are, and by its own laws."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.errors import InputError
from codec.reproduce.bd_rate import Curve, bd_rate

ANCHOR = [(9487.76, 40.037), (4593.60, 38.615), (2486.44, 36.845), (1358.24, 34.851)]
TEST = [(9787.80, 40.121), (4469.00, 38.651), (2451.52, 36.970), (1356.24, 34.987)]
DISTANCE_ANCHOR = [(20.0, 0.31), (40.0, 0.24), (80.0, 0.18), (160.0, 0.13), (320.0, 0.10)]
DISTANCE_TEST = [(12.0, 0.30), (30.0, 0.22), (75.0, 0.15), (180.0, 0.095)]


def test_equals_the_published_example() -> None:
    assert bd_rate(ANCHOR, TEST, lower_is_better=False) == pytest.approx(-4.417485350589045, rel=1e-9)


def test_distances_and_unequal_numbers_of_points() -> None:
    assert bd_rate(DISTANCE_ANCHOR, DISTANCE_TEST, lower_is_better=True) == pytest.approx(-40.20569878800039, rel=1e-9)


curves = st.lists(st.tuples(st.floats(0.01, 3), st.floats(0.01, 5)), min_size=2, max_size=7).map(
    lambda gaps: [
        (10 * sum(r for r, _ in gaps[: i + 1]), 30 + sum(q for _, q in gaps[: i + 1])) for i in range(len(gaps))
    ]
)


@given(curves, st.floats(0.1, 10))
def test_scaling_all_rates_is_the_bd_rate(curve: Curve, factor: float) -> None:
    scaled = [(rate * factor, quality) for rate, quality in curve]
    assert bd_rate(curve, scaled, lower_is_better=False) == pytest.approx((factor - 1) * 100, abs=1e-6)


@given(curves, curves)
def test_swapping_inverts(one: Curve, other: Curve) -> None:
    try:
        there = bd_rate(one, other, lower_is_better=False)
    except InputError:
        with pytest.raises(InputError):
            bd_rate(other, one, lower_is_better=False)
        return
    back = bd_rate(other, one, lower_is_better=False)
    assert (1 + there / 100) * (1 + back / 100) == pytest.approx(1, rel=1e-6)


@given(st.permutations(ANCHOR), st.permutations(TEST))
def test_order_of_points_is_free(anchor: Curve, test: Curve) -> None:
    assert bd_rate(anchor, test, lower_is_better=False) == pytest.approx(-4.417485350589045, rel=1e-9)


def test_dominated_points_are_left_out() -> None:
    worse = [*TEST, (3000.0, 36.0), (20000.0, 40.121)]
    assert bd_rate(ANCHOR, worse, lower_is_better=False) == pytest.approx(-4.417485350589045, rel=1e-9)


def test_no_overlap_is_said() -> None:
    better = [(rate, quality + 10) for rate, quality in TEST]
    with pytest.raises(InputError, match=r"no overlap in quality \(anchor 34\.85 to 40\.04, test 44\.99 to 50\.12\)"):
        bd_rate(ANCHOR, better, lower_is_better=False)


@pytest.mark.parametrize(
    "curve", [[], [(1.0, 30.0)], [(2.0, 30.0), (1.0, 30.0)], [(0.0, 30.0), (1.0, 31.0)], [(1.0, float("nan"))] * 2]
)
def test_unusable_curves_are_refused(curve: Curve) -> None:
    with pytest.raises(InputError, match="test curve"):
        bd_rate(ANCHOR, curve, lower_is_better=False)
