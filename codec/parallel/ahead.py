"""What a generator makes, made in a thread while who takes it works on the item before."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

PARTING = 5.0
"""Seconds that closing waits for an item that may never come, since what makes it may have stopped delivering."""


class LateError(Exception):
    """The next item took longer than one was ready to wait."""


def ahead(items: Iterator[T], name: str, count: int = 1, patience: float | None = None) -> Generator[T, None, None]:
    """The items, in order; what goes wrong in the thread is raised here.

    The thread ends when this is closed, and closes `items` where they are a generator.

    Args:
        name: of the thread, for who looks at a process that stands still.
        count: items that may be made, or in the making, beside the one that was taken last.
        patience: seconds to wait for one, where it may never come; closing then waits for `PARTING` seconds at most,
            and leaves a thread that still makes one to itself.

    Raises:
        LateError: the next one took longer than `patience`. The thread is then left to itself.
    """
    thread = _Thread(items, name, count)
    thread.start()
    late = False
    try:
        while True:
            try:
                made = thread.made.get(timeout=patience)
            except queue.Empty:
                late = True
                raise LateError from None
            if isinstance(made, _Ended):
                if made.error is not None:
                    raise made.error
                return
            yield made.item
            thread.room.release()
    finally:
        thread.closing.set()
        thread.room.release()
        if not late:
            thread.join(None if patience is None else min(PARTING, patience))


@dataclass(frozen=True)
class _Made(Generic[T]):
    item: T


@dataclass(frozen=True)
class _Ended:
    error: BaseException | None


class _Thread(threading.Thread, Generic[T]):
    """A daemon: a read that never returns can't be stopped."""

    def __init__(self, items: Iterator[T], name: str, count: int) -> None:
        super().__init__(name=name, daemon=True)
        self.made: queue.Queue[_Made[T] | _Ended] = queue.Queue()
        self.room = threading.Semaphore(1 + count)
        self.closing = threading.Event()
        self._items = items

    def run(self) -> None:
        """The thread."""
        error: BaseException | None = None
        try:
            self._make()
        except StopIteration:
            pass
        except BaseException as raised:  # handed on to who waits
            error = raised
        self.made.put(_Ended(error))

    def _make(self) -> None:
        try:
            while self._has_room():
                self.made.put(_Made(next(self._items)))
        finally:
            # Nobody else can close it while it may be at work, and it may hold files open.
            if isinstance(self._items, Generator):
                self._items.close()

    def _has_room(self) -> bool:
        self.room.acquire()
        return not self.closing.is_set()
