"""One integer frame clock, and the two pictures that belong to its frame."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

from app.core.playing.frame_store import FrameStore, Picture
from app.core.playing.original import OriginalReader
from codec.events import PreviewReady


class FrameClock(QObject):
    """Counts frames at a rate, holding where the next one isn't ready.

    Attributes:
        changed: the number of the frame to show.
        playing_changed: whether it runs.
        held: it waits for a frame that is due.
        now: its time in seconds, of which only differences mean something; may be called from any thread.
        ready: asked before a frame is shown while playing.
    """

    changed = Signal(int)
    playing_changed = Signal(bool)
    held = Signal()

    def __init__(self, now: Callable[[], float] = time.monotonic, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.now = now
        self.frame = 0
        self.count = 0
        self.rate = Fraction(25)
        self.loop = True
        self.ready: Callable[[int], bool] = lambda _: True
        self._origin: tuple[float, int] = (0.0, 0)
        self._timer = QTimer(self, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self.tick)

    @property
    def playing(self) -> bool:
        """Whether it runs."""
        return self._timer.isActive()

    @property
    def origin(self) -> tuple[float, int]:
        """(time, frame) it counts from: while it runs, it is `rate` frames further each second after that."""
        return self._origin

    def set_video(self, count: int, rate: Fraction) -> None:
        """Take another video's length and rate; stops at its first frame."""
        self.pause()
        self.count, self.rate = count, rate
        self.seek(0)

    def extend(self, count: int) -> None:
        """The same video has become longer."""
        self.count = max(self.count, count)

    def shorten(self, count: int) -> None:
        """The same video has turned out shorter."""
        if count < self.count:
            self.count = count
            self.seek(self.frame)

    def play(self) -> None:
        """Run, from the start again where it stood at the end."""
        if self.count < 2 or self.playing:
            return
        if self.frame >= self.count - 1:
            self.seek(0)
        self._origin = (self.now(), self.frame)
        self._timer.start(max(1, int(500 / self.rate)))
        self.playing_changed.emit(True)

    def pause(self) -> None:
        """Stand still."""
        if self.playing:
            self._timer.stop()
            self.playing_changed.emit(False)

    def toggle(self) -> None:
        """Run or stand still."""
        (self.pause if self.playing else self.play)()

    def step(self, by: int) -> None:
        """Stand still, `by` frames further or back."""
        self.pause()
        self.seek(self.frame + by)

    def seek(self, frame: int) -> None:
        """Show a frame, the nearest there is."""
        self.frame = min(max(frame, 0), max(0, self.count - 1))
        self._origin = (self.now(), self.frame)
        self.changed.emit(self.frame)

    @Slot()
    def tick(self) -> None:
        """Show what is due."""
        began, first = self._origin
        due = first + int((self.now() - began) * self.rate)
        if due <= self.frame:
            return
        if due >= self.count:
            if not self.loop:
                self.step(self.count)
                return
            due = 0
            self._origin = (self.now(), 0)
        if not self.ready(due):
            # Wait here, and go on one by one rather than leap once it comes.
            self._origin = (self.now(), self.frame)
            self.held.emit()
            return
        self.frame = due
        self.changed.emit(due)


ORIGINAL, RESULT = "original", "fgvc"


class Player(QObject):
    """The original and the reconstruction under one clock; other codecs' pictures may take the place of either.

    Attributes:
        sides: what is shown on the first and the second side: ORIGINAL, RESULT or the name of another codec.
        updated: a picture of the current frame has changed.
        missing: the number of a frame that the reconstruction lacks.
        ended: how many frames the original has, once that is known.
        failed: the original can't be read; a sentence.
    """

    updated = Signal()
    missing = Signal(int)
    ended = Signal(int)
    failed = Signal(str)

    def __init__(self, clock: FrameClock, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.clock = clock
        self.store = FrameStore()
        self._original: OriginalReader | None = None
        self._has_result = False
        self._others: dict[str, NDArray[np.uint8]] = {}
        self.sides = (ORIGINAL, RESULT)
        clock.ready = self._ready
        clock.changed.connect(self._show)

    @property
    def original(self) -> Picture | None:
        """Of the current frame, where it is there."""
        return self._original.frame(self.clock.frame) if self._original is not None else None

    @property
    def result(self) -> Picture | None:
        """Of the current frame, where it is there."""
        return self.store.get(self.clock.frame)

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
        return self.has_result if name == RESULT else name in self._others

    def picture(self, name: str) -> Picture | None:
        """A side's picture of the current frame, where it is there."""
        if name == ORIGINAL:
            return self.original
        if name == RESULT:
            return self.result
        frames = self._others.get(name)
        return frames[self.clock.frame] if frames is not None and self.clock.frame < len(frames) else None

    def show_others(self, frames: Mapping[str, NDArray[np.uint8]]) -> None:
        """Take other codecs' frames, uint8 (T, H, W, 3) by name; both sides start over if one is gone."""
        self._others = dict(frames)
        gone = any(name not in (ORIGINAL, RESULT, *self._others) for name in self.sides)
        self.choose(*((ORIGINAL, RESULT) if gone else self.sides))

    def choose(self, first: str, second: str) -> None:
        """Show these two; what doesn't exist gives way to the original and the reconstruction."""
        known = (ORIGINAL, RESULT, *self._others)
        self.sides = (first if first in known else ORIGINAL, second if second in known else RESULT)
        self.updated.emit()

    def show_original(self, reader: OriginalReader | None) -> None:
        """Take another source; the one before is closed."""
        if self._original is not None:
            self._original.close()
            self._original.deleteLater()
        self._original = reader
        if reader is not None:
            reader.arrived.connect(self._arrived)
            reader.ended.connect(self._end)
            reader.failed.connect(self.failed)

    def show_result(self, expected: bool) -> None:
        """Forget the reconstruction's frames; `expected` says that others come."""
        self.store.clear()
        self._has_result = expected
        self.updated.emit()

    def take(self, pictures: PreviewReady) -> None:
        """Keep frames of the reconstruction."""
        for offset, frame in enumerate(pictures.frames):
            self.store.put(pictures.start_frame + offset, frame)
        if pictures.start_frame <= self.clock.frame < pictures.start_frame + len(pictures.frames):
            self.updated.emit()

    def close(self) -> None:
        """Stop the clock and release the source."""
        self.clock.pause()
        self.show_original(None)

    def _ready(self, frame: int) -> bool:
        if self._has_result and frame not in self.store:
            self.missing.emit(frame)
            return False
        return self._original is None or self._original.frame(frame) is not None

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
        if frame == self.clock.frame:
            self.updated.emit()
