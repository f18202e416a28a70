"""Workers that are processes: what they tell, what becomes of a unit whose process dies, and how they end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from codec.errors import MissingModelError, WorkerLostError
from codec.parallel.pool import ATTEMPTS, UNHEARD, Pool
from codec.parallel.units import Failed, Restarted, Returned, Told
from tests.support import skips
from tests.support.workers.work import counted, deadly, endless, refused, squared

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool(2) as pool:
        yield pool


def test_every_unit_tells_and_returns(pool: Pool) -> None:
    messages = list(pool.run(squared, range(5)))
    assert {m.unit: m.value for m in messages if isinstance(m, Returned)} == {n: n * n for n in range(5)}
    for unit in range(5):
        own = [message for message in messages if message.unit == unit]
        assert own[:-1] == [Told(unit, f"{unit} begins"), Told(unit, f"{unit} ends")]


def test_an_error_comes_back_as_it_was_raised(pool: Pool) -> None:
    *_, last = pool.run(refused, ["network"])
    assert isinstance(last, Failed)
    assert isinstance(last.error, MissingModelError)
    assert (str(last.error), last.error.name) == ("There is no network.", "network")


def test_tasks_are_taken_as_workers_get_free(pool: Pool) -> None:
    taken: list[int] = []
    messages = pool.run(squared, (taken.append(number) or number for number in range(50)))  # type: ignore[func-returns-value]
    next(messages)
    # One for each worker, and one that waits for the first to get free.
    assert len(taken) <= pool.count + 1
    messages.close()


def test_a_worker_waits_for_whoever_listens(pool: Pool, tmp_path: Path) -> None:
    messages = []
    for message in pool.run(counted, [tmp_path]):
        messages.append(message)
        # What it has told, and what it wants to tell next.
        assert len(list(tmp_path.iterdir())) <= len(messages) + UNHEARD + 1
    assert messages == [*(Told(0, number) for number in range(100)), Returned(0, None)]


@skips.posix
def test_a_unit_whose_process_is_killed_is_done_again(pool: Pool, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in "abc"]
    for folder in folders:
        folder.mkdir()
    messages = list(pool.run(deadly, zip(folders, (0, ATTEMPTS - 1, 0), strict=True)))
    assert messages.count(Restarted(1)) == ATTEMPTS - 1
    assert sum(isinstance(message, Restarted) for message in messages) == ATTEMPTS - 1
    assert {m.unit: m.value for m in messages if isinstance(m, Returned)} == dict.fromkeys(range(3), "survived")


@skips.posix
def test_a_unit_that_kills_every_process_fails_alone(pool: Pool, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in "abc"]
    for folder in folders:
        folder.mkdir()
    messages = list(pool.run(deadly, zip(folders, (0, 99, 0), strict=True)))
    (failure,) = [message for message in messages if isinstance(message, Failed)]
    assert failure.unit == 1
    assert isinstance(failure.error, WorkerLostError)
    assert {message.unit for message in messages if isinstance(message, Returned)} == {0, 2}


def test_a_unit_that_is_not_wanted_any_more_stops_alone(pool: Pool, tmp_path: Path) -> None:
    marks = [tmp_path / name for name in "abc"]
    told: Counter[int] = Counter()
    for message in pool.run(endless, marks, lambda unit: told[unit] < 5 * (unit + 1)):
        told[message.unit] += 1
    # All would tell for ever, so that this ends says already that each was stopped.
    assert told == {0: 5, 1: 10, 2: 15}
    assert len(list(pool.run(squared, range(2)))) == 6
    assert all(mark.exists() for mark in marks)


def test_closing_stops_the_units_and_leaves_workers_usable(pool: Pool, tmp_path: Path) -> None:
    marks = [tmp_path / "a", tmp_path / "b"]
    messages = pool.run(endless, marks)
    heard = {message.unit for _, message in zip(range(200), messages, strict=False)}
    messages.close()
    assert len(list(pool.run(squared, range(2)))) == 6
    pool.close()
    assert {marks[unit].exists() for unit in heard} == {True}
