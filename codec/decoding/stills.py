"""Single pictures of a file, as a decode makes them, without making all the others."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeVar

from codec.arrays import Frames
from codec.decoding.chain import Chain
from codec.decoding.retarget import step_choice
from codec.format.header import Header
from codec.format.reader import BitstreamReader, chain_of
from codec.format.records import GopRecord, IndexEntry
from codec.priors.base import Condition, VideoPrior
from codec.trajectory.assembly import single_picture

T = TypeVar("T")


@dataclass(frozen=True)
class Still:
    """One picture.

    Attributes:
        time: seconds after the file's first frame at which it is shown.
        pixels: uint8 (H, W, 3) RGB at coding size.
    """

    time: Fraction
    pixels: Frames = field(repr=False)


def stills(reader: BitstreamReader, prior: VideoPrior[Condition], most: int) -> Iterator[Still]:
    """Up to `most` pictures, spread over a file, of frames that only one GOP holds.

    Where GOPs are walks along a trajectory, which take a network call a step, it is one picture, of the first GOP of a
    chain.
    """
    index = reader.index()
    quick = prior.restores and reader.header.base_codec != "none"
    wanted = spread(index, most) if quick else spread([entry for entry in index if entry.chain_start], 1)
    chains: dict[IndexEntry, list[int]] = {}
    for entry in wanted:
        start = chain_of(index, entry.start_frame)
        assert start is not None
        chains.setdefault(start, []).append(entry.start_frame)
    for start, frames in chains.items():
        yield from _of_chain(reader, prior, start, frames)


def spread(entries: Sequence[IndexEntry], most: int) -> tuple[IndexEntry, ...]:
    """Up to `most` of them, evenly apart."""
    count = min(most, len(entries))
    return tuple(entries[(2 * place + 1) * len(entries) // (2 * count)] for place in range(count))


def _of_chain(
    reader: BitstreamReader, prior: VideoPrior[Condition], start: IndexEntry, frames: Sequence[int]
) -> Iterator[Still]:
    """Of the GOPs that begin with `frames`."""
    chain = Chain(reader.header, prior, step_choice(None, reader.header))
    for record in reader.records(start):
        if not isinstance(record, GopRecord):
            continue
        gop = _returned(chain.stopped(record))
        if record.start_frame in frames and gop is not None:
            frame = own_frame(record)
            yield Still(time_of(record, frame, reader.header), single_picture(prior, gop, frame))
        if record.start_frame >= max(frames):
            return


def _returned(generator: Generator[object, None, T]) -> T:
    """What it returns in the end; what it yields is passed over."""
    while True:
        try:
            next(generator)
        except StopIteration as ended:
            returned: T = ended.value
            return returned


def own_frame(record: GopRecord) -> int:
    """A frame from the middle of those that no other GOP holds; AV1 codes every second, fourth and eighth frame better,
    so it lies otherwise in every GOP.
    """
    last = record.frames - record.overlap if record.frames > 2 * record.overlap else record.frames
    middle = (record.overlap + last) // 2
    return min(middle + record.index % 4, record.frames - 1)


def time_of(record: GopRecord, frame: int, header: Header) -> Fraction:
    """Seconds at which frame number `frame` of a GOP, one of its own, is shown."""
    if record.pts:
        return record.pts[frame - record.overlap] * header.time_base
    return (record.start_frame + frame) / header.frame_rate
