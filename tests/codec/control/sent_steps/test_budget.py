"""Bitrates and sizes are kept, and used."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.control.sent_steps.budget import BitrateController, SizeController
from codec.control.sent_steps.quality import RateControl
from codec.errors import SettingsError

ladders = st.lists(st.integers(0, 5000), min_size=1, max_size=20).map(
    lambda costs: tuple(np.cumsum([0, *costs]).tolist())
)


def spend(control: RateControl, gops: Sequence[tuple[int, ...]], frames: int) -> list[int]:
    spent = []
    for bits in gops:
        search = control.begin(bits, frames)
        assert search.next_probe() is None
        spent.append(search.decision().bits)
    return spent


@given(st.lists(ladders, min_size=1, max_size=20), st.integers(1, 10**5), st.integers(0, 30))
def test_a_size_is_never_exceeded_where_a_choice_keeps_it(gops: list[tuple[int, ...]], total: int, base: int) -> None:
    frames = 10
    based = [tuple(count + base * frames for count in bits) for bits in gops]
    spent = spend(SizeController(total, frames * len(gops)), based, frames)
    unavoidable = base * frames * len(gops)
    assert sum(spent) <= max(total, unavoidable)


def test_a_size_is_used_well() -> None:
    gops = [tuple(range(0, 20_000, 250))] * 30
    assert 0.97 <= sum(spend(SizeController(30 * 9_137, 30 * 44), gops, 44)) / (30 * 9_137) <= 1


@given(st.lists(ladders, min_size=1, max_size=30), st.floats(1, 10**4))
def test_a_bitrate_is_never_exceeded_on_average(gops: list[tuple[int, ...]], rate: float) -> None:
    spent = spend(BitrateController(rate, 10.0), gops, 10)
    assert sum(spent) <= rate * len(gops) * (1 + 1e-9)


def test_a_bitrate_is_held_and_saved_bits_run_out() -> None:
    steps = tuple(range(0, 40_000, 400))
    assert np.mean(spend(BitrateController(9_999.0, 10.0), [steps] * 50, 10)) == pytest.approx(9_999, rel=0.03)
    control = BitrateController(10_000.0, 10.0, window=2.0)
    idle = [(0,)] * 50
    assert sum(spend(control, [*idle, steps], 10)) <= 30_000


def test_a_debt_is_paid_back() -> None:
    control = BitrateController(10_000.0, 10.0)
    dear, cheap = (35_000,), tuple(range(0, 20_000, 500))
    assert sum(spend(control, [dear, *[cheap] * 5], 10)) == pytest.approx(60_000, abs=500)
    assert not control.begin((90_000,), 10).decision().reachable


@pytest.mark.parametrize(
    "make", [lambda: BitrateController(0, 25.0), lambda: SizeController(0, 100), lambda: SizeController(9, 0)]
)
def test_an_empty_budget_is_refused(make: Callable[[], RateControl]) -> None:
    with pytest.raises(SettingsError):
        make()


@given(ladders, st.integers(1, 10**5), st.integers(1, 30))
def test_a_ladder_that_grows_ends_where_the_whole_one_does(bits: tuple[int, ...], total: int, frames: int) -> None:
    whole = SizeController(total, frames).begin(bits, frames)
    grown = SizeController(total, frames).begin(bits[:1], frames)
    length = 1
    while length < len(bits) and grown.wants_more(float("inf")):
        length = min(len(bits), length + 3)
        grown.extend(bits[:length])
    assert grown.decision() == whole.decision()


def test_more_is_wanted_only_while_everything_fits() -> None:
    search = BitrateController(100.0, 1.0).begin((10,), 1)
    assert search.wants_more(1000)
    assert not search.wants_more(10)
    search.extend((10, 60, 99))
    assert search.wants_more(1000)
    search.extend((10, 60, 99, 101))
    assert not search.wants_more(1000)
    assert search.decision().bits == 99
    assert not BitrateController(100.0, 1.0).begin((500,), 1).wants_more(1000)
