"""What is asked of the queue: for the open video, or for files that come in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

from app.core.document import free_name
from app.core.files import SUFFIX
from app.core.jobs.job import FINISHED, MOVABLE, Job, State
from app.core.jobs.queue import JobQueue
from app.core.jobs.session import Session
from app.core.settings.preferences import Preferences
from app.core.settings.presets import of_any_video
from app.core.viewer import Viewer
from codec.priors.defaults import defaults_of
from codec.settings import DecodeSettings, EncodeSettings


class Orders(QObject):
    """Makes jobs, changes those that wait, and has them worked on.

    Attributes:
        added: a job's id.
        refused: why something isn't done, a sentence.
    """

    added = Signal(str)
    refused = Signal(str)

    def __init__(
        self,
        queue: JobQueue,
        viewer: Viewer,
        sessions: tuple[Session, Session],
        preferences: Preferences,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._queue, self._viewer, self._preferences = queue, viewer, preferences
        self._sessions = sessions
        self._encodes, self._exports = sessions
        # Whether the range on show is the user's, not yet that of a job.
        self._by_hand = False
        viewer.clock.marked.connect(self._take_range)
        viewer.times_known.connect(self._follow_times)

    def waiting(self, source: Path) -> Job:
        """The job of a video that waits already, or a new one."""
        waiting = (job for job in self._queue if job.is_encode and job.source == source and job.state is State.QUEUED)
        return next(waiting, None) or self.add_encode(source, self._preferences.encode)

    def start_queue(self) -> None:
        """Work through what waits, and go on with what was interrupted."""
        for job in list(self._queue):
            if job.state is State.INTERRUPTED:
                self._queue.renew(job.id)
        for session in self._sessions:
            session.start()

    @Slot(str)
    def resume(self, job_id: str, anew: bool = False) -> None:
        """Start a job that waits, or go on with one or begin it anew, before all others."""
        job = self._queue.get(job_id)
        if job is not None:
            (self._encodes if job.is_encode else self._exports).resume(job_id, anew)

    @Slot(str)
    def begin_anew(self, job_id: str) -> None:
        """Start a job from its start, whatever it has left."""
        self.resume(job_id, anew=True)

    @property
    def job(self) -> Job | None:
        """The encode of what is open."""
        return self._queue.get(self._viewer.document.job_id) if self._viewer.document is not None else None

    def edit(self, settings: EncodeSettings) -> None:
        """Settings for videos to come, and for what is open while it waits."""
        self._preferences.encode = of_any_video(settings)
        job = self.job
        if job is not None and job.state is State.QUEUED and isinstance(job.settings, EncodeSettings):
            own = job.settings
            taken = replace(settings, start=own.start, duration=own.duration, resume=own.resume, preview=True)
            self._queue.update(job.id, settings=taken)
            self._viewer.hear(settings.audio_track)

    def again(self) -> Job | None:
        """Another job for what is open, that waits and whose settings can be changed."""
        document, job = self._viewer.document, self.job
        settings = job.settings if job is not None else self._preferences.encode
        if document is None or document.source is None or not isinstance(settings, EncodeSettings):
            return None
        return self.add_encode(document.source, settings)

    def try_here(self, settings: EncodeSettings) -> str:
        """Encode one GOP from the playhead on, to see what the settings give; the job's id, "" without a source."""
        document = self._viewer.document
        if document is None or document.source is None:
            return ""
        frames = settings.gop_frames or defaults_of(settings.prior).gop_frames
        start, seconds = document.part(self._viewer.clock.frame, frames)
        trial = replace(settings, start=start, duration=seconds)
        job = self.add_encode(document.source, trial, f" (trial at {start:.1f} s)")
        self._encodes.start_job(job.id)
        return job.id

    def save_as(self, output: Path) -> None:
        """Give the result of the open job another name or place; one that has failed waits again with that."""
        job = self.job
        if job is None or job.state not in MOVABLE or self._refuse_taken(output, job):
            return
        self._queue.update(job.id, output=output)
        if job.state is State.FAILED:
            self._queue.renew(job.id)

    def add_encode(self, source: Path, settings: EncodeSettings, suffix: str = "") -> Job:
        """Queue an encode beside its source; it waits."""
        output = self._free(source.with_name(source.stem + suffix + SUFFIX))
        return self._add(Job(source, output, replace(settings, preview=True, resume=False)))

    def export(self, output: Path, settings: DecodeSettings | None = None) -> None:
        """Decode the open file to a video, or save it smaller where `output` is a .fgvc file, beside whatever runs."""
        document = self._viewer.document
        if document is not None and document.result is not None and not self._refuse_taken(output):
            job = self._add(Job(document.result, output, settings or DecodeSettings()))
            self._exports.start_job(job.id)

    def _refuse_taken(self, output: Path, by: Job | None = None) -> bool:
        """Whether a job other than `by` is going to write there, which is refused: one would replace the other's."""
        others = (job for job in self._queue if job != by and job.state not in FINISHED)
        taken = any(job.output == output for job in others)
        if taken:
            self.refused.emit(self.tr("{} is what another job of the queue makes; choose another name.").format(output))
        return taken

    def _free(self, wanted: Path) -> Path:
        return free_name(wanted, (job.output for job in self._queue))

    def _add(self, job: Job) -> Job:
        self._queue.add(job)
        self.added.emit(job.id)
        return job

    def show_range(self) -> None:
        """The part of the open video that its job takes, as the range that is played."""
        self._by_hand = False
        job = self.job
        if job is None or job.state is not State.QUEUED or not isinstance(job.settings, EncodeSettings):
            return
        start, duration = job.settings.start, job.settings.duration
        clock = self._viewer.clock
        end = None if duration is None else clock.frame_at(start + duration - float(1 / clock.rate / 4)) + 1
        clock.show_range(clock.frame_at(start), end)

    @Slot()
    def _take_range(self) -> None:
        """The user has marked a range of a video whose job waits: that part is what is encoded."""
        self._by_hand = True
        job, clock = self.job, self._viewer.clock
        if job is None or job.state is not State.QUEUED or not isinstance(job.settings, EncodeSettings):
            return
        start = clock.seconds(clock.begin)
        # To the midst of the last frame: files round their times.
        last = None if clock.end is None else clock.seconds(clock.end - 1) + float(1 / clock.rate / 2)
        duration = None if last is None else last - start
        if (start, duration) != (job.settings.start, job.settings.duration):
            self._queue.update(job.id, settings=replace(job.settings, start=start, duration=duration))

    @Slot()
    def _follow_times(self) -> None:
        """Of a range that was marked meanwhile the frames stay as they are, of any other the seconds."""
        if self._by_hand:
            self._take_range()
        else:
            self.show_range()
