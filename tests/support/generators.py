"""Work that is told step by step, run to its end."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

Y = TypeVar("Y")
R = TypeVar("R")


def run_to_end(work: Generator[Y, None, R]) -> tuple[list[Y], R]:
    """All that it yields, and what it returns."""
    told: list[Y] = []
    while True:
        try:
            told.append(next(work))
        except StopIteration as end:
            value: R = end.value
            return told, value
