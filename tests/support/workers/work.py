"""Units of work, in a module that workers' processes can import, and an engine that ends them shuffled."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

from codec.errors import FreeGvcError, MissingModelError
from codec.parallel.units import Failed, Message, Restarted, Returned, Told, Work, all_wanted
from codec.store.paths import home


def squared(number: int) -> Generator[str, None, int]:
    """Tells twice and returns the square."""
    yield f"{number} begins"
    yield f"{number} ends"
    return number * number


def refused(name: str) -> Generator[str, None, None]:
    """Raises an error of two arguments."""
    yield "looking"
    raise MissingModelError(f"There is no {name}.", name)


def deadly(task: tuple[Path, int]) -> Generator[str, None, str]:
    """Kills its process as often as the task says, a mark in its folder each time."""
    folder, times = task
    yield "begins"
    mark = next(folder / str(number) for number in count() if not (folder / str(number)).exists())
    if int(mark.name) < times:
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "survived"


def endless(mark: Path) -> Generator[int, None, None]:
    """Tells for ever; leaves a mark when it is stopped."""
    try:
        yield from count()
    finally:
        mark.touch()


def counted(marks: Path) -> Generator[int, None, None]:
    """Tells a hundred things, a mark in its folder for each before it is told."""
    for number in range(100):
        (marks / str(number)).touch()
        yield number


def found_at_home(place: str) -> Generator[str, None, bytes]:
    """What lies at a place in the home of whoever works."""
    yield "looking"
    return (home() / place).read_bytes()


@dataclass(frozen=True)
class Shuffled:
    """Workers without processes: units end in a random order, and some begin again in the middle; `Workers`."""

    seed: int
    count: int = 3

    def run(
        self, work: Work, tasks: Iterable[Any], is_wanted: Callable[[int], bool] = all_wanted
    ) -> Generator[Message, None, None]:
        """See `Workers`."""
        chance = Random(self.seed)
        scripts = [_script(unit, work, task, chance) for unit, task in enumerate(tasks)]
        while scripts := [script for script in scripts if script and is_wanted(script[0].unit)]:
            yield chance.choice(scripts).pop(0)


def _script(unit: int, work: Work, task: Any, chance: Random) -> list[Message]:
    told: list[Message] = []
    steps = work(task)
    while True:
        try:
            told.append(Told(unit, next(steps)))
        except StopIteration as end:
            whole = [*told, Returned(unit, end.value)]
            break
        except FreeGvcError as error:
            whole = [*told, Failed(unit, error)]
            break
    if chance.random() < 0.5:
        return [*told[: chance.randrange(len(told) + 1)], Restarted(unit), *whole]
    return whole
