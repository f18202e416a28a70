"""A watchdog for sources that stop delivering: a dead network drive, a file that sends a decoder round in circles."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TypeVar

from codec.errors import InputError
from codec.parallel.ahead import LateError, ahead

T = TypeVar("T")

PATIENCE = 120.0
"""Seconds that a source may take for one frame; a slow disk that spins up needs ten."""
OPENING_PATIENCE = 1200.0
"""Seconds until the first frame: where a file can't be sought in, all before a clip's start is decoded for that."""


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
    try:
        yield from ahead(items, "reading the source", patience=patience)
    except LateError:
        raise InputError(
            f"{path} has delivered nothing for {patience:g} s; check the disk or network that it lies on."
        ) from None
