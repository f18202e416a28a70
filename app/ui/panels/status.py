"""The line below: which file is worked on, how far it is, and what has just happened."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QObject, Qt, Slot
from PySide6.QtWidgets import QLabel, QSizePolicy, QStatusBar

from app.core.jobs.job import State
from app.core.jobs.progress import Progress
from app.core.jobs.queue import JOB_ROLE
from app.core.jobs.session import Session
from app.core.workspace import Workspace
from app.ui.panels.figures import summary
from app.ui.widgets import left_to_right, tooltip
from app.ui.words import percent


class Status(QObject):
    """One line of text, elided where the window is narrow."""

    def __init__(self, workspace: Workspace, bar: QStatusBar) -> None:
        super().__init__(bar)
        self._workspace = workspace
        self._label = _Elided()
        bar.addWidget(self._label, 1)
        self.tell(self.tr("Starting the engine"))
        workspace.noted.connect(self.tell)
        workspace.progressed.connect(self._progressed)
        workspace.ended.connect(self._ended)
        workspace.queue.dataChanged.connect(self._changed)

    @property
    def text(self) -> str:
        """What it says."""
        return self._label.full

    @Slot(str)
    def tell(self, text: str) -> None:
        """Say something."""
        self._label.show_text(text)

    @Slot(str, object)
    def _progressed(self, job_id: str, progress: Progress) -> None:
        workspace = self._workspace
        session = next((one for one in workspace.sessions if one.progress is progress), None)
        job = workspace.queue.get(job_id)
        # Of an export beside an encode the queue tells.
        if session is None or job is None or (not job.is_encode and workspace.session.current is not None):
            return
        if not self._tell_held(session):
            self.tell(f"{job.output.name}: {summary(progress, session.bytes_so_far)}")

    @Slot(QModelIndex)
    def _changed(self, index: QModelIndex) -> None:
        job = index.data(JOB_ROLE)
        for session in self._workspace.sessions:
            if job is not None and session.current == job:
                self._tell_held(session)

    def _tell_held(self, session: Session) -> bool:
        """Say that the job of a lane goes no further, where that is so."""
        job = session.current
        if job is None or not (session.stopping or job.state is State.PAUSED):
            return False
        if session.stopping:
            self.tell(self.tr("{}: stopping").format(job.output.name))
        else:
            self.tell(self.tr("{}: paused at {}").format(job.output.name, percent(job.share)))
        return True

    @Slot(str)
    def _ended(self, job_id: str) -> None:
        job = self._workspace.queue.get(job_id)
        if job is None:
            return
        words = {
            State.DONE: self.tr("{} is done."),
            State.STOPPED: self.tr("{} was stopped.")
            if job.bytes is None
            else self.tr("{} was stopped; it plays so far."),
            State.INTERRUPTED: self.tr("{} was interrupted."),
            State.STUCK: self.tr("{} can't be resumed."),
            State.HALTED: self.tr("{} was stopped; it can be resumed."),
        }
        text = words.get(job.state, self.tr("{} failed.")).format(job.output.name)
        self.tell(f"{text} {job.message}" if job.state is State.DONE and job.message else text)


class _Elided(QLabel):
    """A label that never makes its window wider."""

    def __init__(self) -> None:
        super().__init__()
        self.full = ""
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def show_text(self, text: str) -> None:
        self.full = text
        self.setText(left_to_right(text))
        self.setToolTip(tooltip(text))
