"""Measures the frame on show against the original: when asked, and by itself once the picture rests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal, Slot

from app.core.engine import Engine
from app.core.playing.pictures.enlarger import Size
from app.core.playing.player import ORIGINAL, RESULT, Player
from codec.arrays import Picture
from codec.worker.tasks import Measure, Measured, Outcome, Settled

REST_MS = 400


@dataclass(frozen=True)
class _Subject:
    """What figures are of: a frame of the original and of the side of that name, compared at a size.

    Attributes:
        pictures: of the original and of that side, as they are stored.
    """

    frame: int
    side: str
    size: Size | None
    pictures: tuple[Picture, Picture]

    def is_still(self, shown: _Subject | None) -> bool:
        """Whether this is what is shown, though it may have been painted anew."""
        if shown is None or (shown.frame, shown.side, shown.size) != (self.frame, self.side, self.size):
            return False
        pairs = zip(self.pictures, shown.pictures, strict=True)
        return all(own is other or np.array_equal(own, other) for own, other in pairs)


class FrameMetrics(QObject):
    """Knows which side was measured, and when a measurement no longer belongs to what is shown.

    By itself it measures at coding size, where targets are meant and it is quick; asked to, at the size that is shown.

    Args:
        engine: a child of its own, so that no seek waits for a figure.
        idle: whether the machine has nothing better to do; else a frame is measured only when asked for.

    Attributes:
        region: (left, top, width, height) in pixels of the compared size to measure when asked; None takes all.
        measured: a `Measured`, and the name of the side that it is of.
        stale: what was measured is not on show any more.
        refused: a sentence.
    """

    measured = Signal(object, str)
    stale = Signal()
    refused = Signal(str)

    def __init__(self, player: Player, engine: Engine, idle: Callable[[], bool], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._player, self._engine, self._idle = player, engine, idle
        # Being measured, or measured and still on show.
        self._subject: _Subject | None = None
        self.region: tuple[int, int, int, int] | None = None
        # Asked for; put off while the child is at work; being measured for us, and that because it was asked for.
        self._owed = self._due = self._mine = self._asked = False
        self._rest = QTimer(self, singleShot=True, interval=REST_MS)
        self._rest.timeout.connect(self._rested)
        player.updated.connect(self._changed)
        player.sharpened.connect(self._sharpened)
        engine.told.connect(self._tell)
        engine.settled.connect(self._settled)
        engine.crashed.connect(self._crashed)

    def measure(self) -> None:
        """Measure what is shown, now or once the child is free: the last side that isn't the original."""
        if self._pictures(exact=False) is None:
            self.refused.emit(self.tr("This frame can't be measured before both pictures are there."))
            return
        self._owed = True
        self._rested()

    def close(self) -> None:
        """Measure nothing more."""
        self._rest.stop()
        self._engine.shut_down()

    @property
    def _side(self) -> str:
        return next((name for name in reversed(self._player.sides) if name != ORIGINAL), RESULT)

    def _shown(self) -> _Subject | None:
        pictures, player = self._pictures(exact=False), self._player
        return None if pictures is None else _Subject(player.clock.frame, self._side, player.size, pictures)

    def _pictures(self, exact: bool) -> tuple[Picture, Picture] | None:
        """The original and the side that is judged, where both are there; that one as shown, or as it is stored."""
        player, side = self._player, self._side
        original = player.original
        result = player.picture(side) if exact else player.stored(side)
        if original is None or result is None:
            return None
        return (self._cut(original), self._cut(result)) if exact else (original, result)

    def _cut(self, picture: Picture) -> Picture:
        if self.region is None:
            return picture
        left, top, width, height = self.region
        return picture[top : top + height, left : left + width]

    @Slot()
    def _changed(self) -> None:
        before = self._subject
        if before is not None and before.is_still(self._shown()):
            return
        if self._mine and self._asked and before is not None and before.frame == self._player.clock.frame:
            # What was asked for has another picture now, as an encode makes it of its base layer.
            self._owed = True
        self._subject = None
        self._due = False
        self.stale.emit()
        self._rest.start()

    @Slot()
    def _sharpened(self) -> None:
        if self._owed:
            self._rested()

    @Slot()
    def _rested(self) -> None:
        if not (self._owed or (not self._player.clock.playing and self._idle())):
            return
        pictures = self._pictures(exact=self._owed)
        # A picture that is still being scaled tells when it is there; a child at work tells when it is done.
        if pictures is None or self._engine.busy:
            self._due = pictures is not None
            return
        self._rest.stop()
        self._asked, self._owed, self._due = self._owed, False, False
        self._mine = True
        self._subject = self._shown()
        self._engine.submit(Measure(self._player.clock.frame, *pictures))

    @Slot(object)
    def _tell(self, messages: tuple[object, ...]) -> None:
        for message in messages:
            if self._mine and self._subject is not None and isinstance(message, Measured):
                self.measured.emit(message, self._subject.side)

    @Slot(object)
    def _settled(self, settled: Settled) -> None:
        mine, self._mine = self._mine, False
        if mine and settled.outcome in (Outcome.REFUSED, Outcome.FAILED):
            self.refused.emit(settled.message)
        elif self._owed or self._due:
            self._rested()

    @Slot(str)
    def _crashed(self, message: str) -> None:
        mine, self._mine = self._mine, False
        if mine:
            self._subject = None
            self.refused.emit(message)
        elif self._owed or self._due:
            self._rested()
