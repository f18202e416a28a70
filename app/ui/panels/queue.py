"""The queue as a list: name, state and progress of each job, and buttons for the chosen one."""

from __future__ import annotations

from PySide6.QtCore import (
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import (
    QHBoxLayout,
    QListView,
    QStackedLayout,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.core.jobs.job import Job, State
from app.core.jobs.queue import JOB_ROLE, JobQueue
from app.ui.theme import Theme
from app.ui.widgets import label, tool_button
from app.ui.words import human_bytes

ROW_HEIGHT = 58
_MARGIN = 10


class JobDelegate(QStyledItemDelegate):
    """Paints one job."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(self, *_: object) -> QSize:  # noqa: N802
        """See Qt."""
        return QSize(180, ROW_HEIGHT)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """See Qt."""
        job: Job = index.data(JOB_ROLE)
        colours = self._theme.colours
        box: QRect = option.rect.adjusted(2, 2, -2, -2)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.setPen(QColor(colours.accent))
            painter.setBrush(QColor(colours.raised))
            painter.drawRoundedRect(box, 6, 6)
        inner = box.adjusted(_MARGIN, 7, -_MARGIN, -7)
        painter.setPen(QColor(colours.text))
        name = painter.fontMetrics().elidedText(job.output.name, Qt.TextElideMode.ElideMiddle, inner.width())
        painter.drawText(inner, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft, name)
        problem = job.state in (State.FAILED, State.INTERRUPTED)
        painter.setPen(QColor(colours.warn if problem else colours.muted))
        line = inner.adjusted(0, 18, 0, 0)
        painter.drawText(line, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft, self._words(job))
        if job.state in (State.RUNNING, State.PAUSED):
            self._bar(painter, inner, job.share)
        painter.restore()

    def _bar(self, painter: QPainter, inner: QRect, share: float) -> None:
        bar = QRect(inner.left(), inner.bottom() - 3, inner.width(), 4)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self._theme.colours.line))
        painter.drawRoundedRect(bar, 2, 2)
        bar.setWidth(max(4, round(bar.width() * share)))
        painter.setBrush(QColor(self._theme.colours.accent))
        painter.drawRoundedRect(bar, 2, 2)

    def _words(self, job: Job) -> str:
        states = {
            State.QUEUED: self.tr("Waiting"),
            State.RUNNING: self.tr("Working, {:.0%}").format(job.share),
            State.PAUSED: self.tr("Paused at {:.0%}").format(job.share),
            State.DONE: self.tr("Done"),
            State.STOPPED: self.tr("Stopped, playable so far"),
            State.FAILED: self.tr("Failed"),
            State.INTERRUPTED: self.tr("Interrupted, can be resumed"),
        }
        size = f", {human_bytes(job.bytes)}" if job.state is State.DONE and job.bytes is not None else ""
        return states[job.state] + size


class QueuePanel(QWidget):
    """The list and its buttons.

    Attributes:
        chosen: the id of the job that is looked at, "" for none.
        resume_wanted: the id of a job to go on with.
    """

    chosen = Signal(str)
    resume_wanted = Signal(str)

    def __init__(self, queue: JobQueue, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._queue, self._theme = queue, theme
        self.view = QListView()
        self.view.setModel(queue)
        self.view.setItemDelegate(JobDelegate(theme, self.view))
        self.view.setAccessibleName(self.tr("Queue of jobs"))
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        empty = label(self.tr("No jobs yet.\nOpen a video and press Compress."), "muted")
        empty.setWordWrap(True)
        empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._stack = QStackedLayout()
        self._stack.addWidget(empty)
        self._stack.addWidget(self.view)
        self._buttons: dict[str, QToolButton] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(self._stack, 1)
        column.addLayout(self._button_row())
        self._connect()
        self._update()

    @property
    def job(self) -> Job | None:
        """The chosen one."""
        index = self.view.currentIndex()
        job: Job | None = index.data(JOB_ROLE) if index.isValid() else None
        return job

    def choose(self, job_id: str) -> None:
        """Choose a job, as a click would."""
        index = self._queue.index(self._queue.row_of(job_id))
        self.view.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)

    def _button_row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(0)
        for name, hint, action in (
            ("up", self.tr("Move up"), self._up),
            ("down", self.tr("Move down"), self._down),
            ("play", self.tr("Resume or start again"), self._resume),
            ("remove", self.tr("Remove from the queue; files stay"), self._remove),
        ):
            button = tool_button(hint)
            button.clicked.connect(action)
            self._buttons[name] = button
            row.addWidget(button)
        row.addStretch(1)
        return row

    def _connect(self) -> None:
        self.view.selectionModel().currentChanged.connect(self._tell)
        for signal in (
            self._queue.rowsInserted,
            self._queue.rowsRemoved,
            self._queue.rowsMoved,
            self._queue.dataChanged,
            self._queue.modelReset,
        ):
            signal.connect(self._update)
        self._theme.changed.connect(self._update)

    @Slot()
    def _update(self) -> None:
        self._stack.setCurrentIndex(1 if len(self._queue) else 0)
        job = self.job
        active = job is not None and job.state in (State.RUNNING, State.PAUSED)
        again = job is not None and job.state in (State.STOPPED, State.FAILED, State.INTERRUPTED)
        for name, button in self._buttons.items():
            button.setIcon(self._theme.icon(name))
            button.setEnabled(job is not None and (again if name == "play" else not (name == "remove" and active)))

    @Slot()
    def _tell(self) -> None:
        self._update()
        job = self.job
        self.chosen.emit(job.id if job is not None else "")

    @Slot()
    def _up(self) -> None:
        self._move(-1)

    @Slot()
    def _down(self) -> None:
        self._move(1)

    def _move(self, by: int) -> None:
        if self.job is not None:
            self._queue.move(self.job.id, by)

    @Slot()
    def _resume(self) -> None:
        if self.job is not None:
            self.resume_wanted.emit(self.job.id)

    @Slot()
    def _remove(self) -> None:
        if self.job is not None:
            self._queue.remove(self.job.id)
