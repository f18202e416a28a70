"""What came of each file of a batch: a line of JSON in the folder, written as soon as it is known."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from codec.errors import OutputError
from codec.files import append_line
from codec.settings import EncodeSettings

FILE = "batch.jsonl"
# Nothing of the file depends on these.
_WITHOUT_EFFECT = ("resume", "preview")


class FileStatus(StrEnum):
    """What came of a file."""

    DONE = "done"
    KEPT = "kept"
    FAILED = "failed"


@dataclass(frozen=True)
class BatchRow:
    """One file of a batch.

    Attributes:
        source, output: their paths; the output's is relative to the table's folder.
        reason: a sentence where it failed.
        source_bytes, source_time: of the source when it was read: another one is another source.
        bytes, audio_bytes, frames, bpp, kbps, quality, quality_at_source: of a finished file, as `Finished` tells them.
        missed: how many GOPs lie outside the goal.
        seconds: that its encode took.
    """

    source: str
    output: str
    status: FileStatus
    settings: Mapping[str, Any] = field(repr=False)
    reason: str = ""
    source_bytes: int = 0
    source_time: int = 0
    bytes: int = 0
    audio_bytes: int = 0
    frames: int = 0
    bpp: float = 0.0
    kbps: float = 0.0
    quality: float | None = None
    quality_at_source: float | None = None
    missed: int = 0
    seconds: float = 0.0


def told_settings(settings: EncodeSettings) -> dict[str, Any]:
    """As rows hold them: the goal with its kind."""
    told = {name: value for name, value in asdict(settings).items() if name not in _WITHOUT_EFFECT}
    return {**told, "goal": {"kind": type(settings.goal).__name__.lower(), **told["goal"]}}


@dataclass
class Table:
    """The rows of one folder; of several about one output the last one counts."""

    folder: Path
    rows: dict[str, BatchRow] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """Of the file that holds them."""
        return self.folder / FILE

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Take up what `folder` holds, which is made where there is none; lines that can't be read count for nothing.

        Raises:
            OutputError: the folder can't be made or read.
        """
        table = cls(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lines = (folder / FILE).read_text("utf-8", "replace").splitlines() if (folder / FILE).exists() else []
        except OSError as error:
            raise OutputError(
                f"{folder} can't be used for results: {error.strerror}; choose another folder."
            ) from error
        for row in filter(None, map(_row, lines)):
            table.rows[row.output] = row
        return table

    def add(self, row: BatchRow) -> None:
        """Keep a row.

        Raises:
            OutputError: it can't be written.
        """
        self.rows[row.output] = row
        try:
            append_line(self.path, json.dumps(asdict(row)))
        except OSError as error:
            raise OutputError(
                f"{self.path} can't be written: {error.strerror}; free some space or choose another folder."
            ) from error


def _row(line: str) -> BatchRow | None:
    try:
        values = json.loads(line)
        return BatchRow(**{**values, "status": FileStatus(values["status"])})
    except (ValueError, TypeError, KeyError):
        return None
