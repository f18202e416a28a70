"""What is made ahead comes in order; the maker waits, ends and fails with who takes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from codec.parallel.ahead import LateError, ahead

pytestmark = pytest.mark.usefixtures("no_thread_stays")


def test_items_come_in_order_and_once() -> None:
    assert list(ahead(iter(range(50)), "counting")) == list(range(50))
    assert list(ahead(iter(()), "counting")) == []


@pytest.mark.parametrize("count", [1, 3])
def test_the_next_ones_are_made_while_one_is_worked_on_and_no_more(count: int) -> None:
    made: list[int] = []
    reached = [threading.Event() for _ in range(10)]

    def counting() -> Iterator[int]:
        for number in range(10):
            made.append(number)
            reached[number].set()
            yield number

    with closing(ahead(counting(), "counting", count)) as items:
        for taken in range(5):
            assert next(items) == taken
            # Without anybody asking for it.
            assert reached[taken + count].wait(10)
            assert len(made) <= taken + count + 1


def test_what_goes_wrong_there_goes_wrong_here() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise OSError("no more")

    items = ahead(failing(), "failing")
    assert next(items) == 1
    with pytest.raises(OSError, match="no more"):
        next(items)


def test_who_waits_too_long_is_told() -> None:
    go_on = threading.Event()

    def waiting() -> Iterator[int]:
        go_on.wait()
        yield 1

    with pytest.raises(LateError):
        next(ahead(waiting(), "waiting for a test", patience=0.02))
    go_on.set()
    for thread in threading.enumerate():
        if thread.name == "waiting for a test":
            thread.join()
