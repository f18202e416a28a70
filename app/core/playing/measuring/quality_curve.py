"""How each frame of a finished file looks beside its source, estimated in the background while nothing else is done."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal, Slot

from app.core.document import Document
from app.core.engine import Engine
from app.core.playing.pictures.original import OriginalReader
from app.core.playing.player import Player
from codec.worker.tasks import Measure, Measured, Settled

METRIC = "pocket-dists"
"""An estimate of DISTS; lower is better."""

_MOST_FRAMES = 160


class QualityCurve(QObject):
    """Measures evenly spread frames, those that are decoded, from the first on.

    Args:
        engine: the child that measures; it may have other work.
        idle: whether the machine has nothing better to do.

    Attributes:
        values: what is known, by frame.
        changed: there is more, or another file.
        refused: why there will be no more of this file, a sentence.
    """

    changed = Signal()
    refused = Signal(str)

    def __init__(self, player: Player, engine: Engine, idle: Callable[[], bool], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._player, self._engine, self._idle = player, engine, idle
        self._document: Document | None = None
        self._reader: OriginalReader | None = None
        self._asked: int | None = None
        self.values: dict[int, float] = {}
        engine.told.connect(self._take)
        engine.settled.connect(self._settled)
        engine.crashed.connect(self._crashed)
        player.filled.connect(self._go_on)
        player.clock.playing_changed.connect(self._go_on)

    def show(self, document: Document | None) -> None:
        """Begin anew with another file; one without its source, or not yet finished, has no curve."""
        self.close()
        self.values.clear()
        ready = document is not None and document.source is not None and document.result is not None
        self._document = document if ready else None
        self.changed.emit()
        self._go_on()

    def close(self) -> None:
        """Let the source go."""
        self._document = self._asked = None
        if self._reader is not None:
            self._reader.close()
            self._reader.deleteLater()
            self._reader = None

    @Slot()
    def _go_on(self) -> None:
        document = self._document
        if document is None or self._engine.busy or self._player.clock.playing or not self._idle():
            return
        stride = max(1, -(-document.count // _MOST_FRAMES))
        store = self._player.store
        frame = next((n for n in range(0, document.count, stride) if n not in self.values and n in store), None)
        made = None if frame is None else store.peek(frame)
        if frame is None or made is None:
            return
        original = self._source(document).frame(frame)
        # One that isn't there yet tells when it is.
        if original is not None:
            self._asked = frame
            self._engine.submit(Measure(frame, original, made, (METRIC,)))

    def _source(self, document: Document) -> OriginalReader:
        """Read at coding size beside what is shown, so that neither moves the other's place."""
        if self._reader is None:
            assert document.source is not None
            self._reader = OriginalReader(document.source, document.size, document.start, self, document.deinterlace)
            self._reader.arrived.connect(self._go_on)
            self._reader.start()
        return self._reader

    @Slot(object)
    def _take(self, messages: tuple[object, ...]) -> None:
        for message in messages:
            if isinstance(message, Measured) and message.frame == self._asked and METRIC in message.values:
                self.values[message.frame] = message.values[METRIC]
                self._asked = None
                self.changed.emit()

    @Slot(object)
    def _settled(self, settled: Settled) -> None:
        self._end(settled.message)

    @Slot(str)
    def _crashed(self, message: str) -> None:
        self._end(message)

    def _end(self, message: str) -> None:
        """A task of the child is over; one of ours that has brought no figure would end the same way again."""
        if self._asked is None:
            self._go_on()
            return
        self.close()
        self.refused.emit(message)
