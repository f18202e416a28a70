"""The `.fgvc` container, reading side: header, records in order, random access, and what is left of a damaged file.

A file is a signature and a header, then GOP and audio records, then an end record with the index and a trailer that
locates it. Reading depends on no network's floating point. docs/format.md specifies every byte; codec/format/writer.py
writes them.
"""

from __future__ import annotations

import zlib
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from codec.errors import FormatError, InputError
from codec.format import framing, header_packing, packing
from codec.format.framing import RecordFile, RecordSpan
from codec.format.header import Header
from codec.format.limits import MAX_GOP_FRAMES
from codec.format.records import AudioRecord, EndRecord, GopRecord, IndexEntry, check_belongs
from codec.format.wire import Cursor, require, varint

SIGNATURE = b"\x89FGV\r\n\x1a\n"
MAX_HEADER = 2**17
_TRAILER_MARK = b"FGVE"
_TRAILER = 4 + len(_TRAILER_MARK)
_CRC = 4


@dataclass(frozen=True)
class Damage:
    """Bytes that hold no readable record.

    Attributes:
        gop: the GOP that was lost with them, where the file's index tells.
        message: a complete sentence for the user.
    """

    offset: int
    bytes: int
    gop: int | None
    message: str


@dataclass(frozen=True)
class Located:
    """What lies in bytes offset..end of a file; `item` is None for a record that this version may pass over."""

    offset: int
    end: int
    item: GopRecord | AudioRecord | EndRecord | Damage | None


def pack_file_header(header: Header) -> bytes:
    """Signature, version, length, header, CRC32 of the last three."""
    payload = header_packing.pack_header(header)
    body = bytes([packing.VERSION]) + varint(len(payload)) + payload
    return SIGNATURE + body + zlib.crc32(body).to_bytes(_CRC, "little")


def pack_file_end(end: EndRecord) -> bytes:
    """The end record and the trailer: that record's size as 4 bytes, and a mark."""
    record = framing.frame(framing.END, packing.pack_end(end))
    return record + _trailer(len(record))


def _trailer(size: int) -> bytes:
    return size.to_bytes(_TRAILER - len(_TRAILER_MARK), "little") + _TRAILER_MARK


def chain_of(index: Sequence[IndexEntry], frame: int) -> IndexEntry | None:
    """The first GOP of the chain that holds `frame`, which can only be decoded from there; None without any GOP."""
    starts = [entry for entry in index if entry.chain_start and entry.start_frame <= frame]
    return max(starts, key=lambda entry: entry.start_frame, default=next(iter(index), None))


