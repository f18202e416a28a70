"""What a batch tells whoever watches."""

from __future__ import annotations

from dataclasses import dataclass

from codec.batch.sources import BatchFile
from codec.batch.table import BatchRow
from codec.events import Event


@dataclass(frozen=True)
class OfFile:
    """An event of one file's encode."""

    file: BatchFile
    event: Event


@dataclass(frozen=True)
class FileDone:
    """A file has come to its end, one way or another; `row` says how."""

    file: BatchFile
    row: BatchRow


BatchEvent = OfFile | FileDone
