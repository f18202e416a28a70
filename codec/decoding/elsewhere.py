"""Chains decoded by workers: a chain leans on nothing before it, so the file alone is enough to decode one."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise, takewhile
from pathlib import Path

from codec.decoding.chain import decode_records
from codec.decoding.prior import prior_for
from codec.decoding.retarget import step_choice
from codec.decoding.sink import DecodedItem
from codec.format.header import Header
from codec.format.limits import MAX_SEGMENT_FRAMES
from codec.format.reader import BitstreamReader, Damage
from codec.format.records import AudioRecord, GopRecord
from codec.parallel.opening import suited_workers
from codec.parallel.order import in_order
from codec.parallel.units import Workers
from codec.priors.base import Condition, VideoPrior
from codec.priors.catalog import memory_of_several
from codec.settings import DecodeSettings


@dataclass(frozen=True)
class ChainTask:
    """The part of a file from one chain's first record to the next one's: offsets, None for the file's ends."""

    source: Path
    settings: DecodeSettings
    start: int | None
    end: int | None


def own_workers(source: Path, settings: DecodeSettings) -> AbstractContextManager[Workers | None]:
    """Processes of this machine for a decode, where it is long enough for several; until the block is left.

    Raises:
        InputError: the file can't be opened.
        FormatError: it is no `.fgvc` file.
    """
    with BitstreamReader(source) as reader:
        header, units = reader.header, len(chains(reader, settings))
        frames = 0 if reader.end is None else reader.end.frames
    memory = memory_of_several(header.prior_id, settings.device, header.coding_width * header.coding_height)
    # Short scenes are decoded sooner than a process has begun.
    return suited_workers(min(units, frames // MAX_SEGMENT_FRAMES), 1, memory)


def chains(reader: BitstreamReader, settings: DecodeSettings) -> tuple[ChainTask, ...]:
    """All of a file in parts; one where it has no index, for then nobody knows what of it can be read."""
    index = () if reader.end is None else reader.end.index
    cuts = [None, *[entry.offset for entry in index[1:] if entry.chain_start], None]
    return tuple(ChainTask(reader.path.absolute(), settings, *ends) for ends in pairwise(cuts))


def decode_elsewhere(tasks: tuple[ChainTask, ...], workers: Workers) -> Generator[DecodedItem, None, None]:
    """The items of a whole file in order. At most two chains' pictures for each worker are held."""
    at_once = 2 * workers.count
    for first in range(0, len(tasks), at_once):
        yield from in_order(workers.run(decode_chain, tasks[first : first + at_once]))


def decode_chain(task: ChainTask) -> Generator[DecodedItem, None, None]:
    """A worker's part of a decode."""
    with BitstreamReader(task.source) as reader:
        choose = step_choice(task.settings.goal, reader.header)
        prior = _prior(reader.header, task.settings)
        yield from decode_records(reader.header, prior, _records(reader, task), choose)


def _records(reader: BitstreamReader, task: ChainTask) -> Iterator[GopRecord | AudioRecord | Damage]:
    found = takewhile(lambda located: task.end is None or located.offset < task.end, reader.scan(task.start))
    return (located.item for located in found if isinstance(located.item, GopRecord | AudioRecord | Damage))


@lru_cache(maxsize=1)
def _prior(header: Header, settings: DecodeSettings) -> VideoPrior[Condition]:
    return prior_for(header, settings)
