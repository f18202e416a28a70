"""Temporal units of the base layer as a file holds them: what the pattern of pictures repeats, in a third of its bytes.

At a few hundredths of a bit per pixel a good part of an AV1 stream are frame headers, which say little new. A
model of the segment codes them again (codec/base/headers.py) together with every length; what lies behind the headers
is compressed already and stored as it is. The state of the model runs through a segment, like that of AV1 itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from codec.base.arithmetic import BitCoder, BitReader, BitWriter
from codec.base.headers import HeaderModel, Place
from codec.format.wire import Cursor, require, varint

HEADER_BYTES = 15
"""What the model sees of an OBU's payload: about the length of a frame header."""

MAX_OBUS = 16
_DELIMITER = 2
_HAS_EXTENSION, _HAS_SIZE = 0b100, 0b010


@dataclass(frozen=True)
class Obu:
    """An open bitstream unit of AV1: its first byte without the size flag, and its payload."""

    head: int
    payload: bytes

    @property
    def kind(self) -> int:
        """Its type."""
        return self.head >> 3 & 15


class UnitPacker:
    """Packs the units of one segment, some at a time."""

    def __init__(self) -> None:
        self._segment = _SegmentModel()

    def pack(self, units: Sequence[bytes]) -> bytes:
        """The segment's next units in one run of bytes.

        Args:
            units: as `trim` returns them.
        """
        writer = BitWriter()
        bodies = []
        for unit in units:
            obus = list(split(unit))
            self._segment.unit(writer, obus)
            bodies += [obu.payload[HEADER_BYTES:] for obu in obus]
        headers = writer.finish()
        return b"".join((varint(len(headers)), headers, *bodies))


class UnitUnpacker:
    """Inverse of `UnitPacker` for the same runs in the same order."""

    def __init__(self) -> None:
        self._segment = _SegmentModel()

    def unpack(self, data: bytes, count: int) -> Iterator[bytes]:
        """The `count` units of one run, one at a time: a few bytes can stand for many, so each is to be judged first.

        Raises:
            FormatError: no packer wrote these bytes.
        """
        cursor = Cursor(data)
        reader = BitReader(cursor.blob(cursor.left))
        for _ in range(count):
            begun = self._segment.unit(reader, None)
            yield join([Obu(b.head, b.beginning + cursor.take(b.size - len(b.beginning))) for b in begun])
        cursor.finish()


def unpack_plain(data: bytes, count: int) -> Iterator[bytes]:
    """The `count` units of a run as version 1 of the format held them: all lengths, then all units.

    Raises:
        FormatError: there are fewer or more.
    """
    cursor = Cursor(data)
    lengths = [cursor.varint() for _ in range(count)]
    yield from (cursor.take(length) for length in lengths)
    cursor.finish()


@dataclass(frozen=True)
class _Begun:
    """What the model tells of an OBU: its first byte, how its payload begins, and the payload's size."""

    head: int
    beginning: bytes
    size: int


class _SegmentModel:
    """The model of one segment, the same for both directions."""

    def __init__(self) -> None:
        self._headers = HeaderModel()
        self._display = 0

    def unit(self, coder: BitCoder, known: Sequence[Obu] | None) -> list[_Begun]:
        """Code the next unit; None reads it."""
        position = _position(self._display)
        count = 1 + self._headers.number(coder, None if known is None else len(known) - 1, ("count", position), "count")
        require(count <= MAX_OBUS, f"a unit of the base layer has {count} parts")
        begun = [
            self._obu(coder, None if known is None else known[index], count - 1 - index, position)
            for index in range(count)
        ]
        self._display += 1
        return begun

    def _obu(self, coder: BitCoder, known: Obu | None, left: int, position: int) -> _Begun:
        """One part of a unit that `left` others follow."""
        headers = self._headers
        head = headers.head(coder, None if known is None else known.head, (left == 0, position), left)
        # A displayed frame has the number it is displayed at; the hidden ones before it halve the way to it.
        place = Place(head >> 3 & 15, left == 0, (self._display + ((1 << left) - 1 if left else 0)) % 128)
        payload = None if known is None else known.payload
        size = headers.number(coder, None if payload is None else len(payload), (place.group, place.layer), place.group)
        beginning = headers.beginning(
            coder, None if payload is None else payload[:HEADER_BYTES], min(size, HEADER_BYTES), place
        )
        return _Begun(head, beginning, size)


def _position(display: int) -> int:
    """Where in the pyramid a unit stands: how often 2 divides the number of the frame shown before it."""
    return (display - 1 & 1 - display).bit_length() if display > 1 else display


def trim(unit: bytes) -> bytes:
    """Drops from a temporal unit what its length implies: the delimiter, and the size field of the last OBU.

    Both are legal AV1 (specification 5.3.1 and 7.5: a container that delimits units may leave them out), so a decoder
    takes the result as it is.
    """
    return join([obu for obu in split(unit) if obu.kind != _DELIMITER])


def split(unit: bytes) -> Iterator[Obu]:
    """The OBUs of a temporal unit; where one has no size, it is the last.

    Raises:
        FormatError: there is none, or one ends behind the unit's end.
    """
    cursor = Cursor(unit)
    require(cursor.left > 0, "a unit of the base layer is empty")
    while cursor.left:
        head = cursor.byte()
        require(not head & _HAS_EXTENSION, "a unit of the base layer has several layers")
        yield Obu(head & ~_HAS_SIZE, cursor.blob(cursor.left) if head & _HAS_SIZE else cursor.take(cursor.left))


def join(obus: Sequence[Obu]) -> bytes:
    """The unit that has these OBUs; the last one goes without its size."""
    sized = (bytes([obu.head | _HAS_SIZE]) + varint(len(obu.payload)) + obu.payload for obu in obus[:-1])
    return b"".join((*sized, bytes([obus[-1].head]), obus[-1].payload))
