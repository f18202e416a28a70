"""Other codecs at the size of a finished file: runs them in a child process of their own and keeps what they made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal, Slot

from app.core.comparing.kept import Comparison, Kept
from app.core.document import Document
from app.core.engine import Engine
from codec.events import Warned
from codec.peers.codecs import PEERS
from codec.peers.events import Absent, Compared, PeerRow, PeerTrial
from codec.worker.tasks import Compare, Outcome, Settled

OURS = "fgvc"


@dataclass(frozen=True)
class Mark:
    """A whole file as a point: its mean bits of one of our GOPs, and its mean quality."""

    name: str
    bits: float
    quality: float


def quality_of(row: PeerRow) -> float | None:
    """The row's DISTS."""
    return row.metrics.get("dists")


class Peers(QObject):
    """Comparisons of files, of which one is shown and at most one at work.

    Attributes:
        kept: what is known of all of them.
        changed: more is known, or another file is shown.
        warned: what one should know of the figures, a sentence.
        failed: a sentence.
    """

    changed = Signal()
    warned = Signal(str)
    failed = Signal(str)

    def __init__(self, make_engine: Callable[[], Engine], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._make_engine = make_engine
        self._engine: Engine | None = None
        self._cancelled = False
        self.kept = Kept()
        self._shown: Path | None = None
        self._at_work: Path | None = None

    @property
    def comparison(self) -> Comparison:
        """Of the file that is shown."""
        return self.kept.comparison(self._shown)

    @property
    def frames(self) -> dict[str, NDArray[np.uint8]]:
        """What other codecs made of the file that is shown, uint8 (T, H, W, 3) by name, as far as it was kept."""
        return self.kept.pictures(self._shown)

    @property
    def running(self) -> bool:
        """Whether codecs are at work, for whichever file."""
        return self._engine is not None

    @property
    def elsewhere(self) -> Path | None:
        """The file that codecs are at work for, where it is not the one that is shown."""
        return self._at_work if self._at_work != self._shown else None

    @property
    def share(self) -> float:
        """Of the work that is done, 0 to 1: every codec counts as much."""
        trial = self.comparison.trial
        codecs = 1 + len(PEERS) - len(self.comparison.absent)
        own = trial.number / (trial.most + 1) if trial is not None else 0.0
        return min(1.0, (len(self.comparison.rows) + own) / codecs)

    def show(self, file: Path | None) -> None:
        """Look at another file; what is known of the one before stays, and work on it goes on."""
        self._shown = file
        self.changed.emit()

    def start(self, document: Document) -> None:
        """Compare a finished file with what other codecs make of its source in as many bytes."""
        if document.source is None or document.result is None or self.running:
            return
        self._cancelled = False
        self._shown = self._at_work = document.result
        self.kept.forget(document.result)
        self.kept.put(document.result, Comparison(document.result, len(document.gops), document.count))
        self._engine = self._make_engine()
        self._engine.told.connect(self._take)
        self._engine.settled.connect(self._settled)
        self._engine.crashed.connect(self._crashed)
        self._engine.submit(
            Compare(document.source, document.result, document.start, tuple(PEERS), document.deinterlace)
        )
        self.changed.emit()

    def forget(self, file: Path) -> None:
        """The file was written anew: what is known, or being found out, is of another."""
        if self._at_work == file:
            self.shut_down()
        self.kept.forget(file)
        self.changed.emit()

    def cancel(self) -> None:
        """Stop; codecs that are done stay."""
        self._cancelled = True
        if self._engine is not None:
            self._engine.cancel()

    def shut_down(self) -> None:
        """End the child: it holds an imported torch, which nobody needs until the next comparison."""
        if self._engine is not None:
            self._engine.shut_down()
            self._engine.deleteLater()
            self._engine = None
        self._at_work = None

    def marks(self) -> list[Mark]:
        """Each codec as a point of the rate-perception plot: its mean bits of one of our GOPs, its mean quality."""
        comparison = self.comparison
        gops = comparison.gops * comparison.compared / max(1, comparison.length)
        points = ((row, quality_of(row)) for row in comparison.rows)
        return [Mark(row.codec, 8 * row.bytes / gops, quality) for row, quality in points if quality is not None]

    @Slot(object)
    def _take(self, messages: tuple[object, ...]) -> None:
        if self._at_work is None:
            return
        comparison = self.kept.comparison(self._at_work)
        for message in messages:
            if isinstance(message, PeerTrial):
                comparison = replace(comparison, trial=message)
            elif isinstance(message, Absent):
                comparison = replace(comparison, absent=(*comparison.absent, message))
            elif isinstance(message, Warned):
                comparison = replace(comparison, warnings=(*comparison.warnings, message.message))
                self.warned.emit(message.message)
            elif isinstance(message, Compared):
                rows, compared = (*comparison.rows, message.row), len(message.frames)
                comparison = replace(comparison, rows=rows, compared=compared, trial=None)
                # Ours are what the canvas shows anyway.
                if message.row.codec != OURS:
                    self.kept.put_pictures(self._at_work, message.row.codec, message.frames)
        self.kept.put(self._at_work, comparison)
        self.changed.emit()

    @Slot(object)
    def _settled(self, settled: Settled) -> None:
        self._end(settled.message if settled.outcome in (Outcome.REFUSED, Outcome.FAILED) else "")

    @Slot(str)
    def _crashed(self, message: str) -> None:
        # A codec that doesn't come back in time is cancelled by ending its process.
        self._end("" if self._cancelled else message)

    def _end(self, message: str) -> None:
        file = self._at_work
        self.shut_down()
        if file is not None:
            self.kept.put(file, replace(self.kept.comparison(file), trial=None))
        self.changed.emit()
        if message:
            self.failed.emit(message)
