"""Measures the frame on show against the original: when asked, and by itself once the picture rests."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from app.core.playing.frame_store import Picture
from app.core.playing.playback import Playback
from app.core.playing.player import ORIGINAL, RESULT, Player
from codec.worker.tasks import Measured

REST_MS = 400


class FrameMetrics(QObject):
    """Knows which side was measured, and when a measurement no longer belongs to what is shown.

    Args:
        idle: whether the machine has nothing better to do; else a frame is measured only when asked for.

    Attributes:
        measured: a `Measured`, and the name of the side that it is of.
        stale: what was measured is not on show any more.
        refused: a sentence.
    """

    measured = Signal(object, str)
    stale = Signal()
    refused = Signal(str)

    def __init__(
        self, player: Player, playback: Playback, idle: Callable[[], bool], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._player, self._playback, self._idle = player, playback, idle
        self._side = RESULT
        self._waiting = self._owed = False
        self._rest = QTimer(self, singleShot=True, interval=REST_MS)
        self._rest.timeout.connect(self._rested)
        player.updated.connect(self._changed)
        playback.measured.connect(self._tell)
        playback.failed.connect(self._give_up)

    def measure(self) -> None:
        """Measure now, or once the decoder is free: the last side that isn't the original."""
        if self._pictures() is None:
            self.refused.emit(self.tr("This frame can't be measured before both pictures are there."))
            return
        self._owed = True
        self._rested()

    def close(self) -> None:
        """Measure nothing more by itself."""
        self._rest.stop()

    def _pictures(self) -> tuple[Picture, Picture] | None:
        """The original and the side that is judged, where both are there and of one size."""
        self._side = next((name for name in reversed(self._player.sides) if name != ORIGINAL), RESULT)
        original, result = self._player.original, self._player.picture(self._side)
        if original is None or result is None or original.shape != result.shape:
            return None
        return original, result

    @Slot()
    def _changed(self) -> None:
        self.stale.emit()
        self._rest.start()

    @Slot()
    def _rested(self) -> None:
        pictures = self._pictures()
        if pictures is None or not (self._owed or (not self._player.clock.playing and self._idle())):
            return
        if self._waiting or not self._playback.measure(self._player.clock.frame, *pictures):
            # The child is at work on another frame.
            self._rest.start()
            return
        self._rest.stop()
        self._waiting, self._owed = True, False

    @Slot(object)
    def _tell(self, measured: Measured) -> None:
        self._waiting = False
        if measured.frame == self._player.clock.frame and not self._rest.isActive():
            self.measured.emit(measured, self._side)

    @Slot(str)
    def _give_up(self, _: str) -> None:
        self._waiting = False
