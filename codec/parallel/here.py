"""The worker that needs no process: who asks for the work does it."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import closing
from typing import Any

from codec.parallel.units import Failed, Message, Returned, Told, Work


class Here:
    """One unit after the other, in this process; a `Workers`."""

    count = 1

    def run(self, work: Work, tasks: Iterable[Any]) -> Generator[Message, None, None]:
        """See `Workers`."""
        for unit, task in enumerate(tasks):
            yield from _one(unit, work, task)


def _one(unit: int, work: Work, task: Any) -> Generator[Message, None, None]:
    with closing(work(task)) as steps:
        while True:
            try:
                told = next(steps)
            except StopIteration as end:
                yield Returned(unit, end.value)
                return
            except Exception as error:  # as a process hands back whatever its unit raises
                yield Failed(unit, error)
                return
            yield Told(unit, told)
