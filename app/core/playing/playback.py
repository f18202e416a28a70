"""Decodes what the player lacks of a finished file, in a child process of its own, so that an encode goes on."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

from app.core.engine import Engine
from app.core.playing.beside import Beside
from app.core.playing.player import Player
from codec.events import PreviewReady, Warned
from codec.settings import DecodeSettings
from codec.worker.tasks import Outcome, Play, Reached, Settled

# While playing the next frames are decoded this long before they are due; and one task decodes no more than that.
AHEAD_SECONDS, TASK_SECONDS = 8, 24


@dataclass(frozen=True)
class Reel:
    """A finished file as it is to be played.

    Attributes:
        gops: first frame of each GOP; `chains` of those that decoding can begin with.
    """

    path: Path
    settings: DecodeSettings
    frame_bytes: int
    gops: tuple[int, ...] = (0,)
    chains: tuple[int, ...] = (0,)

    def gop_of(self, frame: int) -> int:
        """Number of the GOP that brings a frame."""
        return max(0, bisect_right(self.gops, frame) - 1)

    def chain_of(self, frame: int) -> int:
        """First frame of the chain that must be decoded for a frame."""
        return self.chains[max(0, bisect_right(self.chains, frame) - 1)] if self.chains else 0


@dataclass
class _Run:
    """One task of the child: frames of `reel` from the chain of frame `first` on, up to `end`.

    Attributes:
        gop: that is being decoded; None while the prior is loaded.
        reached: the first frame that is yet to come.
    """

    reel: Reel
    first: int
    end: int
    reached: int
    gop: int | None = None
    cancelled: bool = False

    def will_bring(self, frame: int) -> bool:
        """Whether waiting for a frame is quicker than to begin anew where it lies."""
        return not self.cancelled and self.reached <= frame < self.end and self.reel.chain_of(frame) <= self.reached


@dataclass(frozen=True)
class Decoding:
    """What is waited for: GOP `wanted`, while GOP `at` is decoded (None: the model is being loaded)."""

    wanted: int
    at: int | None


class Playback(QObject):
    """Feeds the player. A seek to another chain ends what is being decoded and begins there.

    Attributes:
        failed: a sentence.
        warned: a sentence.
        model_missing: the name of a model whose weights the file needs.
        changed: `decoding` has changed.
    """

    failed = Signal(str)
    warned = Signal(str)
    model_missing = Signal(str)
    changed = Signal()

    def __init__(self, engine: Engine, player: Player | Beside, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._engine, self._player = engine, player
        self._reel: Reel | None = None
        self._run: _Run | None = None
        self._lost: set[int] = set()
        player.missing.connect(self._need)
        player.clock.changed.connect(self._look_ahead)
        engine.told.connect(self._take)
        engine.settled.connect(self._settled)
        engine.crashed.connect(self._crashed)

    @property
    def decoding(self) -> Decoding | None:
        """What the frame on show waits for; None where it is there or nobody will bring it."""
        frame = self._player.frame
        if self._run is None or self._run.reel is not self._reel or frame in self._player.store:
            return None
        return Decoding(self._run.reel.gop_of(frame), self._run.gop)

    def load(self, reel: Reel | None) -> None:
        """Play another file, or none; frames of the one before are forgotten."""
        self._reel = reel
        self._lost.clear()
        self._cancel()
        self._player.show_result(expected=reel is not None)
        if reel is not None:
            self._need(self._player.frame)

    def adopt(self, reel: Reel) -> None:
        """The frames that the player holds are this file's; decode only what is missing."""
        self._reel = reel
        self._lost.clear()

    @Slot(int)
    def _need(self, frame: int) -> None:
        # A frame that was decoded for and did not come is lost in the file: asking again would never end.
        if self._reel is None or frame in self._lost:
            return
        run = self._run
        if run is not None and run.reel is self._reel and run.will_bring(frame):
            self.changed.emit()
            return
        if run is not None:
            self._cancel()
        if not self._engine.busy:
            self._start(frame)

    def _start(self, frame: int) -> None:
        reel = self._reel
        assert reel is not None
        length = min(self._player.store.room(reel.frame_bytes) // 2, round(TASK_SECONDS * self._player.clock.rate))
        self._run = _Run(reel, frame, frame + max(1, length), reel.chain_of(frame))
        self._engine.submit(Play(reel.path, reel.settings, frame, max(1, length)))
        self.changed.emit()

    def _cancel(self) -> None:
        if self._run is not None and not self._run.cancelled:
            self._run.cancelled = True
            self._engine.cancel()

    @Slot()
    def _look_ahead(self) -> None:
        """Decode on before the playhead comes to what is missing."""
        clock, store, frame = self._player.clock, self._player.store, max(0, self._player.frame)
        if self._reel is None or self._engine.busy or not clock.playing:
            return
        last = min(clock.count, frame + round(AHEAD_SECONDS * clock.rate))
        missing = next((n for n in range(frame, last) if n not in store and n not in self._lost), None)
        if missing is not None:
            self._start(missing)

    @Slot(object)
    def _take(self, messages: tuple[object, ...]) -> None:
        for message in messages:
            if self._run is None or not self._is_wanted(self._run):
                continue
            if isinstance(message, PreviewReady):
                self._run.reached = max(self._run.reached, message.start_frame + len(message.frames))
                self._player.take(message)
                self.changed.emit()
            elif isinstance(message, Reached):
                self._run.gop = message.gop
                self.changed.emit()
            elif isinstance(message, Warned):
                self.warned.emit(message.message)

    @Slot(object)
    def _settled(self, settled: Settled) -> None:
        run, self._run = self._run, None
        if not self._is_wanted(run):
            # Whatever it met is nothing of what is open now.
            self._go_on()
        elif settled.model:
            self._lost.add(self._player.frame)
            self.model_missing.emit(settled.model)
        elif settled.outcome in (Outcome.REFUSED, Outcome.FAILED):
            self._lost.add(self._player.frame)
            self.failed.emit(settled.message)
        else:
            if run is not None and run.first not in self._player.store:
                self._lost.add(run.first)
            self._go_on()
        self.changed.emit()

    @Slot(str)
    def _crashed(self, message: str) -> None:
        run, self._run = self._run, None
        if self._is_wanted(run):
            self._lost.add(self._player.frame)
            self.failed.emit(message)
        else:
            # A child that was too slow to stop was ended for it: nothing to tell, and the next one goes on.
            self._go_on()
        self.changed.emit()

    def _is_wanted(self, run: _Run | None) -> bool:
        """Whether it is of what is open, and nothing else was asked for meanwhile."""
        return run is not None and run.reel is self._reel and not run.cancelled

    def _go_on(self) -> None:
        if self._player.has_result and self._player.frame not in self._player.store:
            self._need(self._player.frame)
