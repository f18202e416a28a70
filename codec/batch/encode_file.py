"""One file of a batch, encoded by a worker that may be another machine: what it needs and what it writes both travel.

The worker's file grows in a folder of its own. What is new in it is told with every event, and who asked for the work
mirrors it: so there is one hand that writes results, a part is there to go on with whatever becomes of the worker, and
no disk need be shared.
"""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from codec.encoder import encode
from codec.errors import FormatError, SettingsError
from codec.events import Event
from codec.files import part_path
from codec.parallel.units import Workers
from codec.settings import EncodeSettings


@dataclass(frozen=True)
class FileTask:
    """A file to encode.

    Attributes:
        source: where it lies; taken there if the worker sees it too.
        contents: its bytes, for a worker that doesn't; None where all see it.
        begun: what an interrupted run has left of the result.
    """

    source: Path
    settings: EncodeSettings
    contents: bytes | None = field(default=None, repr=False)
    begun: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class Grown:
    """The result is `data` from byte `offset` on."""

    offset: int
    data: bytes = field(repr=False)


def encode_file(task: FileTask, workers: Workers | None = None) -> Generator[Event | Grown, None, None]:
    """Encode a file; the last event is Finished, with a path that has gone by then.

    Args:
        workers: see `encode`.

    Raises:
        FreeGvcError: what `encode` raises.
    """
    with tempfile.TemporaryDirectory(prefix="freegvc-") as name:
        source = _source(task, Path(name))
        output = Path(name) / "coded.fgvc"
        if task.begun:
            part_path(output).write_bytes(task.begun)
            try:
                yield from _mirrored(source, output, replace(task.settings, resume=True), task.begun, workers)
                return
            except (SettingsError, FormatError):
                # Begun with other settings, or damaged; what is wrong with these settings will be told again.
                part_path(output).unlink(missing_ok=True)
        yield from _mirrored(source, output, replace(task.settings, resume=False), b"", workers)


def _source(task: FileTask, folder: Path) -> Path:
    if task.contents is None or task.source.is_file():
        return task.source
    copy = folder / "source" / task.source.name
    copy.parent.mkdir()
    copy.write_bytes(task.contents)
    return copy


def _mirrored(
    source: Path, output: Path, settings: EncodeSettings, begun: bytes, workers: Workers | None
) -> Generator[Event | Grown, None, None]:
    mirror = _Mirrored(output, len(begun), begun)
    with closing(encode(source, output, settings, workers)) as events:
        for event in events:
            yield from mirror.news()
            yield event


@dataclass
class _Mirrored:
    """How much of a growing file has been told.

    Attributes:
        begun: what the other side had at first, of which a resumed encode may take back the end; then empty.
    """

    output: Path
    length: int
    begun: bytes

    def news(self) -> Iterator[Grown]:
        path = self.output if self.output.exists() else part_path(self.output)
        size = path.stat().st_size if path.exists() else 0
        if size == self.length:
            return
        with path.open("rb") as file:
            if self.begun:
                self.length, self.begun = _common(self.begun, file.read()), b""
            file.seek(self.length)
            data = file.read()
        yield Grown(self.length, data)
        self.length += len(data)


def _common(before: bytes, after: bytes) -> int:
    """How many bytes both begin with."""
    differing = (place for place, (one, other) in enumerate(zip(before, after, strict=False)) if one != other)
    return next(differing, min(len(before), len(after)))
