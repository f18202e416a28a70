"""What is made ahead comes in order; the maker waits, ends and fails with who takes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from codec.parallel import ahead as module
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


@pytest.mark.parametrize("taken", [1, 3])
def test_what_makes_them_is_closed_too(taken: int) -> None:
    closed: list[str] = []

    def holding() -> Iterator[int]:
        try:
            yield from range(3)
        finally:
            closed.append(threading.current_thread().name)

    held = holding()
    with closing(ahead(held, "holding a file")) as items:
        assert [next(items) for _ in range(taken)] == list(range(taken))
    assert closed == ["holding a file"]


def test_what_goes_wrong_there_goes_wrong_here() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise OSError("no more")

    items = ahead(failing(), "failing")
    assert next(items) == 1
    with pytest.raises(OSError, match="no more"):
        next(items)


@pytest.fixture
def stuck() -> Iterator[threading.Event]:
    """The second of `stuck_items` comes when this is set, as it is at the end; their thread ends with it."""
    go_on = threading.Event()
    yield go_on
    go_on.set()
    for thread in _named(STUCK):
        thread.join()


STUCK = "waiting for a test"


def _named(name: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == name]


def _stuck_items(go_on: threading.Event) -> Iterator[int]:
    yield 1
    # Not for ever, so that a test of who waits for it can fail.
    go_on.wait(30)
    yield 2


def test_who_waits_too_long_is_told(stuck: threading.Event) -> None:
    items = ahead(_stuck_items(stuck), STUCK, patience=0.02)
    assert next(items) == 1
    with pytest.raises(LateError):
        next(items)


def test_closing_leaves_a_read_that_does_not_return_to_itself(
    stuck: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PARTING", 0.02)
    with closing(ahead(_stuck_items(stuck), STUCK, patience=30)) as items:
        assert next(items) == 1
    assert _named(STUCK)


@pytest.mark.parametrize("patience", [None, 30])
def test_closing_waits_for_an_item_that_comes(stuck: threading.Event, patience: float | None) -> None:
    items = ahead(_stuck_items(stuck), STUCK, patience=patience)
    assert next(items) == 1
    stuck.set()
    items.close()
    assert not _named(STUCK)
