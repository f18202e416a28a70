"""The source video's frames by number, read ahead in a thread of their own."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path
from threading import Condition

from PySide6.QtCore import QObject, QThread, Signal

from app.core.files import reading
from app.core.playing.pictures.frame_store import FrameStore
from codec.arrays import Picture
from codec.errors import FreeGvcError, InputError
from codec.video import Frame, VideoReader
from codec.video.timeline import is_constant_rate, shown_times

AHEAD = 24
CACHE_BYTES = 2**28
# Frames, and seconds.
_EARLIER, _ROUNDED = 3, 0.0005


class OriginalReader(QThread):
    """Frame n is the n-th after `start` seconds, at `size` (width, height), None for its own, as an encode sees it.

    Whoever makes one connects its signals and then starts it: a file that is gone fails at once, and is told of once.

    Args:
        deinterlace: see `codec.settings.EncodeSettings`.

    Attributes:
        arrived: a frame that was asked for is there.
        ended: how many frames there are; known once the last one was read.
        failed: the source can't be read on; a sentence.
    """

    arrived = Signal(int)
    ended = Signal(int)
    failed = Signal(str)

    def __init__(
        self,
        path: Path,
        size: tuple[int, int] | None,
        start: float = 0.0,
        parent: QObject | None = None,
        deinterlace: str = "auto",
    ) -> None:
        super().__init__(parent)
        self._path, self._size, self._offset = path, size, start
        self._joined = deinterlace == "auto"
        self._cache = FrameStore(CACHE_BYTES)
        self._wake = Condition()
        self._ahead = AHEAD
        self._wanted = 0
        self._closing = False
        self._end: int | None = None
        self._constant: bool | None = None
        self._times: tuple[float, ...] = ()
        self._unreadable = False

    def frame(self, number: int) -> Picture | None:
        """The frame where it is there; else None, and `arrived` tells when it is."""
        with self._wake:
            self._wanted = number
            self._wake.notify()
            return self._cache.get(number)

    def has(self, number: int) -> bool:
        """Whether the frame is there, or will never be; asking is wanting it."""
        return self.frame(number) is not None or self.is_behind_the_end(number) or self.unreadable

    def is_behind_the_end(self, number: int) -> bool:
        """Whether the video is known to be over before this frame."""
        with self._wake:
            return self._end is not None and number >= self._end

    @property
    def unreadable(self) -> bool:
        """Whether reading has failed: frames that aren't there will never be."""
        with self._wake:
            return self._unreadable

    def close(self) -> None:
        """End the thread and release the file."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self.wait()

    def run(self) -> None:
        """The thread."""
        try:
            with reading(self._path):
                self._serve()
        except FreeGvcError as error:
            with self._wake:
                self._unreadable = True
            self.failed.emit(str(error))

    def _serve(self) -> None:
        reader, frames, position = self._open_at(0)
        # Frames that don't fit would push out those that are wanted sooner, and be read again without end.
        self._ahead = min(AHEAD, self._cache.room(reader.size[0] * reader.size[1] * 3) // 2)
        try:
            while (missing := self._next_missing()) is not None:
                if not position <= missing <= position + self._ahead:
                    reader.close()
                    # A step back is often followed by another: read some frames before it too.
                    target = max(0, missing - self._ahead // 2) if missing < position else missing
                    reader, frames, position = self._open_at(target)
                frame = next(frames, None)
                with self._wake:
                    if frame is None:
                        self._end = position
                    else:
                        self._cache.put(position, frame.pixels)
                    wanted = self._wanted == position
                if frame is None:
                    self.ended.emit(position)
                elif wanted:
                    self.arrived.emit(position)
                position += 1
        finally:
            reader.close()

    def _next_missing(self) -> int | None:
        """Waits for a frame that should be read; None at the end of the thread."""
        with self._wake:
            while not self._closing:
                last = self._wanted + self._ahead
                last = last if self._end is None else min(last, self._end)
                missing = next((n for n in range(self._wanted, last) if n not in self._cache), None)
                if missing is not None:
                    return missing
                self._wake.wait()
        return None

    def _open_at(self, number: int) -> tuple[VideoReader, Iterator[Frame], int]:
        """A reader whose next frame is `number`, found by its time, or by counting where that doesn't lead there."""
        reader = self._reader(self._offset)
        if number == 0:
            return reader, reader.frames(), 0
        rate = reader.info.frame_rate
        if self._constant is None:
            self._constant = is_constant_rate(self._path, rate)
            times = None if self._constant else shown_times(self._path, rate, self._offset)
            self._times = () if times is None else times.starts
        if not self._constant:
            return self._among_uneven(reader, number)
        reader.close()
        try:
            # One earlier: what becomes of a frame's two fields depends on the frame before.
            reader = self._reader(self._offset + (number - 1) / float(rate))
        except InputError:
            # What a file says of its length is often an estimate, so this may lie behind its end.
            return _counted(self._reader(self._offset), number)
        frames = reader.frames()
        next(frames, None)
        return reader, frames, number

    def _among_uneven(self, reader: VideoReader, number: int) -> tuple[VideoReader, Iterator[Frame], int]:
        """The same where frames have times of their own; `reader` is one from the first frame on."""
        # Some earlier: where the first frame lies is known to half a frame only, and one for its fields, as above.
        before = number - _EARLIER
        if before <= 0 or number >= len(self._times):
            return _counted(reader, number)
        origin = reader.origin
        try:
            found = self._reader(self._offset + self._times[before])
        except InputError:
            return _counted(reader, number)
        reached = float(found.origin - origin)
        position = bisect_left(self._times, reached - _ROUNDED)
        if position >= number or abs(self._times[position] - reached) > _ROUNDED:
            # It isn't where its packets say.
            found.close()
            return _counted(reader, number)
        reader.close()
        found, frames, read = _counted(found, number - position)
        return found, frames, position + read

    def _reader(self, start: float) -> VideoReader:
        return VideoReader(self._path, size=self._size, start=start, deinterlace=self._joined)


def _counted(reader: VideoReader, number: int) -> tuple[VideoReader, Iterator[Frame], int]:
    """The reader's frames from `number` on, or from its end where it has fewer; and which that is."""
    frames = reader.frames()
    for position in range(number):
        if next(frames, None) is None:
            return reader, iter(()), position
    return reader, frames, number
