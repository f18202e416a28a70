"""Runs the queue: hands one job at a time to the engine and keeps its state."""

from __future__ import annotations

import time

from PySide6.QtCore import QObject, Signal, Slot

from app.core.engine import Engine
from app.core.jobs.job import Job, State
from app.core.jobs.progress import Progress
from app.core.jobs.queue import JobQueue
from codec.errors import FreeGvcError
from codec.events import Event, Finished, PreviewReady, Warned
from codec.files import part_path
from codec.format.info import describe
from codec.settings import EncodeSettings
from codec.video import probe
from codec.worker.tasks import Outcome, Settled


class Session(QObject):
    """The queue at work.

    Attributes:
        progressed: (job id, Progress).
        pictures: (job id, PreviewReady) of an encode.
        warned: (job id, a sentence).
        ended: (job id, the state it came to).
        crashed: (job id, a sentence); the job is interrupted and may be resumed.
        detail: a traceback for the log.
        model_missing: the name of a model whose weights a job lacked; `ended` has told of the job before.
    """

    progressed = Signal(str, object)
    pictures = Signal(str, object)
    warned = Signal(str, str)
    started = Signal(str)
    ended = Signal(str, object)
    crashed = Signal(str, str)
    detail = Signal(str)
    model_missing = Signal(str)

    def __init__(self, queue: JobQueue, engine: Engine, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._queue = queue
        self._engine = engine
        self._current: str | None = None
        self.progress: Progress | None = None
        self.finished: Finished | None = None
        engine.told.connect(self._take)
        engine.settled.connect(self._settle)
        engine.crashed.connect(self._crash)

    @property
    def current(self) -> Job | None:
        """The job that runs or is paused."""
        return self._queue.get(self._current) if self._current is not None else None

    @property
    def bytes_so_far(self) -> int:
        """Size of the running job's unfinished output."""
        job = self.current
        part = part_path(job.output) if job is not None else None
        return part.stat().st_size if part is not None and part.exists() else 0

    @Slot()
    def start_next(self) -> None:
        """Start the first queued job, unless one runs."""
        job = self._queue.next_queued()
        if self._current is not None or self._engine.busy or job is None:
            return
        try:
            progress = _begin(job)
        except FreeGvcError as error:
            self._end(job.id, State.FAILED, str(error))
            self.start_next()
            return
        self._current = job.id
        self.progress = progress
        self._queue.update(job.id, state=State.RUNNING, message="")
        self._engine.submit(job.task())
        self.started.emit(job.id)

    def pause(self) -> None:
        """Hold the running job, or let it go on."""
        job = self.current
        if job is None:
            return
        paused = job.state is State.PAUSED
        (self._engine.go_on if paused else self._engine.pause)()
        self._queue.update(job.id, state=State.RUNNING if paused else State.PAUSED)

    def cancel(self) -> None:
        """Stop the running job; its whole GOPs stay as a playable file."""
        if self.current is not None:
            self._engine.cancel()

    def resume(self, job_id: str) -> None:
        """Queue a job again and start it if nothing runs."""
        self._queue.renew(job_id)
        self.start_next()

    def shut_down(self) -> None:
        """Note what is interrupted, before the engine goes."""
        job = self.current
        if job is not None:
            self._queue.update(job.id, state=State.INTERRUPTED)

    @Slot(object)
    def _take(self, events: tuple[Event, ...]) -> None:
        job = self.current
        if job is None or self.progress is None:
            return
        for event in events:
            self.progress = self.progress.after(event, time.monotonic())
            if isinstance(event, PreviewReady):
                self.pictures.emit(job.id, event)
            elif isinstance(event, Warned):
                self.warned.emit(job.id, event.message)
            elif isinstance(event, Finished):
                self.finished = event
        if job.share != self.progress.share:
            self._queue.update(job.id, share=self.progress.share)
        self.progressed.emit(job.id, self.progress)

    @Slot(object)
    def _settle(self, settled: Settled) -> None:
        job = self.current
        if settled.detail:
            self.detail.emit(settled.detail)
        if job is not None:
            self._end(job.id, _state_after(settled, job), settled.message)
        if settled.model:
            self.model_missing.emit(settled.model)
        self.start_next()

    @Slot(str)
    def _crash(self, message: str) -> None:
        job = self.current
        if job is None:
            return
        self._current = None
        self._queue.update(job.id, state=State.INTERRUPTED, message=message)
        self.crashed.emit(job.id, message)

    def _end(self, job_id: str, state: State, message: str) -> None:
        self._current = None
        job = self._queue.get(job_id)
        size = job.output.stat().st_size if job is not None and job.output.exists() else None
        changes = {"share": 1.0} if state is State.DONE else {}
        self._queue.update(job_id, state=state, message=message, bytes=size, **changes)
        self.ended.emit(job_id, state)


def _state_after(settled: Settled, job: Job) -> State:
    if settled.outcome is Outcome.DONE:
        return State.DONE
    if settled.outcome is Outcome.CANCELLED:
        return State.STOPPED
    part = part_path(job.output)
    left = isinstance(job.settings, EncodeSettings) and part.exists()
    return State.INTERRUPTED if left and settled.outcome is Outcome.FAILED else State.FAILED


def _begin(job: Job) -> Progress:
    """No progress yet; raises FreeGvcError where the source can't be read."""
    if job.is_encode:
        return Progress(probe(job.source).frame_rate)
    info = describe(job.source)
    return Progress(info.header.frame_rate, expected=info.frames)