class BitstreamReader:
    """Reads a `.fgvc` file, whole, cut off or damaged, holding one record at a time.

    Attributes:
        version: of the format that it is written in.
        header: the file's header.
        end: the end record; None where the file was cut off or its index is damaged.

    Raises:
        InputError: the file can't be opened.
        FormatError: it is no `.fgvc` file, its header is damaged, or a newer program wrote it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with ExitStack() as opened:
            try:
                if path.exists() and not (path.is_file() or path.is_dir()):
                    raise InputError(f"{path} is no ordinary file, and reading goes back and forth; save it to one.")
                file = opened.enter_context(path.open("rb"))
            except OSError as error:
                raise InputError(f"{path} can't be opened: {error.strerror}; check its name and rights.") from error
            self._records = RecordFile(file)
            self.version, self.header, self._start = _read_header(path, self._records)
            self.end = self._read_end()
            self._opened = opened.pop_all()

    def records(self, first: IndexEntry | None = None) -> Iterator[GopRecord | AudioRecord | Damage]:
        """Every readable record in the file's order, and a Damage for every run of bytes that is none.

        Args:
            first: the GOP to begin with; nothing before it is read. None begins with the file's first record.

        Raises:
            FormatError: at the end, if not one GOP was readable.
        """
        gops = 0
        for located in self.scan(None if first is None else first.offset):
            gops += isinstance(located.item, GopRecord)
            if isinstance(located.item, GopRecord | AudioRecord | Damage):
                yield located.item
        if gops == 0:
            raise FormatError(f"{self.path} holds no readable group of pictures; ask for the file again.")

    def scan(self, start: int | None = None) -> Iterator[Located]:
        """Everything from a record's offset (the header's end) to the end record, or to the file's end without one."""
        self._records.rewind()
        offset, last = self._start if start is None else start, None
        while offset < self._records.size:
            located = self._locate(offset, last)
            yield located
            offset = located.end
            if isinstance(located.item, GopRecord):
                last = located.item
            elif isinstance(located.item, EndRecord):
                yield from self._check_trailer(located)
                return
        yield self._damage(offset, offset, "it ends without its index: encoding stopped early or the file was cut off")

    def index(self) -> tuple[IndexEntry, ...]:
        """Where the GOPs lie, in order: from the end record, or else by reading the whole file for readable ones."""
        if self.end is not None:
            return self.end.index
        gops = ((found.offset, found.item) for found in self.scan() if isinstance(found.item, GopRecord))
        return tuple(IndexEntry(offset, gop.start_frame, gop.overlap == 0) for offset, gop in gops)

    def close(self) -> None:
        """Close the file."""
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _locate(self, offset: int, last: GopRecord | None) -> Located:
        found = self._records.at(offset)
        try:
            if found is None:
                raise FormatError("no record starts there")
            item = self._parse(found)
            if isinstance(item, GopRecord):
                _check_place(item, offset, last)
            return Located(offset, found.end, item)
        except FormatError as reason:
            return self._damage(offset, self._records.after(offset, found), str(reason))

    def _parse(self, found: RecordSpan) -> GopRecord | AudioRecord | EndRecord | None:
        payload = self._records.payload(found)
        if found.type == framing.END:
            return packing.unpack_end(payload, found.offset, self.version)
        if found.type in (framing.GOP, framing.AUDIO):
            gop = found.type == framing.GOP
            record = packing.unpack_gop(payload, self.version) if gop else packing.unpack_audio(payload)
            check_belongs(record, self.header)
            return record
        require(
            bool(found.type & framing.SKIPPABLE), f"records of type {found.type} need a newer version of the program"
        )
        return None

    def _damage(self, offset: int, end: int, reason: str) -> Located:
        index = self.end.index if self.end else ()
        gop = bisect_left(index, offset, key=lambda entry: entry.offset)
        lost = gop if gop < len(index) and index[gop].offset == offset else None
        where = f"Group of pictures {lost}" if lost is not None else f"A part of {end - offset} bytes"
        message = f"{where} at byte {offset} of {self.path} is lost ({reason}); the rest is read on."
        return Located(offset, end, Damage(offset, end - offset, lost, message))

    def _check_trailer(self, end: Located) -> Iterator[Located]:
        trailer = self._records.read(end.end, _TRAILER + 1)
        if trailer != _trailer(end.end - end.offset):
            yield self._damage(end.end, self._records.size, "the trailer behind the index is damaged")

    def _read_end(self) -> EndRecord | None:
        size = self._records.size
        trailer = self._records.read(size - _TRAILER, _TRAILER)
        offset = size - _TRAILER - int.from_bytes(trailer[: -len(_TRAILER_MARK)], "little")
        if not trailer.endswith(_TRAILER_MARK) or offset < self._start:
            return None
        found = self._records.at(offset)
        try:
            item = self._parse(found) if found is not None and found.end == size - _TRAILER else None
        except FormatError:
            return None
        return item if isinstance(item, EndRecord) else None


def _check_place(gop: GopRecord, offset: int, last: GopRecord | None) -> None:
    # So that nobody who makes room for all frames is led on by a few bytes.
    most = offset // packing.MIN_GOP_RECORD * MAX_GOP_FRAMES
    require(gop.start_frame <= most, f"frame {gop.start_frame} can't lie there")
    if last is not None:
        ordered = gop.index > last.index and gop.start_frame > last.start_frame
        require(ordered, f"GOP {gop.index} follows GOP {last.index}")


def _read_header(path: Path, records: RecordFile) -> tuple[int, Header, int]:
    """The format's version, the header and the offset of the first record."""
    signature = records.read(0, len(SIGNATURE))
    if signature != SIGNATURE:
        raise FormatError(f"{path} is not a Free-GVC file; choose a file that this program has encoded.")
    start = len(SIGNATURE)
    lead = records.read(start, 4)
    if lead[:1] and lead[0] > packing.VERSION:
        raise FormatError(
            f"{path} is in version {lead[0]} of the format, but this program reads up to version {packing.VERSION}; "
            "update it."
        )
    try:
        cursor = Cursor(lead)
        version = cursor.byte()
        require(version > 0, "version 0 does not exist")
        length = cursor.varint(MAX_HEADER)
        body = records.read(start, len(lead) - cursor.left + length)
        crc = records.read(start + len(body), _CRC)
        require(zlib.crc32(body).to_bytes(_CRC, "little") == crc, "its checksum differs")
        header = header_packing.unpack_header(body[len(lead) - cursor.left :], version)
        return version, header, start + len(body) + _CRC
    except FormatError as error:
        raise FormatError(f"The header of {path} is damaged ({error}); ask for the file again.") from error
