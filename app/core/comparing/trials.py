"""One GOP of the open video at several targets, so that people can choose by eye; nothing of it stays."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

from app.core.document import Document
from app.core.engine import Engine
from app.core.playing.pictures.original import OriginalReader
from codec.arrays import Picture
from codec.events import Finished, Phase, PreviewReady
from codec.priors.defaults import defaults_of
from codec.settings import EncodeSettings, Quality
from codec.worker.tasks import Encode, Outcome, Settled


@dataclass(frozen=True)
class Trial:
    """One target.

    Attributes:
        picture: a frame from the midst of the GOP, once it is there; first that of a base that is tried.
        share: of its encode that is done, 0 to 1; None while it waits.
        quality: what was reached, by the goal's metric, as `Finished` tells it.
        kbps: video kilobits a second.
    """

    target: float
    picture: Picture | None = None
    share: float | None = None
    quality: float | None = None
    kbps: float | None = None


class Trials(QObject):
    """Encodes one after the other, in a child of its own and a folder that goes with it.

    Attributes:
        changed: more is known.
        failed: a sentence; no more will come.
    """

    changed = Signal()
    failed = Signal(str)

    def __init__(self, make_engine: Callable[[], Engine], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._make_engine = make_engine
        self._engine: Engine | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._reader: OriginalReader | None = None
        self._task: tuple[Path, EncodeSettings] | None = None
        self._middle = 0
        self._at = 0
        self.trials: tuple[Trial, ...] = ()

    @property
    def running(self) -> bool:
        """Whether more will come."""
        return self._engine is not None

    @property
    def original(self) -> Picture | None:
        """The same frame of the source, once it is there."""
        return self._reader.frame(self._middle) if self._reader is not None else None

    def start(self, document: Document, settings: EncodeSettings, frame: int, targets: Sequence[float]) -> None:
        """Try each target on the GOP that begins at a frame of the open video."""
        self.close()
        if document.source is None:
            return
        count = settings.gop_frames or defaults_of(settings.prior).gop_frames
        count = max(1, min(count, document.count - frame))
        start, seconds = document.part(frame, count)
        self._middle = count // 2
        self.trials = tuple(Trial(target) for target in targets)
        one = replace(settings, start=start, duration=seconds, audio="none", preview=True, resume=False)
        self._task = (document.source, one)
        self._at = 0
        self._reader = OriginalReader(document.source, document.size, start, self, settings.deinterlace)
        self._reader.arrived.connect(self._arrived)
        self._reader.start()
        self._folder = tempfile.TemporaryDirectory(prefix="freegvc-trials-", ignore_cleanup_errors=True)
        self._engine = self._make_engine()
        self._engine.told.connect(self._take)
        self._engine.settled.connect(self._settled)
        self._engine.crashed.connect(self._crashed)
        self._submit()

    @Slot()
    def close(self) -> None:
        """End what runs and forget what was made."""
        self._end()
        self.trials = ()
        if self._reader is not None:
            self._reader.close()
            self._reader.deleteLater()
            self._reader = None

    def _submit(self) -> None:
        assert self._engine is not None
        assert self._folder is not None
        assert self._task is not None
        source, settings = self._task
        output = Path(self._folder.name, f"{self._at}.fgvc")
        goal = Quality(self.trials[self._at].target)
        self._engine.submit(Encode(source, output, replace(settings, goal=goal)))
        self._note(replace(self.trials[self._at], share=0.0))

    def _end(self) -> None:
        if self._engine is not None:
            self._engine.shut_down()
            self._engine.deleteLater()
            self._engine = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def _note(self, trial: Trial) -> None:
        self.trials = (*self.trials[: self._at], trial, *self.trials[self._at + 1 :])
        self.changed.emit()

    @Slot(object)
    def _take(self, messages: tuple[object, ...]) -> None:
        for message in messages:
            # One that was closed may still have had something to say.
            if self.sender() is not self._engine or self._at >= len(self.trials):
                return
            trial = self.trials[self._at]
            if isinstance(message, Phase) and message.done is not None:
                self._note(replace(trial, share=max(message.done, trial.share or 0.0)))
            elif isinstance(message, PreviewReady):
                place = self._middle - message.start_frame
                if 0 <= place < len(message.frames):
                    self._note(replace(trial, picture=message.frames[place]))
            elif isinstance(message, Finished):
                self._note(replace(trial, kbps=message.kbps, quality=message.quality))

    @Slot(object)
    def _settled(self, settled: Settled) -> None:
        if self.sender() is not self._engine:
            return
        if settled.outcome is not Outcome.DONE:
            self._crashed(settled.message)
            return
        self._at += 1
        if self._at < len(self.trials):
            self._submit()
        else:
            self._end()
            self.changed.emit()

    @Slot(str)
    def _crashed(self, message: str) -> None:
        self._end()
        self.changed.emit()
        self.failed.emit(message)

    @Slot(int)
    def _arrived(self, frame: int) -> None:
        if frame == self._middle:
            self.changed.emit()
