"""How order comes back into what units tell that are done in any order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Generator
from contextlib import closing
from typing import Any

from codec.parallel.units import Failed, Message, Restarted, Returned, Told


def in_order(
    messages: Generator[Message, None, None], is_live: Callable[[Any], bool] = lambda _: False
) -> Generator[Any, None, list[Any]]:
    """What units tell, unit after unit, however they end; what `is_live` is let through at once.

    Returns the units' values. A unit's error is raised when it is that one's turn, so that all before it counts.
    """
    told: defaultdict[int, list[Any]] = defaultdict(list)
    ends: dict[int, Returned | Failed] = {}
    values: list[Any] = []
    given = 0
    with closing(messages):
        for message in messages:
            if isinstance(message, Told):
                if is_live(message.what):
                    yield message.what
                    continue
                told[message.unit].append(message.what)
            elif isinstance(message, Restarted):
                # It will tell the same again, of which its turn has given some already.
                told[message.unit].clear()
            else:
                ends[message.unit] = message
            while True:
                turn = len(values)
                yield from told[turn][given:]
                given = max(given, len(told[turn]))
                if turn not in ends:
                    break
                end = ends.pop(turn)
                if isinstance(end, Failed):
                    raise end.error
                values.append(end.value)
                del told[turn]
                given = 0
    return values
