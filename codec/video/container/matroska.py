"""Whether a Matroska file's elements fit together (RFC 8794, RFC 9559): FFmpeg skips damaged clusters in silence."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

_EBML, _SEGMENT, _CLUSTER = 0x1A45DFA3, 0x18538067, 0x1F43B675
_VOID, _CRC = 0xEC, 0xBF
# SeekHead, Info, Tracks, Cluster, Cues, Attachments, Chapters, Tags.
_TOP = {0x114D9B74, 0x1549A966, 0x1654AE6B, _CLUSTER, 0x1C53BB6B, 0x1941A469, 0x1043A770, 0x1254C367, _VOID, _CRC}
# Timestamp, SilentTracks, Position, PrevSize, SimpleBlock, BlockGroup, EncryptedBlock.
_IN_CLUSTER = {0xE7, 0x5854, 0xA7, 0xAB, 0xA3, 0xA0, 0xAF, _VOID, _CRC}
_LONGEST_HEAD = 12


@dataclass(frozen=True)
class _Element:
    """`end` is None where its size is unknown (live recordings)."""

    id: int
    begin: int
    body: int
    end: int | None


class Structure:
    """Walks a file's elements as far as its packets have been read.

    Args:
        skipped: packets before this position in the file are not going to be read.
    """

    def __init__(self, path: Path, skipped: int = 0) -> None:
        self._file = path.open("rb")
        self._size = path.stat().st_size
        self._skipped = skipped
        self._walk = self._flaws()
        self._reached = 0
        self._flaw: int | None = None

    def sound_until(self, position: int | None) -> bool:
        """Whether all elements that begin before `position` are whole; None: to the file's end."""
        while self._flaw is None and (position is None or self._reached < position):
            flawed = next(self._walk, None)
            if flawed is None:
                self._reached = self._size
                break
            if flawed:
                self._flaw = self._reached
        return self._flaw is None or (position is not None and position <= self._flaw)

    def close(self) -> None:
        """Releases the file."""
        self._file.close()

    def _flaws(self) -> Iterator[bool]:
        """For each element in the file's order: whether it is out of place."""
        segment = None
        at = 0
        while segment is None and at < self._size:
            element = self._element(at, self._size)
            if element is None or element.id not in (_EBML, _SEGMENT, _VOID):
                yield True
                return
            if element.id == _SEGMENT:
                segment = element
            at = element.body if element.id == _SEGMENT else element.end or self._size
        if segment is None:
            return
        yield from self._top(segment)

    def _top(self, segment: _Element) -> Iterator[bool]:
        live = segment.end is None
        if segment.end is not None and segment.end > self._size:
            # Cut off: what is there is read, and the end is the flaw.
            yield from self._elements(segment.body, self._size, live=False)
            yield True
            return
        yield from self._elements(segment.body, segment.end or self._size, live)

    def _elements(self, begin: int, end: int, live: bool) -> Iterator[bool]:
        at = begin
        while at < end:
            self._reached = at
            element = self._element(at, end)
            if element is None or (element.end or at) > end:
                # The last element of a recording that nobody finished, or of a file that was cut off.
                if element is not None and element.id == _CLUSTER:
                    yield from self._cluster(element.body, end, False, live)
                yield not live
                return
            if element.id in (_EBML, _SEGMENT):
                at = element.end if element.id == _EBML and element.end else element.body
            elif element.id not in _TOP:
                yield True
                return
            elif element.id == _CLUSTER and (element.end is None or element.end > self._skipped):
                last = end if element.end is None else element.end
                at = yield from self._cluster(element.body, last, element.end is None, live)
            else:
                at = end if element.end is None else element.end
            yield False

    def _cluster(self, begin: int, end: int, open_end: bool, live: bool) -> Generator[bool, None, int]:
        """As above, of one cluster; returns where it ends."""
        at = begin
        while at < end:
            self._reached = at
            element = self._element(at, end)
            if element is None:
                yield not live
                return end
            if open_end and element.id in _TOP | {_EBML, _SEGMENT} - {_VOID, _CRC}:
                return at
            if element.id not in _IN_CLUSTER or element.end is None or element.end > end:
                yield not (live and element.id in _IN_CLUSTER)
                return end
            at = element.end
            yield False
        return end

    def _element(self, at: int, limit: int) -> _Element | None:
        """The element at a position; None where there is none."""
        self._file.seek(at)
        head = self._file.read(min(_LONGEST_HEAD, limit - at))
        name = _number(head, keep_mark=True, longest=4)
        if name is None:
            return None
        size = _number(head[name[1] :], keep_mark=False, longest=8)
        if size is None:
            return None
        body = at + name[1] + size[1]
        unknown = size[0] == (1 << 7 * size[1]) - 1
        return _Element(name[0], at, body, None if unknown else body + size[0])


def _number(data: bytes, *, keep_mark: bool, longest: int) -> tuple[int, int] | None:
    """An EBML number of variable length and the bytes it takes; None where there is none."""
    if not data or not data[0]:
        return None
    length = 9 - data[0].bit_length()
    if length > min(longest, len(data)):
        return None
    value = int.from_bytes(data[:length], "big")
    return value if keep_mark else value & ((1 << 7 * length) - 1), length
