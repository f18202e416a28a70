"""What an interrupted encode has left in its part, as the run that goes on must know it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from codec.errors import FormatError
from codec.events import GopDone
from codec.files import part_path
from codec.format.info import is_worse, stored_gop
from codec.format.reader import BitstreamReader
from codec.format.records import GopRecord
from codec.priors.defaults import defaults_of
from codec.settings import EncodeSettings, Goal, Quality


@dataclass(frozen=True)
class KeptGop:
    """A GOP that need not be coded again.

    Attributes:
        bits: of its whole record.
        worse: whether it looks worse than the file's target allows.
    """

    record: GopRecord
    bits: int
    worse: bool = False

    def told(self, frames_total: int, goal: Goal) -> GopDone:
        """As an event, of a file with so many frames."""
        missed = self.worse and isinstance(goal, Quality) and goal.statistic == "gop"
        return replace(stored_gop(self.record, self.record.t_star, frames_total), bits=self.bits, missed=missed)


def as_begun(output: Path, settings: EncodeSettings) -> EncodeSettings:
    """The settings with the coding size that an interrupted encode of `output` has chosen, if that was left to it."""
    part = part_path(output) if part_path(output).exists() else output
    # Where a prior has one size there was no choice, and its sides' rounding need not lead back to it.
    choice = len(defaults_of(settings.prior).short_sides) > 1
    if settings.short_side is not None or not settings.resume or not choice or not part.is_file():
        return settings
    try:
        with BitstreamReader(part) as reader:
            return replace(settings, short_side=min(reader.header.coding_width, reader.header.coding_height))
    except FormatError:
        # Its header was never written whole; the writer says what becomes of that.
        return settings


def kept_gops(output: Path, count: int) -> Iterator[KeptGop]:
    """The `count` GOPs that the part of `output` begins with."""
    if count:
        yield from islice(gops_in(part_path(output)), count)


def gops_in(path: Path) -> Iterator[KeptGop]:
    """All GOPs of a file or a part."""
    with BitstreamReader(path) as reader:
        for found in reader.scan():
            if isinstance(found.item, GopRecord):
                worse = is_worse(reader.header, found.item.quality)
                yield KeptGop(found.item, 8 * (found.end - found.offset), worse)
