"""Encode many files: those that are finished are kept, parts are gone on with, and what fails fails alone."""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from codec.batch.encode_file import FileTask, Grown, encode_file
from codec.batch.events import BatchEvent, FileDone, OfFile
from codec.batch.sources import BatchFile
from codec.batch.table import BatchRow, FileStatus, Table, told_settings
from codec.errors import FreeGvcError, OutputError, refusal
from codec.events import Finished
from codec.files import check_output, finish, part_path, sole_writer
from codec.format.reader import BitstreamReader
from codec.format.writer import writing
from codec.log import LOGGER
from codec.parallel.here import Here
from codec.parallel.units import Failed, Message, Told, Workers
from codec.settings import EncodeSettings, Quality


@dataclass(frozen=True)
class Batch:
    """What is to be done.

    Attributes:
        contents_up_to: bytes of a source up to which it travels with its task, to workers that may not see it.
    """

    files: Sequence[BatchFile]
    settings: EncodeSettings
    table: Table
    contents_up_to: int = 0

    def run(self, workers: Workers) -> Generator[BatchEvent, None, None]:
        """Encode what isn't finished; closing the generator stops and leaves parts that another run goes on with.

        Raises:
            OutputError: the table can't be written, or another batch writes it.
        """
        with sole_writer(self.table.path):
            yield from self._run(workers)

    def _run(self, workers: Workers) -> Iterator[BatchEvent]:
        left: list[_FileEncode] = []
        for file in self.files:
            kept = self._kept(file)
            if kept is not None:
                yield FileDone(file, replace(kept, status=FileStatus.KEPT))
                continue
            encode = _FileEncode(self, file)
            try:
                _make_room(file)
                left.append(encode)
            except FreeGvcError as error:
                yield encode.refuse(error)
        # Where there are fewer files than workers, the workers share each file's scenes.
        shared = len(left) < workers.count and isinstance(self.settings.goal, Quality)
        work = partial(encode_file, workers=workers) if shared else encode_file
        engine: Workers = Here() if shared else workers
        with closing(engine.run(work, _tasks(left), lambda unit: not left[unit].refused)) as messages:
            for message in messages:
                yield from left[message.unit].take(message)

    def _kept(self, file: BatchFile) -> BatchRow | None:
        """The row of a file that is finished, from this source and with these settings."""
        row = self.table.rows.get(self.name_of(file))
        if row is None or row.status == FileStatus.FAILED or row.settings != told_settings(self.settings):
            return None
        there = _size(file.output) == row.bytes and _identity(file.source) == (row.source_bytes, row.source_time)
        return row if there and row.source == str(file.source.absolute()) else None

    def name_of(self, file: BatchFile) -> str:
        """As rows name its output."""
        return file.output.relative_to(self.table.folder).as_posix()


def _make_room(file: BatchFile) -> None:
    with writing(file.output):
        file.output.parent.mkdir(parents=True, exist_ok=True)
    check_output(file.source, file.output)
    part = part_path(file.output)
    if part.exists() and not part.is_file():
        raise OutputError(f"{file.output} can't be written, since {part.name} beside it is no file; move that away.")


def _tasks(encodes: Sequence[_FileEncode]) -> Iterator[FileTask]:
    for encode in encodes:
        yield encode.begin()


