"""The `.fgvc` container, writing side: append records so that a kill at any moment costs only the one being written."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, fields
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from codec.errors import FormatError, InputError, NotResumableError, OutputError
from codec.files import finish, own_part, part_path
from codec.format import framing, header_packing, packing
from codec.format.header import Header, TrajectorySpec
from codec.format.reader import BitstreamReader, pack_file_end, pack_file_header
from codec.format.records import AudioRecord, EndRecord, GopRecord, IndexEntry, check_belongs
from codec.format.wire import require

Settings = TypeVar("Settings", Header, TrajectorySpec)

# What a user calls fields of a header.
_IN_WORDS = {
    "prior_id": "prior",
    "weights_hash": "version of the prior's weights",
    "dtype": "number format",
    "writer": "version of this program",
}


@dataclass(frozen=True)
class ResumePoint:
    """Where an interrupted encode goes on.

    Attributes:
        gop: index of the next GOP, which is also the number of GOPs kept.
        frame: first source frame that no kept GOP covers.
        audio_pts: the last kept audio packet's time, or None where none is kept.
    """

    gop: int
    frame: int
    audio_pts: int | None


class _Totals:
    """What the end record will say, gathered as records are written or kept."""

    def __init__(self) -> None:
        self._index: list[IndexEntry] = []
        self._frames = self._base_bytes = self._audio_bytes = 0
        self._audio_pts: int | None = None

    def add(self, record: GopRecord | AudioRecord, offset: int, size: int) -> None:
        if isinstance(record, GopRecord):
            self._index.append(IndexEntry(offset, record.start_frame, record.overlap == 0))
            self._frames = record.end_frame
            self._base_bytes += record.base_bits // 8
        else:
            self._audio_bytes += size
            self._audio_pts = record.packets[-1].pts

    def check(self, gop: GopRecord) -> None:
        require(gop.index == len(self._index), f"GOP {gop.index} is given where GOP {len(self._index)} is next")
        first = self._frames - gop.overlap
        require(gop.start_frame == first, f"GOP {gop.index} starts at frame {gop.start_frame}, not at {first}")

    def end(self, complete: bool, last_duration: int, quality_at_source: float | None) -> EndRecord:
        sums = self._frames, self._base_bytes, self._audio_bytes
        return EndRecord(complete, *sums, tuple(self._index), last_duration, quality_at_source)

    def point(self) -> ResumePoint:
        return ResumePoint(len(self._index), self._frames, self._audio_pts)


class BitstreamWriter:
    """Writes `path` under the name `path`.part; each appended record is safe on disk when its call returns.

    Leaving a `with` block closes the file and keeps the part, so that a later run can resume it. Every method raises
    OutputError where the file can't be written.
    """

    def __init__(self, path: Path, header: Header) -> None:
        data = pack_file_header(header)
        self._settle(path, header, _Totals())
        with writing(path), ExitStack() as undo:
            self._file = undo.enter_context(FileIO(part_path(path), "w"))
            self._write(data)
            undo.pop_all()

    def _settle(self, path: Path, header: Header, totals: _Totals) -> None:
        self.path = path
        self.header = header
        self._totals = totals

    @classmethod
    def resume(cls, path: Path, header: Header) -> tuple[Self, ResumePoint]:
        """Go on with an encode that was interrupted: with the part beside `path`, or with `path` if it is incomplete.

        Keeps every record up to the last point from which encoding can go on without what came before: where a GOP
        shares nothing with the previous one but source frames, that is behind the last whole record, otherwise before
        the last chain of GOPs. Drops the rest, but of `path` itself, which stays as it is until `finish` replaces it.
        A part whose very first write failed is begun anew.

        Raises:
            OutputError: there is nothing to resume, or it can't be written.
            NotResumableError: the part was begun with another header, or its header is damaged.
        """
        part = part_path(path)
        source = part if part.exists() else path
        if not source.exists():
            raise OutputError(f"There is no unfinished {path} to go on with; encode it from the start.")
        if _holds_no_header(source, header):
            return cls(path, header), ResumePoint(0, 0, None)
        with _reader_of_part(source, path) as reader:
            _refuse_to_resume(path, reader, header)
            cut = _cut(reader)
            totals = _kept(reader, cut)
        writer = cls.__new__(cls)
        writer._settle(path, header, totals)
        with writing(path), ExitStack() as undo:
            if source != part:
                copy = own_part(path)
                undo.callback(copy.unlink, missing_ok=True)
                shutil.copyfile(source, copy)
                copy.replace(part)
            writer._file = undo.enter_context(FileIO(part, "r+"))
            writer._file.truncate(cut)
            writer._file.seek(cut)
            undo.pop_all()
        return writer, totals.point()

    @classmethod
    def name_complete_part(cls, path: Path, header: Header) -> bool:
        """Whether the part beside `path` lacked nothing but its name, which it has then got.

        Raises:
            OutputError: it can't be given that name.
            NotResumableError: it was begun with another header.
        """
        part = part_path(path)
        try:
            with BitstreamReader(part) as reader:
                if reader.end is None or not reader.end.complete:
                    return False
                _refuse_other_header(path, reader, header)
        except (InputError, FormatError):
            return False
        with writing(path):
            finish(part, path)
        return True

    def append_gop(self, gop: GopRecord) -> int:
        """Append a GOP; returns the bytes it takes.

        Raises:
            FormatError: it does not follow the last GOP, or contradicts the header.
        """
        self._totals.check(gop)
        return self._append(gop, framing.frame(framing.GOP, packing.pack_gop(gop)))

    def append_audio(self, audio: AudioRecord) -> int:
        """Append a run of audio packets; returns the bytes it takes.

        Raises:
            FormatError: the header announces no audio.
        """
        return self._append(audio, framing.frame(framing.AUDIO, packing.pack_audio(audio)))

    def finish(
        self, *, complete: bool = True, last_duration: int = 0, quality_at_source: float | None = None
    ) -> EndRecord:
        """Write index and trailer and give the file its final name, replacing what was there.

        Args:
            complete: False where the encode stopped before the source's end; such a file can be resumed.
            last_duration, quality_at_source: see `EndRecord`.
        """
        end = self._totals.end(complete, last_duration, quality_at_source)
        self._write(pack_file_end(end))
        self.close()
        with writing(self.path):
            finish(part_path(self.path), self.path)
        return end

    def stop(self) -> None:
        """End before the source's end: what there is gets the final name, as a file that plays and can be resumed.

        Unless there is nothing, or the same encode has left more under that name before: then that stays.
        """
        frames = self._totals.point().frame
        if frames and not _holds_more(self.path, self.header, frames):
            self.finish(complete=False)
        else:
            self.abort()

    def give_up(self) -> None:
        """Leave the part for a run that goes on, unless it holds no GOP: then remove it."""
        if not self._totals.point().gop:
            self.abort()

    def abort(self) -> None:
        """Remove the part."""
        self.close()
        with writing(self.path):
            part_path(self.path).unlink(missing_ok=True)

    def close(self) -> None:
        """Close the part and leave it as it is."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _append(self, record: GopRecord | AudioRecord, data: bytes) -> int:
        check_belongs(record, self.header)
        offset = self._write(data)
        self._totals.add(record, offset, len(data))
        return len(data)

    def _write(self, data: bytes) -> int:
        """Where `data` lie now, safely."""
        with writing(self.path):
            start = self._file.tell()
            try:
                left = memoryview(data)
                while left:
                    left = left[self._file.write(left) :]
                os.fsync(self._file.fileno())
            except OSError:
                # Half a record helps nobody, and a full disk needs its bytes.
                with suppress(OSError):
                    self._file.truncate(start)
                    self._file.seek(start)
                raise
        return start


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turns what the system refuses while `path` is written into an OutputError."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        what = "the disk is full" if full else error.strerror
        advice = "free some space and resume" if full else "choose another place or check its rights"
        raise OutputError(f"{path} can't be written: {what}; {advice}.") from error


