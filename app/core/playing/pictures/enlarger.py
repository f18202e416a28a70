"""Pictures at another size, scaled as decoding writes them, in a thread of its own: a 1080p picture takes 20 ms."""

from __future__ import annotations

from collections import OrderedDict, deque
from threading import Condition

from PySide6.QtCore import QObject, QThread, Signal

from codec.arrays import Picture
from codec.video import scaled_picture

Size = tuple[int, int]
"""(width, height)."""

_KEPT = 6
_WAITING = 2  # both sides of the canvas; of a picture that nobody looks at any more none is made


class Enlarger(QThread):
    """Keeps the last few.

    Attributes:
        arrived: a picture that was asked for is there.
    """

    arrived = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._wake = Condition()
        self._waiting: deque[tuple[Picture, Size]] = deque(maxlen=_WAITING)
        # The picture itself is held beside what was made of it: its address can't become another's.
        self._made: OrderedDict[tuple[int, Size], tuple[Picture, Picture]] = OrderedDict()
        self._closing = False

    def get(self, picture: Picture, size: Size) -> Picture | None:
        """`picture` at `size` where it is there; else None, and `arrived` tells when it is."""
        if _size(picture) == size:
            return picture
        key = _key(picture, size)
        with self._wake:
            if key in self._made:
                self._made.move_to_end(key)
                return self._made[key][1]
            if not any(_key(*waiting) == key for waiting in self._waiting):
                self._waiting.append((picture, size))
            self._wake.notify()
        if not self.isRunning() and not self._closing:
            self.start()
        return None

    def close(self) -> None:
        """End the thread."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self.wait()

    def run(self) -> None:
        """The thread."""
        while (task := self._next()) is not None:
            picture, size = task
            made = scaled_picture(picture, *size)
            with self._wake:
                self._made[_key(picture, size)] = (picture, made)
                while len(self._made) > _KEPT:
                    self._made.popitem(last=False)
            self.arrived.emit()

    def _next(self) -> tuple[Picture, Size] | None:
        with self._wake:
            while not self._closing and not self._waiting:
                self._wake.wait()
            return None if self._closing else self._waiting.popleft()


def _size(picture: Picture) -> Size:
    return picture.shape[1], picture.shape[0]


def _key(picture: Picture, size: Size) -> tuple[int, Size]:
    return picture.ctypes.data, size
