"""The worker that needs no process keeps to the same interface."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from codec.parallel.here import Here
from codec.parallel.units import Told
from tests.support.workers.work import endless, squared


def test_a_unit_that_is_not_wanted_any_more_stops_alone(tmp_path: Path) -> None:
    marks = [tmp_path / name for name in "abc"]
    told: Counter[int] = Counter()
    for message in Here().run(endless, marks, lambda unit: told[unit] < 5 * (unit + 1)):
        told[message.unit] += 1
    assert told == {0: 5, 1: 10, 2: 15}
    assert all(mark.exists() for mark in marks)


def test_what_is_refused_in_the_middle_is_not_gone_on_with() -> None:
    messages = list(Here().run(squared, range(2), lambda unit: unit == 1))
    assert [message for message in messages if message.unit == 0] == [Told(0, "0 begins")]
    assert len(messages) == 4
