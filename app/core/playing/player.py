"""The pictures that belong to the clock's frame: the original's, the reconstruction's, and other codecs'."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal, Slot

from app.core.playing.beside import Beside
from app.core.playing.clock import FrameClock
from app.core.playing.pictures.enlarger import Enlarger, Size
from app.core.playing.pictures.frame_store import FrameStore
from app.core.playing.pictures.original import OriginalReader
from codec.arrays import Picture
from codec.events import PreviewReady

ORIGINAL, RESULT, OTHER = "original", "fgvc", "other"
_ROUNDED = 0.15


class Player(QObject):
    """The original and the reconstruction under one clock; other codecs' pictures may take the place of either.

    All sides are compared at one size, `size`; what is stored smaller is scaled to it as decoding would write it.

    Attributes:
        sides: what is shown on the first and the second side: ORIGINAL, RESULT, OTHER or the name of another codec.
        beside: another file, which is OTHER while it has a name.
        offset: frames by which the original is ahead of the reconstruction.
        size: (width, height) at which sides are compared, None while nothing is open.
        source_size: (width, height) of the source itself.
        waits_for_result: whether every frame of the reconstruction can be had, so that playing waits for it.
        sides_changed: others were chosen, or there are others to choose from.
        updated: a picture of the current frame has changed.
        sharpened: a picture that `picture` lacked is there at `size` now.
        filled: the reconstruction has more frames, or others.
        missing: the number of a frame that the reconstruction lacks.
        ended: how many frames the original has, once that is known.
        failed: the original can't be read; a sentence.
    """

    sides_changed = Signal()
    updated = Signal()
    sharpened = Signal()
    filled = Signal()
    missing = Signal(int)
    ended = Signal(int)
    failed = Signal(str)

    def __init__(self, clock: FrameClock, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.clock = clock
        self.store = FrameStore()
        self.size: Size | None = None
        self.source_size: Size | None = None
        self.waits_for_result = True
        self._enlarger = Enlarger(self)
        self._enlarger.arrived.connect(self.sharpened)
        self.offset = 0
        self.beside = Beside(clock, self)
        self.beside.updated.connect(self.updated)
        self._original: OriginalReader | None = None
        self._has_result = False
        self._provisional: set[int] = set()
        self._others: dict[str, NDArray[np.uint8]] = {}
        self.sides = (ORIGINAL, RESULT)
        clock.ready = self._ready
        clock.changed.connect(self._show)

    @property
    def original(self) -> Picture | None:
        """Of the current frame, where it is there, as it was read."""
        number = self.clock.frame + self.offset
        return self._original.frame(number) if self._original is not None and number >= 0 else None

    @property
    def frame(self) -> int:
        """The number of the reconstruction's frame that is on show."""
        return self.clock.frame

    @property
    def result(self) -> Picture | None:
        """Of the current frame, where it is there, at coding size."""
        return self.store.get(self.clock.frame)

    @property
    def provisional(self) -> bool:
        """Whether the current frame's reconstruction is only its base layer yet."""
        return self.clock.frame in self._provisional

    @property
    def has_result(self) -> bool:
        """Whether a reconstruction exists or is being made."""
        return self._has_result

    @property
    def has_original(self) -> bool:
        """Whether there is a source to compare with."""
        return self._original is not None

    @property
    def others(self) -> tuple[str, ...]:
        """Names of the other codecs that can be shown."""
        return tuple(self._others)

    def exists(self, name: str) -> bool:
        """Whether there is such a side, though its picture may still be on the way."""
        if name == ORIGINAL:
            return self.has_original
        if name == OTHER:
            return bool(self.beside.name)
        return self.has_result if name == RESULT else name in self._others

    def is_over(self, name: str) -> bool:
        """Whether a side has no frame here, being shorter or shifted."""
        if name == OTHER:
            return self.beside.over
        number = self.clock.frame + self.offset
        over = number < 0 or (self._original is not None and self._original.is_behind_the_end(number))
        return name == ORIGINAL and over

    def is_unreadable(self, name: str) -> bool:
        """Whether a side that has no picture here will never have one, since its video can't be read."""
        if name == OTHER:
            return self.beside.unreadable
        return name == ORIGINAL and self._original is not None and self._original.unreadable

    def shift(self, by: int) -> None:
        """Let the file beside, or else the original, be so many frames further ahead."""
        if self.beside.name:
            self.beside.shift(by)
        else:
            self.offset += by
            self.updated.emit()

    @property
    def shifted(self) -> int:
        """Frames by which the file beside, or else the original, is ahead."""
        return self.beside.offset if self.beside.name else self.offset

    def stored(self, name: str) -> Picture | None:
        """A side's picture of the current frame at the size it is stored, where it is there."""
        if name == ORIGINAL:
            return self.original
        if name == RESULT:
            return self.result
        if name == OTHER:
            return self.beside.picture
        frames = self._others.get(name)
        return frames[self.clock.frame] if frames is not None and self.clock.frame < len(frames) else None

    def picture(self, name: str) -> Picture | None:
        """A side's picture of the current frame at `size`, where it is there; `sharpened` tells when it comes."""
        stored = self.stored(name)
        if stored is None or self.size is None or not alike(stored, self.size):
            return stored
        return self._enlarger.get(stored, self.size)

    def show_others(self, frames: Mapping[str, NDArray[np.uint8]]) -> None:
        """Take other codecs' frames, uint8 (T, H, W, 3) by name; both sides start over if one is gone."""
        self._others = dict(frames)
        gone = any(name not in (ORIGINAL, RESULT, OTHER, *self._others) for name in self.sides)
        self.choose(*((ORIGINAL, RESULT) if gone else self.sides))

    def choose(self, first: str, second: str) -> None:
        """Show these two; what doesn't exist gives way to the original and the reconstruction."""
        known = (ORIGINAL, RESULT, *((OTHER,) if self.beside.name else ()), *self._others)
        self.sides = (first if first in known else ORIGINAL, second if second in known else RESULT)
        self.sides_changed.emit()
        self.updated.emit()

    def show_original(self, reader: OriginalReader | None) -> None:
        """Take another source; the one before is closed."""
        if self._original is not None:
            self._original.close()
            self._original.deleteLater()
        self._original, self.offset = reader, 0
        if reader is not None:
            reader.arrived.connect(self._arrived)
            reader.ended.connect(self._end)
            reader.failed.connect(self.failed)
            reader.failed.connect(self.updated)
            reader.start()

    def show_result(self, expected: bool) -> None:
        """Forget the reconstruction's frames; `expected` says that others come."""
        self.store.clear()
        self._provisional.clear()
        self._has_result = expected
        self.filled.emit()
        self.updated.emit()

    def take(self, pictures: PreviewReady) -> None:
        """Keep frames of the reconstruction."""
        numbers = range(pictures.start_frame, pictures.start_frame + len(pictures.frames))
        for number, frame in zip(numbers, pictures.frames, strict=True):
            final = number in self.store and number not in self._provisional
            if pictures.provisional and not final:
                self._provisional.add(number)
            if not pictures.provisional:
                self._provisional.discard(number)
            if not (pictures.provisional and final):
                self.store.put(number, frame)
        self.filled.emit()
        if pictures.start_frame <= self.clock.frame < pictures.start_frame + len(pictures.frames):
            self.updated.emit()

    def close(self) -> None:
        """Stop the clock and release the source."""
        self.clock.pause()
        self.show_original(None)
        self.beside.close()
        self._enlarger.close()

    def _ready(self, frame: int) -> bool:
        if self._has_result and self.waits_for_result and frame not in self.store:
            self.missing.emit(frame)
            return False
        number = frame + self.offset
        return self.beside.ready(frame) and (self._original is None or number < 0 or self._original.has(number))

    @Slot(int)
    def _show(self, frame: int) -> None:
        if self._has_result and frame not in self.store:
            self.missing.emit(frame)
        self.updated.emit()

    @Slot(int)
    def _end(self, count: int) -> None:
        # One that was closed may still have had something to say.
        if self.sender() is self._original:
            self.ended.emit(count)

    @Slot(int)
    def _arrived(self, frame: int) -> None:
        if frame == self.clock.frame + self.offset:
            self.updated.emit()


def alike(picture: Picture, size: Size) -> bool:
    """Whether a picture has about the shape of (width, height): coding rounds both, another video has its own."""
    height, width, _ = picture.shape
    return bool(abs(width * size[1] / (height * size[0]) - 1) < _ROUNDED)
