"""Measures the frame on show against the original: when asked, and by itself once the picture rests."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from app.playback import Playback
from app.player import ORIGINAL, RESULT, Player
from codec.worker import Measured

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
        self._waiting = False
        self._rest = QTimer(self, singleShot=True, interval=REST_MS)
        self._rest.timeout.connect(self._rested)
        player.updated.connect(self._changed)
        playback.measured.connect(self._tell)
        playback.failed.connect(self._give_up)

    def measure(self) -> None:
        """Measure now: the last side that isn't the original."""
        self._rest.stop()
        if not self._waiting and not self._ask():
            self.refused.emit(
                self.tr("This frame can't be measured now: both pictures must be there and decoding be done.")
            )

    def close(self) -> None:
        """Measure nothing more by itself."""
        self._rest.stop()

    def _ask(self) -> bool:
        self._side = next((name for name in reversed(self._player.sides) if name != ORIGINAL), RESULT)
        original, result = self._player.original, self._player.picture(self._side)
        if original is None or result is None:
            return False
        self._waiting = self._playback.measure(self._player.clock.frame, original, result)
        return self._waiting

    @Slot()
    def _changed(self) -> None:
        self.stale.emit()
        self._rest.start()

    @Slot()
    def _rested(self) -> None:
        if not self._player.clock.playing and self._idle():
            self._ask()

    @Slot(object)
    def _tell(self, measured: Measured) -> None:
        self._waiting = False
        if measured.frame == self._player.clock.frame and not self._rest.isActive():
            self.measured.emit(measured, self._side)

    @Slot(str)
    def _give_up(self, _: str) -> None:
        self._waiting = False
