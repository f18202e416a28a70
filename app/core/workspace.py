"""All that the window works with: queue, sessions, viewer, stores; takes files in and tells what happens."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

from app.core.comparing.peers import Peers
from app.core.comparing.trials import Trials
from app.core.document import Document, of_result, of_source, videos_in, with_source
from app.core.engine import Engine
from app.core.files import SUFFIX, is_there
from app.core.jobs.job import ACTIVE, Job, State
from app.core.jobs.notices import notice_of_crash, notice_of_end
from app.core.jobs.progress import Progress
from app.core.jobs.queue import JobQueue
from app.core.jobs.session import Session, encodes, exports
from app.core.jobs.shown import document_of, document_of_file, encode_of
from app.core.log import Log, taken_report
from app.core.models import Models
from app.core.notice import Notice, Remedy, damage_words, left_words
from app.core.orders import Orders
from app.core.playing.measuring.frame_metrics import FrameMetrics
from app.core.playing.measuring.quality_curve import QualityCurve
from app.core.playing.sound.device import Opener, open_device
from app.core.settings.preferences import Preferences
from app.core.viewer import Viewer
from codec.errors import FreeGvcError
from codec.events import PreviewReady
from codec.format.info import FileInfo
from codec.settings import EncodeSettings
from codec.worker.tasks import Machine, Survey


class Workspace(QObject):
    """Owns the engines, the queue and the viewer.

    Attributes:
        progressed: (job id, Progress) of the encode or the export that runs.
        noted: a sentence that needs no answer.
        told: a Notice.
        job_added, ended: a job's id.
        drained: all encodes that were started have ended, and nobody has stopped them.
        machine: a Machine.
    """

    progressed = Signal(str, object)
    noted = Signal(str)
    told = Signal(object)
    job_added = Signal(str)
    ended = Signal(str)
    drained = Signal()
    machine = Signal(object)

    def __init__(
        self, preferences: Preferences, folder: Path, parent: QObject | None = None, opener: Opener = open_device
    ) -> None:
        super().__init__(parent)
        folder.mkdir(parents=True, exist_ok=True)
        self.preferences = preferences
        self.log = Log(self)
        self.crash_log = folder / "crash.log"
        self.queue = JobQueue(folder / "queue.json", self)
        # Each kind of work has a child of its own, so that none waits for another; what is watched goes before all.
        self.engine = self._engine(background=True)
        self.session = Session(self.queue, self.engine, encodes, self)
        self.exports = Session(self.queue, self._engine(background=True), exports, self)
        self.viewer = Viewer(preferences, self._engine, opener, self)
        self.clock, self.player, self.sound = self.viewer.clock, self.viewer.player, self.viewer.sound
        self.playback = self.viewer.playback
        judge = self._engine(background=True)
        self.frame_metrics = FrameMetrics(self.player, judge, self._is_idle, self)
        self.curve = QualityCurve(self.player, judge, self._is_idle, self)
        self._store_engine = self._engine(warm=False)
        self.models = Models(self._store_engine, self)
        self.orders = Orders(self.queue, self.viewer, self.sessions, preferences, self)
        self.peers = Peers(lambda: self._engine(background=True), self)
        self.trials = Trials(self._engine, self)
        # Jobs that were asked for to see what settings give.
        self._tried: set[str] = set()
        # Sentences on damage that were told, in better words, as files were opened.
        self._known_damage: set[str] = set()
        self._connect()

    def _engine(self, warm: bool = True, background: bool = False) -> Engine:
        """A child process whose log is a part of the window's."""
        engine = Engine(self, self.crash_log, warm, background)
        engine.logged.connect(self.log.add)
        return engine

    @property
    def document(self) -> Document | None:
        """What is open."""
        return self.viewer.document

    @property
    def sessions(self) -> tuple[Session, Session]:
        """Both lanes of the queue."""
        return self.session, self.exports

    @property
    def job(self) -> Job | None:
        """The encode of what is open."""
        return self.orders.job

    @property
    def warnings(self) -> tuple[str, ...]:
        """What one should know of the job of what is open, sentences."""
        job = self.queue.get(self.document.job_id) if self.document is not None else None
        return () if job is None else ((job.message,) if job.state is State.DONE and job.message else ()) + job.warnings

    @property
    def active(self) -> list[Job]:
        """Jobs that run or are paused."""
        return [job for job in self.queue if job.state in ACTIVE]

    def start(self) -> None:
        """Load the queue, say what waits in it, start the engine so that it is warm; nothing is encoded by itself."""
        self._report_crash()
        self.queue.load()
        states = [job.state for job in self.queue]
        waiting, interrupted = states.count(State.QUEUED), states.count(State.INTERRUPTED)
        if waiting or interrupted:
            self.told.emit(Notice(left_words(waiting, interrupted), Remedy.START))
        self.engine.submit(Survey())

    def close(self) -> None:
        """End everything; an encode that runs can be resumed at the next start."""
        self.curve.close()
        self.frame_metrics.close()
        self.viewer.close()
        for session in self.sessions:
            session.shut_down()
        self._store_engine.shut_down()
        self.peers.shut_down()
        self.trials.close()

    # --- Opening ----------------------------------------------------------------------------------------------------

    @Slot(object)
    def open(self, paths: Iterable[Path]) -> None:
        """Take files in: videos join the queue and wait, the first file is looked at."""
        found, opened, refusals = [], [], []
        for path in paths:
            try:
                found += videos_in(path)
            except FreeGvcError as error:
                refusals.append(str(error))
        for path in found:
            try:
                opened.append(self._take_in(path))
            except FreeGvcError as error:
                refusals.append(str(error))
        if opened:
            self.look_at(opened[0])
            self._tell_damage(opened[0].info)
        for refusal in refusals:
            self._tell(refusal)

    def _take_in(self, path: Path) -> Document:
        """A file's document, with a job that waits where it is a video; raises FreeGvcError."""
        ours = path.suffix.lower() == SUFFIX
        document = document_of_file(path, self.queue) if ours else of_source(path, self.preferences.encode)
        self.preferences.add_recent(path)
        self.log.add(self.tr("Opened {}").format(path))
        return document if ours else replace(document, job_id=self.orders.waiting(path).id)

    def _tell_damage(self, info: FileInfo | None) -> None:
        if info is None:
            return
        for message in info.damage:
            self.log.add(message)
        self._known_damage.update(info.damage)
        text = damage_words(info)
        if info.damage:
            self._tell(text)
        elif text:
            self.noted.emit(text)

    def compare_with(self, path: Path) -> None:
        """Show another file beside the open one; a result without its source takes a video for that."""
        document = self.document
        if document is None:
            return
        try:
            if path.suffix.lower() == SUFFIX:
                other = of_result(path)
                self.viewer.show_beside(other)
                self._tell_damage(other.info)
            elif document.result is not None and document.source is None:
                self.look_at(with_source(document, path))
            else:
                self.viewer.show_beside(of_source(path, EncodeSettings()))
        except FreeGvcError as error:
            self._tell(str(error))

    def again(self, job_id: str = "") -> None:
        """Make another job of one, or of what is open, and look at it."""
        if job_id:
            self.choose(job_id)
        job = self.orders.again()
        if job is not None:
            self.choose(job.id)

    @Slot(str)
    def choose(self, job_id: str) -> None:
        """Look at a job."""
        job = self._shown_for(self.queue.get(job_id))
        if job is None or (self.document is not None and self.document.job_id == job.id):
            return
        try:
            document = document_of(job, self.queue)
        except FreeGvcError as error:
            self._tell(job.message or str(error))
            return
        self.look_at(document)
        self._tell_damage(document.info)
        self._tell_end(job)

    def _shown_for(self, job: Job | None) -> Job | None:
        """An export shows the file that it exports, hence the encode that made it."""
        if job is None or job.is_encode or (job.saves_smaller and job.state is State.DONE):
            return job
        if self.document is not None and self.document.result == job.source:
            return None
        return encode_of(job.source, self.queue) or job

    def look_at(self, document: Document) -> None:
        """Show a document in place of the one that is open."""
        current = self.session.current
        self.viewer.show(document, running=current is not None and current.id == document.job_id)
        self.orders.show_range()
        self.peers.show(document.result)
        self.curve.show(document)

    def try_here(self, settings: EncodeSettings) -> None:
        """Encode one GOP from the playhead on, and offer to look at it once it is done."""
        self._tried.add(self.orders.try_here(settings))

    # --- Other codecs -----------------------------------------------------------------------------------------------

    def compare_peers(self) -> None:
        """Let other codecs code the open file's source in as many bytes."""
        if self.document is not None:
            self.peers.start(self.document)

    def _is_idle(self) -> bool:
        return not self.active

    # --- What the engines tell --------------------------------------------------------------------------------------

    def _connect(self) -> None:
        for session in self.sessions:
            session.started.connect(self._started)
            session.progressed.connect(self._progressed)
            session.pictures.connect(self._pictures)
            session.warned.connect(self._warned)
            session.ended.connect(self._ended)
            session.crashed.connect(self._crashed)
            session.failed.connect(self._tell)
            session.detail.connect(self.log.add)
            session.model_missing.connect(self._model_missing)
        self.session.drained.connect(self.drained)
        self.viewer.model_missing.connect(self._model_missing)
        self.viewer.warned.connect(self._warn)
        for failed in (
            self.queue.unreadable,
            self.queue.unsaved,
            self.orders.refused,
            self.viewer.refused,
            self.frame_metrics.refused,
            self.curve.refused,
            self.player.failed,
            self.peers.failed,
        ):
            failed.connect(self._tell)
        self.orders.added.connect(self._added)
        self.peers.changed.connect(self._show_peers)
        self.peers.warned.connect(self.log.add)
        self.engine.told.connect(self._look_for_machine)

    @Slot(str)
    def _tell(self, message: str) -> None:
        self.log.add(message)
        self.told.emit(Notice(message))

    @Slot(str)
    def _warn(self, message: str) -> None:
        """What is amiss with a file that is shown, unless it was told when that was opened."""
        if message not in self._known_damage:
            self._tell(message)

    def _is_open(self, job_id: str) -> bool:
        job = self.queue.get(job_id)
        return job is not None and job.is_encode and self.document is not None and self.document.job_id == job_id

    @Slot(str)
    def _added(self, job_id: str) -> None:
        job = self.queue.get(job_id)
        if job is not None:
            self.log.add(self.tr("Queued {}").format(job.output))
        self.job_added.emit(job_id)

    @Slot(str)
    def _started(self, job_id: str) -> None:
        job = self.queue.get(job_id)
        if job is None or not self._is_open(job_id):
            return
        settings = job.settings
        if isinstance(settings, EncodeSettings) and (settings.start or settings.duration is not None):
            # While it waited all of its source was shown.
            self.look_at(document_of(job, self.queue))
        else:
            self.viewer.begin()

    @Slot(str, object)
    def _progressed(self, job_id: str, progress: Progress) -> None:
        self.progressed.emit(job_id, progress)
        if self._is_open(job_id):
            self.viewer.take_progress(progress)

    @Slot(str, object)
    def _pictures(self, job_id: str, pictures: PreviewReady) -> None:
        if self._is_open(job_id):
            self.viewer.take_pictures(pictures)

    @Slot(str, str)
    def _warned(self, _: str, message: str) -> None:
        self.log.add(message)

    @Slot(str, object)
    def _ended(self, job_id: str, state: State) -> None:
        job = self.queue.get(job_id)
        if job is None:
            return
        self.log.add(f"{job.output.name}: {state.value} {job.message}".rstrip())
        if state in (State.DONE, State.STOPPED):
            self.peers.forget(job.output)
        if self._is_open(job_id) and is_there(job.output):
            self.viewer.adopt(document_of(job, self.queue))
            self.curve.show(self.document)
            self.peers.show(job.output)
        # Only now: what is opened takes old messages away.
        self._tell_end(job)
        if state is State.DONE and job_id in self._tried and not self._is_open(job_id):
            self.told.emit(Notice(self.tr("{} is done.").format(job.output.name), Remedy.LOOK, job_id))
        self.ended.emit(job_id)

    def _tell_end(self, job: Job) -> None:
        notice = notice_of_end(job)
        if notice is not None:
            self.told.emit(notice)

    @Slot(str, str)
    def _crashed(self, job_id: str, message: str) -> None:
        job = self.queue.get(job_id)
        if job is not None:
            notice = notice_of_crash(job, message)
            self.log.add(notice.message)
            self.told.emit(notice)
        self.ended.emit(job_id)

    @Slot()
    def _show_peers(self) -> None:
        self.player.show_others(self.peers.frames)

    @Slot(str)
    def _model_missing(self, model: str) -> None:
        message = self.tr("The weights of {} are not on this machine: get them, or say where you have them.")
        self.told.emit(Notice(message.format(model), Remedy.MODELS))

    @Slot(object)
    def _look_for_machine(self, messages: tuple[object, ...]) -> None:
        for message in messages:
            if isinstance(message, Machine):
                device = self.tr("no GPU") if message.gpu is None else f"{message.gpu}, {message.gpu_bytes} B"
                self.log.add(self.tr("Found {}; priors: {}").format(device, ", ".join(message.priors)))
                self.machine.emit(message)

    @Slot(str)
    def fail(self, detail: str) -> None:
        """Something went wrong that nobody had foreseen; `detail` is a traceback for the log."""
        self.log.add(detail)
        text = self.tr(
            "Something in this window went wrong, which is a defect of the program; the log has the details."
        )
        self.told.emit(Notice(text, Remedy.LOG))

    def _report_crash(self) -> None:
        report = taken_report(self.crash_log)
        if report:
            self.log.add(report)
            self.told.emit(
                Notice(self.tr("The program crashed in the last session; the log has its report."), Remedy.LOG)
            )
