"""How many steps of each GOP a decoder replays: those of the file, or fewer for a lower quality or bitrate."""

from __future__ import annotations

from collections.abc import Callable

from codec.control.sent_steps.quality import Aim, retarget
from codec.errors import SettingsError
from codec.format.header import Header
from codec.format.reader import BitstreamReader
from codec.format.records import GopRecord
from codec.goals import GOAL_METRICS, goal_of_kind
from codec.settings import Bitrate, Quality

StepChoice = Callable[[GopRecord], int]


def step_choice(goal: Quality | Bitrate | None, header: Header) -> StepChoice:
    """The rule for `goal`; None plays what the encoder chose.

    Raises:
        SettingsError: the file was measured with another metric than the goal's.
    """
    if goal is None:
        return lambda record: record.sent
    if isinstance(goal, Bitrate):
        per_frame = goal.bits_per_second / float(header.frame_rate)
        return lambda record: _by_bits(record, per_frame)
    known, measured = GOAL_METRICS[goal.metric], goal_of_kind(header.metric)
    if measured is None:
        raise SettingsError("The file's quality was not measured; give a --bitrate.")
    if measured.asked_as != known.name:
        raise SettingsError(
            f"The file's quality was measured as {measured.label}, not {known.label}; give a --target for that metric, "
            "or a --bitrate."
        )
    aim = Aim(goal.value, known.tolerance, known.lower_is_better)
    return lambda record: _by_quality(record, aim)


def has_spare_steps(reader: BitstreamReader) -> bool:
    """Whether any GOP of a file holds steps that could be left out; without any, every goal plays the same."""
    return any(record.steps for record in reader.records() if isinstance(record, GopRecord))


def _by_bits(record: GopRecord, per_frame: float) -> int:
    allowed = per_frame * (record.frames - record.overlap)
    return max((step for step, bits in enumerate(record.prefix_bits()) if bits <= allowed), default=0)


def _by_quality(record: GopRecord, aim: Aim) -> int:
    # A restoration's steps are free: there is nothing to leave out, and nothing to choose.
    return retarget(sent_quality(record), record.prefix_bits(), aim) if record.steps else 0


def sent_quality(record: GopRecord) -> dict[int, float]:
    """The measured qualities by how many steps were sent; what was measured before all of the restoration is none."""
    first = record.restoration or 0
    return {step - first: quality for step, quality in record.measured() if step >= first}
