"""How much smaller a finished file can be played, exported or saved without coding it again; no widgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.core.document import Document
from app.core.files import reading
from codec.decoding.retarget import step_choice
from codec.format.reader import BitstreamReader
from codec.format.records import GopRecord
from codec.goals import GoalMetric
from codec.settings import Bitrate, Quality

UNIT = 0.005
"""Of a quality: from one choice to the next."""

_WORST = {True: 0.40, False: 0.50}
_RATES = tuple(percent / 100 for percent in range(95, 0, -5))


@dataclass(frozen=True)
class Choice:
    """A goal that the file can be taken down to; None is as it is. `bytes` is what the file would have then, about."""

    goal: Quality | Bitrate | None
    bytes: int


def choices(document: Document) -> tuple[Choice, ...]:
    """As the file is, then smaller and smaller by leaving out steps; one alone where none can be left out.

    Raises:
        FreeGvcError: the file can't be read.
    """
    info = document.info
    if info is None or document.result is None:
        return ()
    found = [Choice(None, info.bytes)]
    goals = _goals(document) if any(gop.implicit_bits for gop in info.gops) else ()
    for goal, spared in zip(goals, _spared(document, goals), strict=True):
        # A goal that spares no more than the one before is none of its own.
        if info.bytes - spared < found[-1].bytes:
            found.append(Choice(goal, info.bytes - spared))
    return tuple(found)


def _goals(document: Document) -> tuple[Quality | Bitrate, ...]:
    """Qualities from the file's own down, where it was made for one; else rates."""
    target, metric, info = document.target, document.metric, document.info
    assert info is not None
    if target is None or metric is None:
        return tuple(Bitrate(1000 * info.kbps * share) for share in _RATES)
    return tuple(Quality(value, metric.asked_as) for value in _worse(metric, target))


def _worse(metric: GoalMetric, target: float) -> list[float]:
    first, last = round(target / UNIT), round(_WORST[metric.lower_is_better] / UNIT)
    steps = range(first + 1, last + 1) if metric.lower_is_better else range(first - 1, last - 1, -1)
    return [step * UNIT for step in steps]


def _spared(document: Document, goals: Sequence[Quality | Bitrate]) -> list[int]:
    """Bytes of steps that each goal leaves out."""
    spared = [0] * len(goals)
    if not goals:
        return spared
    assert document.result is not None
    with reading(document.result), BitstreamReader(document.result) as reader:
        choose = [step_choice(goal, reader.header) for goal in goals]
        for record in reader.records():
            if isinstance(record, GopRecord):
                bits = record.prefix_bits()
                spared = [
                    total + (bits[-1] - bits[pick(record)]) // 8 for total, pick in zip(spared, choose, strict=True)
                ]
    return spared
