"""Everything behind the window: what is open, what the queue does, and what is said about it. No widgets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

from app.core.document import SUFFIX, Document, free_name, of_result, of_source, videos_in
from app.core.engine import Engine
from app.core.jobs.job import ACTIVE, Job, State
from app.core.jobs.progress import Progress
from app.core.jobs.queue import JobQueue
from app.core.jobs.session import Session
from app.core.log import Log
from app.core.models import Models
from app.core.notice import Notice, Remedy
from app.core.peers import OURS, Peers
from app.core.playing.frame_metrics import FrameMetrics
from app.core.playing.original import OriginalReader
from app.core.playing.playback import Playback, Reel
from app.core.playing.player import FrameClock, Player
from app.core.playing.sound import Sound, sound_of
from app.core.playing.sound_device import Opener, open_device
from app.core.preferences import FULL_VOLUME, Preferences
from codec.errors import FreeGvcError
from codec.events import PreviewReady
from codec.priors.defaults import defaults_of
from codec.settings import Bitrate, DecodeSettings, EncodeSettings, Quality
from codec.worker.tasks import Machine, Survey


class Workspace(QObject):
    """Owns the engines, the queue and the player.

    Attributes:
        opened: another document, or the same with more known of it.
        gops_changed: the document has more GOPs.
        progressed: Progress of the job that runs.
        noted: a sentence that needs no answer.
        told: a Notice.
        job_added, ended: a job's id.
        machine: a Machine.
    """

    opened = Signal()
    gops_changed = Signal()
    progressed = Signal(object)
    noted = Signal(str)
    told = Signal(object)
    job_added = Signal(str)
    ended = Signal(str)
    machine = Signal(object)

    def __init__(
        self, preferences: Preferences, folder: Path, parent: QObject | None = None, opener: Opener = open_device
    ) -> None:
        super().__init__(parent)
        folder.mkdir(parents=True, exist_ok=True)
        self.preferences = preferences
        self.log = Log(self)
        self.crash_log = folder / "crash.log"
        self.engine = self._new_engine()
        self.queue = JobQueue(folder / "queue.json", self)
        self.session = Session(self.queue, self.engine, self)
        self.clock = FrameClock(parent=self)
        self.player = Player(self.clock, self)
        self._play_engine = self._new_engine()
        self.playback = Playback(self._play_engine, self.player, self)
        self.frame_metrics = FrameMetrics(self.player, self.playback, self._is_idle, self)
        # A download may take hours and a hash minutes: neither waits for an encode, nor an encode for them.
        self._store_engine = self._new_engine(warm=False)
        self.models = Models(self._store_engine, self)
        self.peers = Peers(self._new_engine, self)
        self.sound = Sound(self.clock, opener, self)
        self.set_volume(preferences.volume, preferences.muted)
        self.document: Document | None = None
        self._connect()

    def _new_engine(self, warm: bool = True) -> Engine:
        """A child process whose log is a part of the window's."""
        engine = Engine(self, self.crash_log, warm)
        engine.logged.connect(self.log.add)
        return engine

    def start(self) -> None:
        """Load the queue, offer what was interrupted, and start the engine so that it is warm."""
        self._report_crash()
        self.queue.load()
        interrupted = next((job for job in self.queue if job.resumable), None)
        if interrupted is not None:
            message = self.tr("{} was interrupted.").format(interrupted.output.name)
            self.told.emit(Notice(message, Remedy.RESUME, interrupted.id))
        self.engine.submit(Survey())

    def close(self) -> None:
        """End everything; an encode that runs can be resumed at the next start."""
        self.frame_metrics.close()
        self.player.close()
        self.sound.close()
        self.session.shut_down()
        self.engine.shut_down()
        self._play_engine.shut_down()
        self._store_engine.shut_down()
        self.peers.shut_down()

    @Slot(int, bool)
    def set_volume(self, percent: int, muted: bool) -> None:
        """How loud the sound is from now on, and at the next start."""
        self.preferences.volume, self.preferences.muted = percent, muted
        self.sound.set_volume(percent / FULL_VOLUME, muted)

    # --- Opening ----------------------------------------------------------------------------------------------------

    def open(self, paths: Iterable[Path]) -> None:
        """Open one file; of several, queue the videos too."""
        try:
            found = videos_in(paths)
        except FreeGvcError as error:
            self._tell(str(error))
            return
        if found and self._open_one(found[0]) and len(found) > 1:
            for path in found:
                if path.suffix.lower() != SUFFIX:
                    self.add_encode(path, self.preferences.encode)

    @Slot(str)
    def choose(self, job_id: str) -> None:
        """Look at a job."""
        job = self._shown_for(self.queue.get(job_id))
        if job is None or (self.document is not None and self.document.job_id == job.id):
            return
        try:
            self._show(_document_of(job))
        except FreeGvcError as error:
            self._tell(job.message or str(error))

    def _shown_for(self, job: Job | None) -> Job | None:
        """An export shows the file that it exports, hence the encode that made it."""
        if job is None or job.is_encode:
            return job
        if self.document is not None and self.document.result == job.source:
            return None
        return next((other for other in self.queue if other.is_encode and other.output == job.source), job)

    def _open_one(self, path: Path) -> bool:
        try:
            if path.suffix.lower() == SUFFIX:
                job = next((item for item in self.queue if item.output == path), None)
                document = of_result(path) if job is None else _document_of(job)
            else:
                document = of_source(path, self.preferences.encode)
        except FreeGvcError as error:
            self._tell(str(error))
            return False
        self.preferences.add_recent(path)
        self.log.add(self.tr("Opened {}").format(path))
        self._show(document)
        return True

    def _show(self, document: Document) -> None:
        if self.peers.comparison.file not in (None, document.result):
            self.peers.forget()
        self.document = document
        self._show_original(document)
        self.clock.set_video(document.count, document.rate)
        self.sound.load(sound_of(document))
        running = self.session.current is not None and self.session.current.id == document.job_id
        if document.result is not None:
            self._play(DecodeSettings())
        else:
            self.playback.load(None)
            self.player.show_result(expected=running)
        self.opened.emit()
        self.gops_changed.emit()

    def _show_original(self, document: Document) -> None:
        reader = None
        if document.source is not None:
            reader = OriginalReader(document.source, document.size, document.start, self)
        self.player.show_original(reader)

    def _play(self, settings: DecodeSettings) -> None:
        document = self.document
        if document is not None and document.result is not None:
            width, height = document.size
            self.playback.load(Reel(document.result, settings, width * height * 3))

    # --- Jobs -------------------------------------------------------------------------------------------------------

    def compress(self, settings: EncodeSettings) -> None:
        """Queue what is open."""
        if self.document is not None and self.document.source is not None:
            self.add_encode(self.document.source, settings)

    def try_here(self, settings: EncodeSettings) -> None:
        """Encode one GOP from the playhead on, to see what the settings give."""
        document = self.document
        if document is None or document.source is None:
            return
        start = document.start + float(self.clock.frame / document.rate)
        frames = settings.gop_frames or defaults_of(settings.prior).gop_frames
        trial = replace(settings, start=start, duration=float(frames / document.rate))
        self.add_encode(document.source, trial, f" (trial at {start:.1f} s)")

    def add_encode(self, source: Path, settings: EncodeSettings, suffix: str = "") -> None:
        """Queue an encode beside its source and start it if nothing runs."""
        wanted = source.with_name(source.stem + suffix + SUFFIX)
        output = free_name(wanted, (job.output for job in self.queue))
        self._add(Job(source, output, replace(settings, preview=True, resume=False)))

    def export(self, output: Path, goal: Quality | Bitrate | None = None) -> None:
        """Queue a decode of the open file to a video."""
        if self.document is not None and self.document.result is not None:
            self._add(Job(self.document.result, output, DecodeSettings(goal=goal)))

    def retarget(self, goal: Quality | Bitrate | None) -> None:
        """Play the open file as it would look at `goal`."""
        self._play(DecodeSettings(goal=goal))

    def compare_peers(self) -> None:
        """Let other codecs code the open file's source in as many bytes."""
        if self.document is not None:
            self.peers.start(self.document)

    def _is_idle(self) -> bool:
        return not self.engine.busy

    def _add(self, job: Job) -> None:
        self.queue.add(job)
        self.log.add(self.tr("Queued {}").format(job.output))
        self.job_added.emit(job.id)
        self.session.start_next()

    # --- What the engine tells --------------------------------------------------------------------------------------

    def _connect(self) -> None:
        self.queue.unreadable.connect(self._tell)
        self.queue.unsaved.connect(self._tell)
        self.session.started.connect(self._started)
        self.session.progressed.connect(self._progressed)
        self.session.pictures.connect(self._pictures)
        self.session.warned.connect(self._warned)
        self.session.ended.connect(self._ended)
        self.session.crashed.connect(self._crashed)
        self.session.detail.connect(self.log.add)
        self.session.model_missing.connect(self._model_missing)
        self.playback.model_missing.connect(self._model_missing)
        self.playback.failed.connect(self._tell)
        self.playback.warned.connect(self._tell)
        self.frame_metrics.refused.connect(self._tell)
        self.player.failed.connect(self._tell)
        self.peers.failed.connect(self._tell)
        self.peers.changed.connect(self._show_peers)
        self.player.ended.connect(self._shorten)
        self.engine.told.connect(self._look_for_machine)

    @Slot(str)
    def _tell(self, message: str) -> None:
        self.log.add(message)
        self.told.emit(Notice(message))

    @Slot(str)
    def _started(self, job_id: str) -> None:
        if self.document is not None and self.document.job_id == job_id:
            self.player.show_result(expected=True)

    @Slot(str, object)
    def _progressed(self, job_id: str, progress: Progress) -> None:
        self.progressed.emit(progress)
        document = self.document
        if document is None or document.job_id != job_id or len(progress.gops) == len(document.gops):
            return
        self.document = replace(document, gops=progress.gops, count=max(document.count, progress.frames_done))
        self.clock.extend(self.document.count)
        self.gops_changed.emit()

    @Slot(str, object)
    def _pictures(self, job_id: str, pictures: PreviewReady) -> None:
        document = self.document
        job = self.queue.get(job_id)
        if document is None or job is None or not job.is_encode or document.job_id != job_id:
            return
        height, width = pictures.frames.shape[1:3]
        if document.size != (width, height):
            self.document = replace(document, size=(width, height))
            self._show_original(self.document)
        self.player.take(pictures)

    @Slot(str, str)
    def _warned(self, _: str, message: str) -> None:
        self.log.add(message)

    @Slot(str, object)
    def _ended(self, job_id: str, state: State) -> None:
        job = self.queue.get(job_id)
        if job is None:
            return
        self.log.add(f"{job.output.name}: {state.value} {job.message}".rstrip())
        if state is State.FAILED:
            self._tell(job.message)
        document = self.document
        if document is not None and document.job_id == job_id and job.is_encode and job.output.exists():
            self._adopt(_document_of(job))
            self.opened.emit()
            self.gops_changed.emit()
        self.ended.emit(job_id)

    def _adopt(self, document: Document) -> None:
        """The encode on show has become a file; the frames that came with it stay."""
        self.document = document
        width, height = document.size
        if document.result is not None:
            self.playback.adopt(Reel(document.result, DecodeSettings(), width * height * 3))
        self.clock.count = document.count
        self.clock.seek(self.clock.frame)

    @Slot(str, str)
    def _crashed(self, job_id: str, message: str) -> None:
        self.log.add(message)
        self.told.emit(Notice(self.tr("{} What is done is safe on disk.").format(message), Remedy.RESUME, job_id))

    @Slot()
    def _show_peers(self) -> None:
        self.player.show_others({name: frames for name, frames in self.peers.frames.items() if name != OURS})

    @Slot(str)
    def _model_missing(self, model: str) -> None:
        message = self.tr("The weights of {} are not on this machine: get them, or say where you have them.")
        self.told.emit(Notice(message.format(model), Remedy.MODELS))

    @Slot(int)
    def _shorten(self, count: int) -> None:
        """Until the source was read to its end, its length was what the file says."""
        document = self.document
        if document is not None and document.result is None and 0 < count < document.count:
            self.document = replace(document, count=count)
            self.clock.shorten(count)

    @Slot(object)
    def _look_for_machine(self, messages: tuple[object, ...]) -> None:
        for message in messages:
            if isinstance(message, Machine):
                device = self.tr("no GPU") if message.gpu is None else f"{message.gpu}, {message.gpu_bytes} B"
                self.log.add(self.tr("Found {}; priors: {}").format(device, ", ".join(message.priors)))
                self.machine.emit(message)

    def _report_crash(self) -> None:
        if not self.crash_log.exists():
            return
        report = self.crash_log.read_text("utf-8", "replace").strip()
        self.crash_log.unlink()
        if report:
            self.log.add(report)
            self.told.emit(
                Notice(self.tr("The program crashed in the last session; the log has its report."), Remedy.LOG)
            )


def _document_of(job: Job) -> Document:
    settings = job.settings
    if not isinstance(settings, EncodeSettings):
        return of_result(job.source)
    if job.state not in (*ACTIVE, State.QUEUED) and job.output.exists():
        return of_result(job.output, job.source, settings.start, job.id)
    return of_source(job.source, settings, job.id)
