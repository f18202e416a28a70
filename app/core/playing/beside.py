"""Another file beside the open one, frame for frame: a video, or a second result."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal, Slot

from app.core.playing.clock import FrameClock
from app.core.playing.pictures.frame_store import FrameStore
from app.core.playing.pictures.original import OriginalReader
from codec.arrays import Picture
from codec.events import PreviewReady


class Beside(QObject):
    """Shows frame `clock.frame + offset` of it; what feeds a player with a result's frames feeds this one alike.

    Attributes:
        name: of the file; "" while there is none.
        count: how many frames it has, as far as that is known.
        offset: frames by which it is ahead of what it stands beside.
        has_result: whether it is a result, whose frames `take` brings.
        updated: its picture has changed.
        missing: the number of a frame that its result lacks.
        filled: its result has more frames.
        failed: it can't be read; a sentence.
    """

    updated = Signal()
    missing = Signal(int)
    filled = Signal()
    failed = Signal(str)

    def __init__(self, clock: FrameClock, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.clock = clock
        self.store = FrameStore()
        self.name = ""
        self.count: int | None = None
        self.offset = 0
        self.has_result = False
        self._reader: OriginalReader | None = None
        clock.changed.connect(self._show)

    @property
    def frame(self) -> int:
        """The number of its frame that is on show."""
        return self.clock.frame + self.offset

    @property
    def picture(self) -> Picture | None:
        """That frame, where it is there."""
        if self._reader is not None:
            return self._reader.frame(self.frame) if self.frame >= 0 else None
        return self.store.get(self.frame) if self.has_result else None

    @property
    def over(self) -> bool:
        """Whether it has no such frame."""
        return self._is_over(self.frame)

    @property
    def unreadable(self) -> bool:
        """Whether reading has failed: what isn't there will never be."""
        return self._reader is not None and self._reader.unreadable

    def _is_over(self, number: int) -> bool:
        behind = self._reader is not None and self._reader.is_behind_the_end(number)
        return number < 0 or behind or (self.has_result and self.count is not None and number >= self.count)

    def open(self, name: str, count: int, reader: OriginalReader | None) -> None:
        """Take a video, or without a `reader` a result."""
        self.close()
        self.name, self.count, self._reader = name, count, reader
        if reader is not None:
            reader.arrived.connect(self._arrived)
            reader.failed.connect(self.failed)
            reader.failed.connect(self.updated)
            reader.start()
        self.updated.emit()

    def show_result(self, expected: bool) -> None:
        """Forget its frames; `expected` says that others come."""
        self.store.clear()
        self.has_result = expected
        self.updated.emit()

    def take(self, pictures: PreviewReady) -> None:
        """Keep frames of the result."""
        for number, frame in enumerate(pictures.frames, pictures.start_frame):
            self.store.put(number, frame)
        self.filled.emit()
        if pictures.start_frame <= self.frame < pictures.start_frame + len(pictures.frames):
            self.updated.emit()

    def ready(self, frame: int) -> bool:
        """Whether there is nothing to wait for before the clock shows a frame."""
        number = frame + self.offset
        if self._is_over(number):
            return True
        if self.has_result and number not in self.store:
            self.missing.emit(number)
            return False
        return self._reader is None or self._reader.has(number)

    def shift(self, by: int) -> None:
        """Be so many frames further ahead."""
        self.offset += by
        self._show()

    def close(self) -> None:
        """Let the file go."""
        if self._reader is not None:
            self._reader.close()
            self._reader.deleteLater()
            self._reader = None
        self.name, self.count, self.offset = "", None, 0
        self.show_result(expected=False)

    @Slot()
    def _show(self) -> None:
        if self.has_result and not self.over and self.frame not in self.store:
            self.missing.emit(self.frame)
        if self.name:
            self.updated.emit()

    @Slot(int)
    def _arrived(self, frame: int) -> None:
        if frame == self.frame:
            self.updated.emit()
