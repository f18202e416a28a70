"""A watchdog for sources that stop delivering: a dead network drive, a file that sends a decoder round in circles."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from codec.errors import InputError

T = TypeVar("T")

PATIENCE = 120.0
"""Seconds that a source may take for one frame; a slow disk that spins up needs ten."""
OPENING_PATIENCE = 1200.0
"""Seconds until the first frame: where a file can't be sought in, all before a clip's start is decoded for that."""
# Decoded while the frame before is coded.
_AHEAD = 2


@dataclass(frozen=True)
class _Given(Generic[T]):
    item: T


@dataclass(frozen=True)
class _Ended:
    error: BaseException | None


class _Thread(threading.Thread, Generic[T]):
    """Runs through the items, a few ahead of who takes them. A daemon: a read that never returns can't be stopped."""

    def __init__(self, items: Iterator[T]) -> None:
        super().__init__(name="reading the source", daemon=True)
        self.made: queue.Queue[_Given[T] | _Ended] = queue.Queue()
        self.room = threading.Semaphore(_AHEAD)
        self.closing = threading.Event()
        self._items = items

    def run(self) -> None:
        """The thread."""
        error: BaseException | None = None
        try:
            while self._has_room():
                self.made.put(_Given(next(self._items)))
        except StopIteration:
            pass
        except BaseException as raised:  # handed on to who waits
            error = raised
        self.made.put(_Ended(error))

    def _has_room(self) -> bool:
        self.room.acquire()
        return not self.closing.is_set()


def opened(opening: Callable[[], T], path: Path, patience: float = OPENING_PATIENCE) -> T:
    """What `opening` gives, called in a thread.

    Raises:
        InputError: it took longer than `patience` seconds.
    """
    return next(delivered((call() for call in [opening]), path, patience))


def delivered(items: Iterator[T], path: Path, patience: float | None = None) -> Generator[T, None, None]:
    """The items, read in a thread, which ends when this generator is closed.

    Raises:
        InputError: the next one took longer than `patience` seconds (`PATIENCE`).
    """
    patience = PATIENCE if patience is None else patience
    thread = _Thread(items)
    thread.start()
    waited_in_vain = False
    try:
        while True:
            try:
                made = thread.made.get(timeout=patience)
            except queue.Empty:
                waited_in_vain = True
                raise InputError(
                    f"{path} has delivered nothing for {patience:g} s; check the disk or network that it lies on."
                ) from None
            if isinstance(made, _Ended):
                if made.error is not None:
                    raise made.error
                return
            yield made.item
            thread.room.release()
    finally:
        thread.closing.set()
        thread.room.release()
        if not waited_in_vain:
            thread.join()