def _holds_no_header(part: Path, header: Header) -> bool:
    """Whether a part ends before its header does, as where the disk was full at once."""
    whole = pack_file_header(header)
    with part.open("rb") as file:
        begun = file.read(len(whole))
    return len(begun) < len(whole) and whole.startswith(begun)


def _holds_more(path: Path, header: Header, frames: int) -> bool:
    """Whether a file is of the same encode and covers more than so many frames of its source."""
    try:
        with BitstreamReader(path) as reader:
            return reader.header == _as_stored(header) and reader.end is not None and reader.end.frames > frames
    except (InputError, FormatError):
        return False


def _reader_of_part(part: Path, path: Path) -> BitstreamReader:
    try:
        return BitstreamReader(part)
    except FormatError as error:
        raise NotResumableError(
            f"What is left of {path} is damaged or of a newer version; encode it from the start."
        ) from error


def _refuse_to_resume(path: Path, reader: BitstreamReader, header: Header) -> None:
    if reader.end is not None and reader.end.complete:
        raise OutputError(
            f"{reader.path} is complete, there is nothing to resume; choose another name to encode again."
        )
    _refuse_other_header(path, reader, header)


def _refuse_other_header(path: Path, reader: BitstreamReader, header: Header) -> None:
    if reader.version != packing.VERSION:
        raise NotResumableError(f"{path} was begun by an older version of this program; encode it from the start.")
    stored = _as_stored(header)
    names = _differing(stored, reader.header)
    if stored.trajectory is not None and reader.header.trajectory is not None:
        names[:0] = _differing(stored.trajectory, reader.header.trajectory)
        names = [name for name in names if name != "trajectory"]
    if names:
        told = ", ".join(_IN_WORDS.get(name, name.replace("_", " ")) for name in names)
        raise NotResumableError(f"{path} was begun with another {told}; restore these or encode it from the start.")


def _differing(one: Settings, other: Settings) -> list[str]:
    return [f.name for f in fields(one) if getattr(one, f.name) != getattr(other, f.name)]


def _as_stored(header: Header) -> Header:
    """As it is read back: a target is stored in single precision."""
    return header_packing.unpack_header(header_packing.pack_header(header), packing.VERSION)


def _cut(reader: BitstreamReader) -> int:
    """Where encoding can go on: the file's bytes before it stay."""
    independent = reader.header.overlap_mode == "plain" and reader.header.base_codec == "none"
    cut = None
    for located in reader.scan():
        item = located.item
        cut = located.offset if cut is None else cut
        if not isinstance(item, GopRecord | AudioRecord):
            break
        if independent:
            cut = located.end
        elif isinstance(item, GopRecord) and item.overlap == 0:
            cut = located.offset
    assert cut is not None  # a scan reports at least how the file ends
    return cut


def _kept(reader: BitstreamReader, cut: int) -> _Totals:
    totals = _Totals()
    for located in reader.scan():
        if located.offset >= cut or not isinstance(located.item, GopRecord | AudioRecord):
            break
        totals.add(located.item, located.offset, located.end - located.offset)
    return totals
