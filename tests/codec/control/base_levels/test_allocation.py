"""The cheapest levels: what they promise by their own model, whatever the GOPs are like."""

from __future__ import annotations

from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.control.base_levels.allocation import SPREAD, WIDE_SPREAD, Allocation, GopHistory
from codec.control.base_levels.coarseness import coarseness, crf_of
from codec.control.base_levels.curves import Parabola, RestorationCurve, bits_at, crf_for
from codec.format.limits import MAX_RESTORATION

PER_HALVING = 0.05
LOW, HIGH = 40.0, 68.0
SLACK = 0.005
gops = st.lists(st.tuples(st.floats(45, 65), st.floats(1e3, 1e5), st.floats(-0.08, 0.08)), min_size=1, max_size=5)


def allocation(rows: list[tuple[float, float, float]]) -> Allocation:
    return Allocation([GopHistory(((crf, miss),), bits) for crf, bits, miss in rows], PER_HALVING, LOW, HIGH, SLACK)


def expected(plan: Allocation, crfs: list[float]) -> list[float]:
    return [gop.miss(crf, PER_HALVING) for gop, crf in zip(plan.gops, crfs, strict=True)]


@given(gops, st.floats(-0.02, 0.02))
def test_levels_are_near_each_other_and_none_is_too_coarse_for_its_gop(
    rows: list[tuple[float, float, float]], allowed: float
) -> None:
    plan = allocation(rows)
    crfs = plan.levels(allowed)
    assert all(LOW <= crf <= HIGH and (4 * crf) % 1 == 0 for crf in crfs)
    assert max(crfs) - min(crfs) <= WIDE_SPREAD
    owns = [crf_for([(crf, miss - allowed - SLACK)], PER_HALVING) for crf, _, miss in rows]
    assert all(level <= max(own, LOW) + 0.13 for level, own in zip(crfs, owns, strict=True))


@given(gops, st.floats(-0.02, 0.02))
def test_the_mean_is_met(rows: list[tuple[float, float, float]], allowed: float) -> None:
    plan = allocation(rows)
    crfs = plan.levels(allowed)
    mean = fmean(expected(plan, crfs))
    assert mean <= allowed + 1e-9 or max(crfs) == LOW


@given(gops, st.floats(-0.05, 0.05), st.floats(0, 0.05))
def test_who_asks_for_less_pays_no_more(rows: list[tuple[float, float, float]], allowed: float, more: float) -> None:
    plan = allocation(rows)
    fine, coarse = plan.levels(allowed), plan.levels(allowed + more)
    # But for what a quarter of a CRF is.
    assert plan.bits(fine) >= plan.bits(coarse) * 2**-0.12


def test_one_gop_meets_its_target() -> None:
    (found,) = allocation([(60.0, 1000.0, 0.02)]).levels(0.0)
    assert coarseness(found) == pytest.approx(-0.02 / PER_HALVING, abs=0.03)


def test_a_bad_gop_is_helped_alone() -> None:
    crfs = allocation([(60.0, 9000.0, 0.0), (60.0, 900.0, 0.0), (60.0, 900.0, 0.03)]).levels(0.0)
    assert crfs[2] < crfs[0] == crfs[1]
    assert crfs[0] == crfs[2] + SPREAD


def test_a_fade_among_still_pictures_does_not_make_all_of_them_finer() -> None:
    rows = [(60.0, 9000.0, 0.0), (60.0, 900.0, 0.0), (60.0, 900.0, 0.11), (60.0, 900.0, -0.01)]
    plan = allocation(rows)
    crfs = plan.levels(0.0)
    assert crfs[2] <= 50.0
    assert min(crfs[0], crfs[1], crfs[3]) >= 58.0
    assert plan.bits(crfs) < plan.bits([crfs[2] + SPREAD, crfs[2] + SPREAD, crfs[2], crfs[2] + SPREAD])


def test_bits_double_where_the_scale_says_so() -> None:
    assert bits_at(1000, 60, 60) == 1000
    assert bits_at(1000, 60, crf_of(-1)) == pytest.approx(2000)
    assert bits_at(1000, 60, crf_of(1)) == pytest.approx(500)


@given(st.floats(-0.5, 0.5), st.floats(-0.1, 0.1), st.floats(0.03, 0.12))
def test_a_line_is_followed_to_where_it_meets_the_target(coarse: float, miss: float, slope: float) -> None:
    points = [(crf_of(coarse), miss), (crf_of(coarse + 0.5), miss + 0.5 * slope)]
    found = coarseness(crf_for(points, PER_HALVING))
    exact = coarse - miss / slope
    stride = min(abs(found - coarse), abs(found - coarse - 0.5))
    assert abs(found - exact) <= 1e-6 or stride >= 0.8 - 1e-6


@given(st.floats(0, MAX_RESTORATION), st.floats(1e-4, 1e-3), st.floats(-0.05, 0.05))
def test_the_best_step_of_a_parabola_is_found(vertex: float, curvature: float, lowest: float) -> None:
    truth = Parabola(vertex, lowest, curvature)
    curve = RestorationCurve(PER_HALVING)
    first = curve.learn({step: truth.at(step) for step in curve.steps})
    assert first.best == pytest.approx(vertex, abs=0.51)
    # The curvature is known now, so that two points tell the rest.
    assert len(curve.steps) == 2
    moved = Parabola(MAX_RESTORATION - vertex, lowest, curvature)
    second = curve.learn({step: moved.at(step) for step in curve.steps})
    assert second.best == pytest.approx(moved.vertex, abs=0.51)
    assert second.at(second.best) == pytest.approx(lowest, abs=curvature)


@given(st.lists(st.floats(-0.1, 0.1), min_size=3, max_size=3), st.lists(st.floats(-0.1, 0.1), min_size=2, max_size=2))
def test_whatever_is_measured_the_step_exists(first: list[float], second: list[float]) -> None:
    curve = RestorationCurve(PER_HALVING)
    for values in (first, second):
        found = curve.learn(dict(zip(curve.steps, values, strict=True)))
        assert 0 <= found.best <= MAX_RESTORATION
        assert found.lowest <= min(values) + 1e-9
