"""Small pictures along a source's timeline, read in a thread."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QThread, Signal

from app.core.files import reading
from codec.arrays import Picture
from codec.errors import FreeGvcError
from codec.video import VideoReader, coding_size

HEIGHT = 40


class Thumbnails(QThread):
    """Reads the pictures that a video shows at `moments`, in seconds; to be started when its signal is connected.

    Attributes:
        arrived: (place, Picture).
    """

    arrived = Signal(int, object)

    def __init__(self, path: Path, moments: Sequence[float], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._path, self._moments = path, moments

    def close(self) -> None:
        """End the thread."""
        self.requestInterruption()
        self.wait()

    def run(self) -> None:
        """The thread."""
        for place, moment in enumerate(self._moments):
            if self.isInterruptionRequested():
                return
            picture = self._read(moment)
            if picture is not None:
                self.arrived.emit(place, picture)

    def _read(self, seconds: float) -> Picture | None:
        try:
            with reading(self._path), VideoReader(self._path, start=seconds) as reader:
                reader.size = coding_size(reader.info, HEIGHT, 2)
                frame = next(reader.frames(), None)
        except FreeGvcError:
            # Behind the end of a file that is shorter than it says, or it has gone; who reads its pictures tells.
            return None
        return None if frame is None else frame.pixels
