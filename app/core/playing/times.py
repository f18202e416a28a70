"""How many frames a source has and when they are shown: read from its packets in a thread."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from PySide6.QtCore import QObject, QThread, Signal

from app.core.files import reading
from codec.errors import FreeGvcError
from codec.video.timeline import shown_times


class TimesReader(QThread):
    """Reads once; to be started when its signals are connected.

    Attributes:
        known: a FrameTimes; told only where they come unevenly.
        counted: how many there are, where they come evenly; what a file says of its length is often an estimate.
    """

    known = Signal(object)
    counted = Signal(int)

    def __init__(self, path: Path, rate: Fraction, start: float, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._path, self._rate, self._clip_start = path, rate, start

    def close(self) -> None:
        """End the thread."""
        self.requestInterruption()
        self.wait()

    def run(self) -> None:
        """The thread."""
        try:
            with reading(self._path):
                times = shown_times(self._path, self._rate, self._clip_start, self.isInterruptionRequested)
        except FreeGvcError:
            # Who reads its pictures tells.
            return
        if times is None or self.isInterruptionRequested():
            return
        if times.even:
            self.counted.emit(len(times.starts))
        else:
            self.known.emit(times)
