"""The one interface to workers: what is asked of them, and what they tell, whichever engine runs them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

Work = Callable[[Any], Generator[Any, None, Any]]
"""A module's own function: takes a task, yields what it has to tell and returns a result.

The same task must always tell and return the same: after a worker's death it is begun again elsewhere.
"""


@dataclass(frozen=True)
class Told:
    """Unit number `unit` told something on its way."""

    unit: int
    what: Any


@dataclass(frozen=True)
class Restarted:
    """The worker of a unit has died; the unit begins again and tells again what it has told."""

    unit: int


@dataclass(frozen=True)
class Returned:
    """A unit is done."""

    unit: int
    value: Any


@dataclass(frozen=True)
class Failed:
    """A unit raised `error`, or its workers died too often (a WorkerLostError)."""

    unit: int
    error: BaseException


Message = Told | Restarted | Returned | Failed


def all_wanted(_: int) -> bool:
    """Whether a unit is still wanted: every one is."""
    return True


class Workers(Protocol):
    """Some workers, each of which does one unit at a time."""

    @property
    def count(self) -> int:
        """How many units are worked on at a time."""
        ...

    def run(
        self, work: Work, tasks: Iterable[Any], is_wanted: Callable[[int], bool] = all_wanted
    ) -> Generator[Message, None, None]:
        """Do `work` for every task, and tell of units as they come; closing the generator cancels those that run.

        A task is taken when a worker is about to get free, so that few are held at a time. Units are numbered from 0
        in their tasks' order; they end in any order.

        Args:
            is_wanted: asked about a unit after each of its messages. One that isn't wanted any more is cancelled:
                nothing more is told of it, not even an end, and its worker takes the next task.
        """
        ...
