"""Something the user must know, and what can be done about it at once."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Remedy(StrEnum):
    """What a notice's button does."""

    NONE = ""
    RESUME = "resume"
    LOG = "log"
    MODELS = "models"


@dataclass(frozen=True)
class Notice:
    """A complete sentence; `job_id` is the job that RESUME goes on with."""

    message: str
    remedy: Remedy = Remedy.NONE
    job_id: str = ""
