"""Something the user must know, and what can be done about it at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from PySide6.QtCore import QCoreApplication

from codec.events import GopDone
from codec.format.info import FileInfo
from codec.settings import Goal, Size


class Remedy(StrEnum):
    """What a notice's button does."""

    NONE = ""
    RESUME = "resume"
    ANEW = "anew"
    START = "start"
    LOOK = "look"
    LOG = "log"
    MODELS = "models"


@dataclass(frozen=True)
class Notice:
    """A complete sentence; `job_id` is the job that RESUME goes on with, ANEW begins from the start, or LOOK shows."""

    message: str
    remedy: Remedy = Remedy.NONE
    job_id: str = ""


def left_words(waiting: int, interrupted: int) -> str:
    """What the last session has left in the queue."""
    parts = []
    if waiting:
        parts.append((_tr("1 job waits") if waiting == 1 else _tr("{} jobs wait")).format(waiting))
    if interrupted:
        parts.append((_tr("1 was interrupted") if interrupted == 1 else _tr("{} were interrupted")).format(interrupted))
    return ", ".join(parts) + "."


def damage_words(info: FileInfo) -> str:
    """What of a file is missing; "" where nothing is."""
    if info.damage and not info.complete:
        text = _tr("The end of {} is missing: it was cut off, or its encoding stopped. {:.1f} s of it are here.")
        return text.format(info.path.name, info.seconds)
    if info.damage:
        more = _tr(" {} more in the log.").format(len(info.damage) - 1) if len(info.damage) > 1 else ""
        return info.damage[0] + more
    if not info.complete:
        return _tr("{} was stopped before its source's end: {:.1f} s of it are here.").format(
            info.path.name, info.seconds
        )
    return ""


def shortfall_words(goal: Goal, gops: Sequence[GopDone], size: int, sound: bool) -> str:
    """How a finished file falls short of what was asked for; "" where it does not.

    Args:
        gops: those of the run that finished it.
        size: of the file, bytes.
        sound: whether there is some in it.
    """
    if isinstance(goal, Size):
        # Of what its GOPs share nobody cares while the whole fits.
        text = _tr("It takes {} bytes, more than the {} asked for: allow more, or take a part.")
        if sound:
            text = _tr(
                "It takes {} bytes, more than the {} asked for: allow more, leave out the sound, or take a part."
            )
        return text.format(size, goal.bytes) if size > goal.bytes else ""
    missed = sum(gop.missed for gop in gops)
    return _tr("{} of {} GOPs miss the target; the plots show which.").format(missed, len(gops)) if missed else ""


def _tr(text: str) -> str:
    return QCoreApplication.translate("Notice", text)
