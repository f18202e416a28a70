"""Works through one lane of the queue: hands one job at a time to its engine and keeps the job's state."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QObject, Signal, Slot

from app.core.engine import Engine
from app.core.files import is_there, reading, size_of
from app.core.jobs.job import Job, State
from app.core.jobs.progress import Progress
from app.core.jobs.queue import JobQueue
from app.core.jobs.sentences import in_window
from app.core.notice import shortfall_words
from codec.errors import FreeGvcError
from codec.events import Event, PreviewReady, Warned
from codec.files import remove_own_parts
from codec.format.info import describe
from codec.settings import EncodeSettings
from codec.video import probe
from codec.worker.tasks import Outcome, Settled

Lane = Callable[[Job], bool]
"""Which jobs a session works on."""


def encodes(job: Job) -> bool:
    """The lane of encodes."""
    return job.is_encode


def exports(job: Job) -> bool:
    """The lane of exports and smaller files, which never wait for an encode."""
    return not job.is_encode


class Session(QObject):
    """A lane of the queue at work. Nothing begins by itself: a job, or all that wait, are started.

    Attributes:
        progressed: (job id, Progress).
        pictures: (job id, PreviewReady) of an encode.
        warned: (job id, a sentence).
        started: a job's id.
        ended: (job id, the state it came to).
        crashed: (job id, a sentence); the job is interrupted and may be resumed, the next one begins.
        failed: a sentence: the engine was lost at something that is no job.
        drained: all that was started has ended by itself.
        detail: a traceback for the log.
        model_missing: the name of a model whose weights a job lacked; `ended` has told of the job before.
    """

    progressed = Signal(str, object)
    pictures = Signal(str, object)
    warned = Signal(str, str)
    started = Signal(str)
    ended = Signal(str, object)
    crashed = Signal(str, str)
    failed = Signal(str)
    drained = Signal()
    detail = Signal(str)
    model_missing = Signal(str)

    def __init__(self, queue: JobQueue, engine: Engine, lane: Lane = encodes, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._queue, self._engine, self._lane = queue, engine, lane
        self._current: str | None = None
        self._first: list[str] = []
        self._all = False
        # Whether there is an end to tell of: the engine has other tasks too.
        self._worked = False
        self.progress: Progress | None = None
        engine.told.connect(self._take)
        engine.settled.connect(self._settle)
        engine.crashed.connect(self._crash)

    @property
    def current(self) -> Job | None:
        """The job that runs or is paused."""
        return self._queue.get(self._current) if self._current is not None else None

    @property
    def going(self) -> bool:
        """Whether it works through all that waits."""
        return self._all and self._current is not None

    @property
    def stopping(self) -> bool:
        """Whether the running job was told to stop, which it does at its next event."""
        job = self.current
        return job is not None and job.state is State.STOPPING

    @property
    def bytes_so_far(self) -> int:
        """Size of the running job's unfinished output."""
        job = self.current
        return 0 if job is None else size_of(job.part) or 0

    @Slot()
    def start(self) -> None:
        """Work through all jobs that wait, and those that come while it works."""
        self._all = True
        self._start_next()

    def start_job(self, job_id: str) -> None:
        """Work on this one next, whatever else waits."""
        self._first.append(job_id)
        self._start_next()

    def pause(self) -> None:
        """Hold the running job, or let it go on."""
        job = self.current
        if job is None or self.stopping:
            return
        paused = job.state is State.PAUSED
        (self._engine.go_on if paused else self._engine.pause)()
        self._queue.update(job.id, state=State.RUNNING if paused else State.PAUSED)

    def cancel(self) -> None:
        """Stop the running job and begin no other; of an encode its whole GOPs stay as a playable file."""
        self._all = self._worked = False
        self._first.clear()
        job = self.current
        if job is not None and not self.stopping:
            self._engine.cancel()
            self._queue.update(job.id, state=State.STOPPING)

    def resume(self, job_id: str, anew: bool = False) -> None:
        """Queue a job again, to go on or to begin anew, and work on it next."""
        self._queue.renew(job_id, anew)
        self.start_job(job_id)

    def shut_down(self) -> None:
        """Note what is interrupted, and end the engine. What can't be gone on with leaves nothing behind.

        What is stopping already is waited for, as long as it may take.
        """
        job, stopping = self.current, self.stopping
        self._current = None
        self._all = self._worked = False
        self._first.clear()
        if job is not None:
            self._note(job.interrupted())
            if stopping or not job.is_encode:
                self._engine.end_task()
        self._engine.shut_down()
        _clear_after(job)
        if job is not None and stopping:
            self._note(job.stopped())

    def _next(self) -> Job | None:
        waiting = [job for job in self._queue if job.state is State.QUEUED and self._lane(job)]
        while self._first:
            wanted = self._first.pop(0)
            found = next((job for job in waiting if job.id == wanted), None)
            if found is not None:
                return found
        return waiting[0] if self._all and waiting else None

    def _start_next(self) -> None:
        if self._current is not None or self._engine.busy:
            return
        while (job := self._next()) is not None:
            self._worked = True
            try:
                self.progress = _begin(job)
            except FreeGvcError as error:
                self._end(job.ended(State.FAILED, in_window(str(error))))
                continue
            self._current = job.id
            self._queue.update(job.id, state=State.RUNNING, message="", warnings=(), share=0.0)
            self._engine.submit(job.task())
            self.started.emit(job.id)
            return
        self._all = False
        if self._worked:
            self._worked = False
            self.drained.emit()

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
                self._warn(job.id, in_window(event.message), kept=event.missed_gop is None)
        if job.share != self.progress.share:
            self._queue.update(job.id, share=self.progress.share)
        self.progressed.emit(job.id, self.progress)

    def _warn(self, job_id: str, message: str, kept: bool) -> None:
        """Tell it, and keep it with the job; how many GOPs miss their goal is counted at its end."""
        job = self._queue.get(job_id)
        if kept and job is not None and message not in job.warnings:
            self._queue.update(job_id, warnings=(*job.warnings, message))
        self.warned.emit(job_id, message)

    @Slot(object)
    def _settle(self, settled: Settled) -> None:
        job = self.current
        if settled.detail:
            self.detail.emit(settled.detail)
        if job is not None:
            state = _state_after(settled, job)
            self._end(job.ended(state, self._shortfall(job) if state is State.DONE else in_window(settled.message)))
        if settled.model:
            self.model_missing.emit(settled.model)
        self._start_next()

    def _shortfall(self, job: Job) -> str:
        """What an encode that is done has not reached."""
        if self.progress is None or not isinstance(job.settings, EncodeSettings):
            return ""
        try:
            with reading(job.output):
                info = describe(job.output)
        except FreeGvcError:
            # It was taken away in this very moment: nobody asks how large it was.
            return ""
        return shortfall_words(job.settings.goal, self.progress.gops, info.bytes, info.audio_bytes > 0)

    @Slot(str)
    def _crash(self, message: str) -> None:
        job = self.current
        self.progress = None
        _clear_after(job)
        if job is None:
            self.failed.emit(message)
        elif self.stopping:
            # A child that was too slow to stop was ended for it: that is what the user wanted.
            self._end(job.stopped())
        else:
            self._current = None
            self._queue.update(job.id, state=State.INTERRUPTED, message=message)
            self.crashed.emit(job.id, message)
        self._start_next()

    def _end(self, job: Job) -> None:
        self._current = None
        self._note(job)
        self.ended.emit(job.id, job.state)

    def _note(self, job: Job) -> None:
        """How a job stands at its end."""
        self._queue.update(job.id, state=job.state, message=job.message, bytes=job.bytes, share=job.share)


def _state_after(settled: Settled, job: Job) -> State:
    if settled.outcome is Outcome.DONE:
        return State.DONE
    if settled.outcome is Outcome.CANCELLED:
        return State.STOPPED
    if settled.stuck:
        return State.STUCK
    # Refused or failed: what an encode has left can be gone on with, once there is room on the disk or in memory.
    return State.INTERRUPTED if job.is_encode and is_there(job.part) else State.FAILED


def _clear_after(job: Job | None) -> None:
    """Remove what a child that was killed has left of a job that can't be gone on with."""
    if job is not None and not job.is_encode:
        remove_own_parts(job.output)


def _begin(job: Job) -> Progress:
    """No progress yet; raises FreeGvcError where the source can't be read."""
    with reading(job.source):
        if job.is_encode:
            return Progress(probe(job.source).frame_rate)
        info = describe(job.source)
    return Progress(info.header.frame_rate, expected=info.frames)