@dataclass
class _FileEncode:
    """One file that is being encoded: its part is written here, wherever it is made.

    Attributes:
        identity: the source's size and time.
        over: its row is written; nothing more is told of it.
        refused: over since it can't be written, so that all further work on it would be for nothing.
    """

    batch: Batch
    file: BatchFile
    began: float = 0.0
    identity: tuple[int, int] = (0, 0)
    over: bool = False
    refused: bool = False

    def begin(self) -> FileTask:
        self.began = time.perf_counter()
        source = self.file.source
        self.identity = _identity(source)
        contents, begun = None, b""
        if 0 < self.identity[0] <= self.batch.contents_up_to:
            # What can't be read is told by who tries to encode it.
            with suppress(OSError):
                contents = source.read_bytes()
        # A part that can't be read can't be written either, which is told when there is something to write.
        with suppress(OSError):
            begun = _begun(self.file.output)
        return FileTask(source.absolute(), self.batch.settings, contents, begun)

    def take(self, message: Message) -> Iterator[BatchEvent]:
        """Write and tell what a message says; nothing once it is over, whatever becomes of the worker then.

        Raises:
            OutputError: the table can't be written.
        """
        if self.over:
            return
        try:
            yield from self._taken(message)
        except OutputError as error:
            if self.over:
                raise
            yield self.refuse(error)

    def _taken(self, message: Message) -> Iterator[BatchEvent]:
        if isinstance(message, Failed):
            yield self.ended(self._row(FileStatus.FAILED, reason=reason_of(message.error)))
        elif isinstance(message, Told) and isinstance(message.what, Grown):
            self._grow(message.what)
        elif isinstance(message, Told) and isinstance(message.what, Finished):
            yield self._finished(message.what)
        elif isinstance(message, Told):
            yield OfFile(self.file, message.what)

    def refuse(self, error: FreeGvcError) -> FileDone:
        """It can't be written: whoever works on it may stop."""
        self.refused = True
        return self.ended(self._row(FileStatus.FAILED, reason=str(error)))

    def ended(self, row: BatchRow) -> FileDone:
        """Keep the row and tell it."""
        self.over = True
        self.batch.table.add(row)
        return FileDone(self.file, row)

    def _grow(self, grown: Grown) -> None:
        part = part_path(self.file.output)
        with writing(self.file.output), part.open("r+b" if part.exists() else "w+b") as file:
            file.truncate(grown.offset)
            file.seek(grown.offset)
            file.write(grown.data)
            file.flush()
            os.fsync(file.fileno())

    def _finished(self, finished: Finished) -> FileDone:
        with writing(self.file.output):
            finish(part_path(self.file.output), self.file.output)
        return self.ended(
            self._row(
                FileStatus.DONE,
                bytes=finished.bytes,
                audio_bytes=finished.audio_bytes,
                frames=finished.frames,
                bpp=finished.bpp,
                kbps=finished.kbps,
                quality=finished.quality,
                quality_at_source=finished.quality_at_source,
                missed=sum(gop.missed for gop in finished.gops),
            )
        )

    def _row(self, status: FileStatus, **figures: Any) -> BatchRow:
        size, changed = self.identity
        return BatchRow(
            source=str(self.file.source.absolute()),
            output=self.batch.name_of(self.file),
            status=status,
            settings=told_settings(self.batch.settings),
            source_bytes=size,
            source_time=changed,
            seconds=round(time.perf_counter() - self.began, 3) if self.began else 0.0,
            **figures,
        )


def reason_of(error: BaseException) -> str:
    """A sentence for the user."""
    told = refusal(error)
    if told is not None:
        return str(told)
    LOGGER.error("a worker failed", exc_info=error)
    return f"The engine failed ({type(error).__name__}: {error}); -v tells more."


def _begun(output: Path) -> bytes:
    """What an earlier run has left: its part, or a file that ends too early, which is a part again."""
    part = part_path(output)
    if not part.is_file() and _is_unfinished(output):
        output.replace(part)
    return part.read_bytes() if part.is_file() else b""


def _is_unfinished(output: Path) -> bool:
    if not output.is_file():
        return False
    with suppress(FreeGvcError), BitstreamReader(output) as reader:
        return reader.end is not None and not reader.end.complete
    return False


def _identity(source: Path) -> tuple[int, int]:
    """Size and time of a file; zeros where there is none."""
    try:
        found = source.stat()
    except OSError:
        return 0, 0
    return found.st_size, found.st_mtime_ns


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else -1
