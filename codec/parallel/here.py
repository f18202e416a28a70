"""The worker that needs no process: who asks for the work does it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from typing import Any

from codec.parallel.units import Failed, Message, Returned, Told, Work, all_wanted


class Here:
    """One unit after the other, in this process; a `Workers`."""

    count = 1

    def run(
        self, work: Work, tasks: Iterable[Any], is_wanted: Callable[[int], bool] = all_wanted
    ) -> Generator[Message, None, None]:
        """See `Workers`."""
        for unit, task in enumerate(tasks):
            with closing(_one(unit, work, task)) as messages:
                for message in messages:
                    yield message
                    if not is_wanted(unit):
                        break


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
