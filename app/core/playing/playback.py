"""Decodes what the player lacks of a finished file, in a child process of its own, so that an encode goes on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

from app.core.engine import Engine
from app.core.playing.frame_store import Picture
from app.core.playing.player import Player
from codec.events import PreviewReady, Warned
from codec.settings import DecodeSettings
from codec.worker.tasks import Measure, Measured, Outcome, Play, Settled


@dataclass(frozen=True)
class Reel:
    """A finished file as it is to be played."""

    path: Path
    settings: DecodeSettings
    frame_bytes: int


class Playback(QObject):
    """Feeds the player.

    Attributes:
        failed: a sentence.
        warned: a sentence.
        measured: a `Measured` of one frame.
        model_missing: the name of a model whose weights the file needs.
    """

    failed = Signal(str)
    warned = Signal(str)
    measured = Signal(object)
    model_missing = Signal(str)

    def __init__(self, engine: Engine, player: Player, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._engine, self._player = engine, player
        self._reel: Reel | None = None
        self._running: Reel | None = None
        self._asked: int | None = None
        self._cancelled = False
        player.missing.connect(self._need)
        engine.told.connect(self._take)
        engine.settled.connect(self._settled)
        engine.crashed.connect(self._crashed)

    def load(self, reel: Reel | None) -> None:
        """Play another file, or none; frames of the one before are forgotten."""
        self._reel = reel
        self._asked = None
        if self._running is not None:
            self._cancelled = True
            self._engine.cancel()
        self._player.show_result(expected=reel is not None)
        if reel is not None:
            self._need(self._player.clock.frame)

    def adopt(self, reel: Reel) -> None:
        """The frames that the player holds are this file's; decode only what is missing."""
        self._reel = reel
        self._asked = None

    def measure(self, frame: int, original: Picture, result: Picture) -> bool:
        """Measure one frame, both pictures of one size; False where the child is at work."""
        if self._engine.busy:
            return False
        self._engine.submit(Measure(frame, original, result))
        return True

    @Slot(int)
    def _need(self, frame: int) -> None:
        # A frame that was decoded for and did not come is lost in the file: asking again would never end.
        if self._reel is None or self._engine.busy or self._asked == frame:
            return
        self._asked = frame
        self._running = self._reel
        room = self._player.store.room(self._reel.frame_bytes) // 2
        self._engine.submit(Play(self._reel.path, self._reel.settings, frame, room))

    @Slot(object)
    def _take(self, messages: tuple[object, ...]) -> None:
        for message in messages:
            if isinstance(message, Measured):
                self.measured.emit(message)
            elif self._running is not self._reel:
                continue
            elif isinstance(message, PreviewReady):
                self._player.take(message)
            elif isinstance(message, Warned):
                self.warned.emit(message.message)

    @Slot(object)
    def _settled(self, settled: Settled) -> None:
        self._running, self._cancelled = None, False
        if settled.model:
            self.model_missing.emit(settled.model)
        elif settled.outcome in (Outcome.REFUSED, Outcome.FAILED):
            self.failed.emit(settled.message)
        elif self._player.has_result and self._player.result is None:
            self._need(self._player.clock.frame)

    @Slot(str)
    def _crashed(self, message: str) -> None:
        cancelled, self._running, self._cancelled = self._cancelled, None, False
        if not cancelled:
            self.failed.emit(message)
        elif self._player.has_result and self._player.result is None:
            # A child that was too slow to stop was ended for it: nothing to tell, and the next one goes on.
            self._need(self._player.clock.frame)
