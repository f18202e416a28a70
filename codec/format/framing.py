"""Records as they lie in a `.fgvc` file: how one is framed, checked, and found again after damage.

A record is SYNC, type, length, a check byte over type and length, the payload, CRC32 of all but SYNC. See
docs/format.md.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from codec.errors import FormatError
from codec.format.wire import Cursor, require, varint

GOP, AUDIO, END = 1, 2, 3
SKIPPABLE = 0x80
"""Set in the type of a record that an older program may pass over."""

MAX_PAYLOAD = 2**28
_SYNC = b"\xf6\x9c"
_MAX_HEAD = len(_SYNC) + 1 + 5 + 1
_CRC = 4
_WINDOW = 1 << 16
# Looking for records behind damage may checksum so many times the file's size in one pass, then it gives up: a file
# made of nothing but overlapping beginnings would take for ever.
_PATIENCE = 4


@dataclass(frozen=True, slots=True)
class RecordSpan:
    """A record's place: its first byte, its type, its payload."""

    offset: int
    type: int
    payload: int
    length: int

    @property
    def end(self) -> int:
        """First byte after the record."""
        return self.payload + self.length + _CRC


def frame(record_type: int, payload: bytes) -> bytes:
    """A whole record.

    Raises:
        FormatError: the payload exceeds 256 MiB.
    """
    if len(payload) > MAX_PAYLOAD:
        raise FormatError(f"a record of {len(payload)} bytes is larger than the format allows")
    head = bytes([record_type]) + varint(len(payload))
    head += _check(head)
    return _SYNC + head + payload + zlib.crc32(head + payload).to_bytes(_CRC, "little")


def _marks(window: bytes) -> Iterator[int]:
    hit = window.find(_SYNC)
    while hit >= 0:
        yield hit
        hit = window.find(_SYNC, hit + 1)


def _check(head: bytes) -> bytes:
    return zlib.crc32(head).to_bytes(4, "little")[:1]


class RecordFile:
    """Read-only view of the records in `file`; never reads past its end, never holds more than one payload.

    Attributes:
        size: bytes in the file when it was opened.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = os.fstat(file.fileno()).st_size
        self.rewind()

    def rewind(self) -> None:
        """Start a new pass: searching for records may cost as much again."""
        self._patience = _PATIENCE * self.size

    def read(self, offset: int, count: int) -> bytes:
        """Up to `count` bytes from `offset`."""
        self._file.seek(offset)
        return self._file.read(max(0, min(count, self.size - offset)))

    def at(self, offset: int) -> RecordSpan | None:
        """The record that starts at `offset` as its head tells; None where no head is there."""
        data = self.read(offset, _MAX_HEAD)
        cursor = Cursor(data)
        try:
            if cursor.take(len(_SYNC)) != _SYNC:
                return None
            record_type, length = cursor.byte(), cursor.varint(MAX_PAYLOAD)
            head = data[len(_SYNC) : len(data) - cursor.left]
            if cursor.take(1) != _check(head):
                return None
        except FormatError:
            return None
        return RecordSpan(offset, record_type, offset + len(_SYNC) + len(head) + 1, length)

    def payload(self, found: RecordSpan) -> bytes:
        """The record's payload.

        Raises:
            FormatError: its CRC32 differs, or the file ends before it does.
        """
        require(found.end <= self.size, "the file ends in the middle of it")
        data = self.read(found.payload, found.length)
        crc = zlib.crc32(data, zlib.crc32(self._head(found))).to_bytes(_CRC, "little")
        require(crc == self.read(found.end - _CRC, _CRC), "its checksum differs")
        return data

    def after(self, offset: int, found: RecordSpan | None) -> int:
        """Where to read on after a bad record at `offset`: the next record's start, or the file's end.

        The bad record's own length is believed where another record, or the file's end, lies right behind it.
        """
        if found is not None and (found.end == self.size or self.at(found.end) is not None):
            return found.end
        return self._search(offset + 1)

    def _search(self, offset: int) -> int:
        while offset < self.size:
            window = self.read(offset, _WINDOW)
            for hit in _marks(window):
                found = self.at(offset + hit)
                if found is not None and self._worth_it(found) and self._intact(found):
                    return found.offset
            # SYNC may straddle two windows, so the last byte is looked at again.
            offset += max(len(window) - 1, 1)
        return self.size

    def _worth_it(self, found: RecordSpan) -> bool:
        if found.end > self.size or found.length > self._patience:
            return False
        self._patience -= found.length
        return True

    def _head(self, found: RecordSpan) -> bytes:
        start = found.offset + len(_SYNC)
        return self.read(start, found.payload - start)

    def _intact(self, found: RecordSpan) -> bool:
        crc = zlib.crc32(self._head(found))
        for start in range(found.payload, found.end - _CRC, _WINDOW):
            crc = zlib.crc32(self.read(start, min(_WINDOW, found.end - _CRC - start)), crc)
        return crc.to_bytes(_CRC, "little") == self.read(found.end - _CRC, _CRC)
