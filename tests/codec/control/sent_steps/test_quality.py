"""Adaptive Quality Control on curves whose truth is known."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.control.sent_steps.prefixes import MeasuredGop, refit
from codec.control.sent_steps.quality import (
    Aim,
    Decision,
    QualityController,
    QualitySearch,
    pick,
    retarget,
)
from codec.control.sent_steps.surrogate import Surrogate, estimate
from codec.errors import SettingsError

TARGET, TOLERANCE = 0.15, 0.01
STEPS = 24

TRUTHS: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    "logarithmic": lambda rate, level: 0.12 - 0.06 * np.log(rate + 0.02) + level,
    "power": lambda rate, level: 0.11 * (rate + 0.02) ** -0.45 * math.exp(5 * level),
    "exponential": lambda rate, level: 0.3 * np.exp(-4 * rate) + 0.08 + level,
}


@dataclass(frozen=True)
class Gop:
    """A GOP as it truly is: what each prefix costs, and how it looks."""

    bits: tuple[int, ...]
    qualities: tuple[float, ...]


def film(truth: str, seed: int, base: bool, gops: int = 60) -> list[Gop]:
    """Level and complexity drift from GOP to GOP and jump at a cut in every 20th; each measurement is noisy."""
    rng = np.random.default_rng(seed)
    level, complexity, made = 0.0, 1.0, []
    for number in range(gops):
        cut = number % 20 == 19
        level = rng.normal(0, 0.03) if cut else level + rng.normal(0, 0.004)
        complexity *= math.exp(rng.normal(0, 0.4 if cut else 0.03))
        costs = complexity * 2000 * 1.15 ** np.arange(STEPS)
        bits = np.concatenate([[0], np.cumsum(costs)]) + 8000 * complexity * base
        qualities = TRUTHS[truth](bits / bits[-1], level) + rng.normal(0, 0.002, STEPS + 1)
        made.append(Gop(tuple(map(int, bits)), tuple(map(float, qualities))))
    return made


def run(search: QualitySearch, gop: Gop, sign: float = 1.0) -> Decision:
    for _ in range(len(gop.bits) + 1):
        step = search.next_probe()
        if step is None:
            return search.decision()
        search.observe(step, sign * gop.qualities[step])
    raise AssertionError("the search does not end")


@pytest.mark.parametrize("base", [True, False])
@pytest.mark.parametrize("truth", TRUTHS)
@pytest.mark.parametrize("sign", [1.0, -1.0], ids=["lower is better", "higher is better"])
def test_the_target_is_met_with_few_probes(truth: str, base: bool, sign: float) -> None:
    within, probes = [], []
    for seed in range(5):
        control = QualityController(sign * TARGET, TOLERANCE, lower_is_better=sign > 0)
        for number, gop in enumerate(film(truth, seed, base)):
            decision = run(control.begin(gop.bits, 44), gop, sign)
            if number == 0:
                assert 3 <= len(decision.probes) <= 5
            else:
                probes.append(len(decision.probes))
            reachable = min(abs(quality - TARGET) for quality in gop.qualities) <= TOLERANCE
            if reachable:
                within.append(abs(gop.qualities[decision.step] - TARGET) <= TOLERANCE)
    assert len(within) > 200
    assert np.mean(within) >= 0.9
    assert np.mean(probes) <= 1.5
    assert max(probes) <= 3


@pytest.mark.parametrize("truth", TRUTHS)
def test_the_surrogate_names_the_true_form_and_predicts_it(truth: str) -> None:
    surrogate = Surrogate()
    rates = np.array([0.05, 0.1, 0.2, 0.4, 0.7, 1.0])
    offset = 0.0 if truth == "exponential" else -0.01  # the surrogate's own offset is 0.01
    points = list(zip(rates.tolist(), TRUTHS[truth](rates + offset, 0.0).tolist(), strict=True))
    surrogate.learn(points, points[2], 1.0)
    curve = surrogate.fit(())
    assert curve.form.name == truth
    assert surrogate.level is not None
    expected = float(TRUTHS[truth](np.array([0.3 + offset]), 0.0)[0])
    assert curve.through(surrogate.level, 0.3) == pytest.approx(expected, abs=1e-3)


def test_a_controlled_run_does_not_flatten_the_slope() -> None:
    # Every GOP ends at the target, whatever its rate: a regression across GOPs would find no slope at all.
    surrogate = Surrogate()
    surrogate.learn([(0.1, 0.25), (0.4, 0.15), (1.0, 0.1)], (0.4, 0.15), 0.03)
    before = surrogate.fit(()).slope
    for rate in np.linspace(0.2, 0.9, 50):
        point = (float(rate), TARGET)
        surrogate.learn([point], point, 0.03)
    assert surrogate.fit(()).slope == before
    assert surrogate.level == pytest.approx((0.9, TARGET), abs=0.01)


def ladder(qualities: Sequence[float], base: int = 500) -> Gop:
    return Gop(tuple(base + 1000 * n for n in range(len(qualities))), tuple(qualities))


@pytest.mark.parametrize(
    ("qualities", "expected", "reachable"),
    [
        ([0.30] * 9, 0, False),  # steps that change nothing are not sent
        ([0.30 + 0.01 * n for n in range(9)], 0, False),  # nor steps that do harm
        ([0.14 + 0.01 * n for n in range(9)], 0, True),
        ([0.05] * 9, 0, True),
        ([0.40, 0.35, 0.30, 0.28, 0.27, 0.262, 0.261, 0.2605, 0.26], 5, False),  # gains below half the tolerance
        ([0.40, 0.30, 0.20, 0.15, 0.15, 0.15, 0.15, 0.15, 0.15], 3, True),
    ],
)
def test_bits_that_do_not_earn_themselves_are_not_spent(qualities: list[float], expected: int, reachable: bool) -> None:
    control = QualityController(TARGET, TOLERANCE)
    gop = ladder(qualities)
    for _ in range(8):
        decision = run(control.begin(gop.bits, 44), gop)
    assert decision.step == pytest.approx(expected, abs=1 if expected > 0 else 0)
    assert decision.reachable is reachable
    assert decision.bits == gop.bits[decision.step]


def test_a_dip_in_the_middle_is_found() -> None:
    gop = ladder([0.3, 0.25, 0.2, 0.16, 0.15, 0.17, 0.2, 0.22, 0.24])
    control = QualityController(TARGET, TOLERANCE)
    assert run(control.begin(gop.bits, 44), gop).step in (3, 4)
    assert run(control.begin(gop.bits, 44), gop).step in (3, 4)


@given(
    st.lists(st.lists(st.floats(0, 200), min_size=12, max_size=12), min_size=1, max_size=5),
    st.lists(st.integers(0, 10**7), min_size=12, max_size=12),
    st.floats(-10, 60),
    st.booleans(),
)
def test_any_curve_ends_in_a_decision(
    films: list[list[float]], costs: list[int], target: float, lower_is_better: bool
) -> None:
    control = QualityController(target, TOLERANCE, lower_is_better)
    bits = tuple(int(n) for n in np.cumsum(costs))
    for number, qualities in enumerate(films):
        decision = run(control.begin(bits, 44), Gop(bits, tuple(qualities)))
        assert len(decision.probes) <= (3 if number else 5)
        assert decision.quality is not None
        assert math.isfinite(decision.quality)
        if decision.measured:
            assert decision.quality == qualities[decision.step]
        hits = [probe for probe in decision.probes if abs(probe.quality - target) <= TOLERANCE]
        if hits:
            assert decision.step == min(probe.step for probe in hits)


@pytest.mark.parametrize("length", [1, 2, 3])
def test_short_ladders_are_enough(length: int) -> None:
    control = QualityController(TARGET)
    gop = ladder([0.3, 0.15, 0.1][:length], base=0)
    decision = run(control.begin(gop.bits, 1), gop)
    assert decision.step == min(1, length - 1)


def test_a_perfect_picture_has_an_infinite_psnr() -> None:
    control = QualityController(38.0, 0.1, lower_is_better=False)
    gop = ladder([30.0, 34.0, math.inf, math.inf])
    assert run(control.begin(gop.bits, 44), gop).step == 2


def test_the_first_gop_can_not_be_judged_unseen() -> None:
    search = QualityController(TARGET).begin((0, 100), 44)
    with pytest.raises(ValueError, match="before anything is measured"):
        search.decision()
    for step, quality in ((2, 0.1), (-1, 0.1), (0, math.nan)):
        with pytest.raises(ValueError, match="quality"):
            search.observe(step, quality)


@pytest.mark.parametrize(("target", "tolerance"), [(math.nan, 0.01), (math.inf, 0.01), (0.1, 0.0), (0.1, -1.0)])
def test_a_senseless_target_is_refused(target: float, tolerance: float) -> None:
    with pytest.raises(SettingsError):
        QualityController(target, tolerance)


def test_between_two_measured_prefixes_the_estimate_lies_between_them() -> None:
    curve = Surrogate().fit([(0.1, 0.3), (1.0, 0.1)])
    rates = [0.1, 0.3, 0.6, 1.0]
    qualities = estimate(rates, {0: 0.3, 3: 0.1}, curve, None)
    assert qualities[0] == 0.3
    assert qualities[3] == 0.1
    assert list(qualities) == sorted(qualities, reverse=True)


def test_a_file_is_aimed_lower_after_the_fact() -> None:
    bits = (1000, 2000, 4000, 8000, 16000, 32000)
    measured = {1: 0.30, 5: 0.10}
    steps = [retarget(measured, bits, Aim(target, TOLERANCE, True)) for target in (0.05, 0.10, 0.15, 0.20, 0.30, 0.9)]
    assert steps == [5, 5, 4, 3, 1, 1]
    assert retarget({}, bits, Aim(0.2, TOLERANCE, True)) == 5
    assert retarget({3: 0.2}, bits, Aim(0.2, TOLERANCE, True)) == 3


def test_the_earliest_measured_hit_wins() -> None:
    aim = Aim(TARGET, TOLERANCE, True)
    assert pick(aim, [0.3, 0.155, 0.15, 0.1], {1: 0.155, 2: 0.15}) == 1
    assert pick(aim, [0.3, 0.154, 0.15, 0.1], {}) == 1
    assert pick(aim, [0.3, 0.158, 0.15, 0.1], {}) == 2


def test_a_new_scene_is_searched_as_if_nothing_had_been_before_it() -> None:
    # Else a file's bytes would tell in which order, or by how many, its scenes were coded.
    control = QualityController(TARGET)
    before, *after = film("logarithmic", 1, True)[20:23]
    run(control.begin(before.bits, 44), before)
    control.new_scene()
    fresh = QualityController(TARGET)
    for gop in after:
        assert run(control.begin(gop.bits, 44), gop) == run(fresh.begin(gop.bits, 44), gop)


def grow(control: QualityController, gop: Gop, most: float, depth: int, stride: int = 4) -> tuple[Decision, int]:
    """As an encoder does: about as deep as the last GOP first, and deeper while the search wants that."""
    length = min(len(gop.bits), 1 + depth)
    search = control.begin(gop.bits[:length], 44)
    while True:
        while (step := search.next_probe()) is not None:
            search.observe(step, gop.qualities[step])
        if length == len(gop.bits) or not search.wants_more(most):
            return search.decision(), length - 1
        length = min(len(gop.bits), length + stride)
        search.extend(gop.bits[:length])


@pytest.mark.parametrize("base", [True, False])
@pytest.mark.parametrize("truth", TRUTHS)
def test_a_ladder_that_grows_meets_the_target_too(truth: str, base: bool) -> None:
    within, deeper, probes = [], [], []
    for seed in range(3):
        control = QualityController(TARGET, TOLERANCE)
        step = 0
        for number, gop in enumerate(film(truth, seed, base)):
            decision, depth = grow(control, gop, 2.0 * gop.bits[-1], step + 1 if step else 0)
            step = decision.step
            probes += [len(decision.probes)] if number else []
            if min(abs(quality - TARGET) for quality in gop.qualities) <= TOLERANCE:
                within.append(abs(gop.qualities[decision.step] - TARGET) <= TOLERANCE)
                deeper.append(depth - decision.step)
    assert len(within) > 100
    assert np.mean(within) >= 0.9
    assert np.mean(deeper) <= 3
    assert np.mean(probes) <= 1.5


def test_a_met_target_wants_no_more() -> None:
    search = QualityController(TARGET).begin((500,), 44)
    search.observe(0, 0.12)
    assert not search.wants_more(1e9)


def test_a_missed_target_wants_more_until_the_bits_run_out() -> None:
    search = QualityController(TARGET).begin((500,), 44)
    search.observe(0, 0.4)
    assert search.wants_more(1e9)
    assert not search.wants_more(500)


@pytest.mark.parametrize(("second", "expected"), [(0.35, True), (0.399, False), (0.4, False), (0.45, False)])
def test_steps_that_gain_too_little_are_not_continued(second: float, expected: bool) -> None:
    # 0.15 is 0.25 away from 0.4; a gain of 0.05 for a tenth of the bits gets there in half of them.
    search = QualityController(TARGET).begin((500,), 44)
    search.observe(0, 0.4)
    search.extend((500, 5500, 10_500))
    search.observe(2, second)
    assert search.wants_more(100_500) is expected


def test_a_few_cheap_steps_prove_nothing() -> None:
    search = QualityController(TARGET).begin((500,), 44)
    search.observe(0, 0.4)
    search.extend((500, 600, 700))
    search.observe(2, 0.41)
    assert search.wants_more(100_000)


@pytest.mark.parametrize("truth", TRUTHS)
def test_the_curve_goes_through_what_was_measured_and_a_file_gives_it_back(truth: str) -> None:
    control = QualityController(TARGET, TOLERANCE)
    told, kept = [], []
    for gop in film(truth, 1, base=False, gops=12):
        decision = run(control.begin(gop.bits, 44), gop)
        told.append(decision.fit)
        kept.append(MeasuredGop(gop.bits, 44, {probe.step: probe.quality for probe in decision.probes}, decision.step))
        assert decision.fit is not None
        curve = dict(decision.fit.points)
        assert all(curve[probe.bits] == pytest.approx(probe.quality, abs=1e-9) for probe in decision.probes)
        assert list(curve) == sorted(curve)
        # It falls towards more bits on the whole, as what it was learnt from does.
        assert decision.fit.points[0][1] > decision.fit.points[-1][1]
    assert list(refit(kept, TOLERANCE)) == told


def test_without_a_slope_there_is_no_curve() -> None:
    search = QualityController(TARGET).begin((8000,), 44)
    search.observe(0, TARGET)
    assert search.decision().fit is None
    assert list(refit([MeasuredGop((8000,), 44, {}, 0)])) == [None]
