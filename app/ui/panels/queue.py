"""The queue as a list: name, state and progress of each job, and buttons for the chosen one."""

from __future__ import annotations

from PySide6.QtCore import (
    QAbstractItemModel,
    QEvent,
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import QColor, QHelpEvent, QKeyEvent, QPainter, QPen
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QListView,
    QMenu,
    QStackedLayout,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QToolButton,
    QToolTip,
    QVBoxLayout,
    QWidget,
)

from app.core.jobs.job import ACTIVE, Job, State
from app.core.jobs.queue import JOB_ROLE, JobQueue
from app.ui.theme import Theme
from app.ui.widgets import label, tool_button, tooltip
from app.ui.words import human_bytes, percent

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
            focused = option.state & QStyle.StateFlag.State_HasFocus
            painter.setPen(QPen(QColor(colours.accent), 2) if focused else QPen(QColor(colours.line), 1))
            painter.setBrush(QColor(colours.raised))
            painter.drawRoundedRect(box, 6, 6)
        inner = box.adjusted(_MARGIN, 7, -_MARGIN, -7)
        painter.setPen(QColor(colours.text))
        whole = self.name(job, index.model())
        name = painter.fontMetrics().elidedText(whole, Qt.TextElideMode.ElideMiddle, inner.width())
        painter.drawText(inner, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft, name)
        problem = job.state in (State.FAILED, State.INTERRUPTED, State.STUCK) or _is_off(job)
        painter.setPen(QColor(colours.warn if problem else colours.muted))
        line = inner.adjusted(0, 18, 0, 0)
        words = painter.fontMetrics().elidedText(self.words(job), Qt.TextElideMode.ElideRight, line.width())
        painter.drawText(line, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft, words)
        if job.state in ACTIVE:
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

    def helpEvent(  # noqa: N802
        self,
        event: QHelpEvent,
        view: QAbstractItemView,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> bool:
        """The whole names, or what is amiss with the job, letter by letter."""
        if event.type() is not QEvent.Type.ToolTip:
            return super().helpEvent(event, view, option, index)
        QToolTip.showText(event.globalPos(), tooltip(index.data(Qt.ItemDataRole.ToolTipRole) or ""), view)
        return True

    def name(self, job: Job, queue: QAbstractItemModel) -> str:
        """What a job makes, with its folder where another job makes a file of that name."""
        jobs = (queue.index(row, 0).data(JOB_ROLE) for row in range(queue.rowCount()))
        alike = any(other.output.name == job.output.name and other.id != job.id for other in jobs)
        return f"{job.output.parent.name}/{job.output.name}" if alike else job.output.name

    def words(self, job: Job) -> str:
        """What stands under a job's name."""
        states = {
            State.QUEUED: self.tr("Waiting"),
            State.RUNNING: self.tr("Working, {}").format(percent(job.share)),
            State.PAUSED: self.tr("Paused at {}").format(percent(job.share)),
            State.STOPPING: self.tr("Stopping\u2026"),
            State.DONE: self.tr("Done") if job.bytes is not None else self.tr("Done; the file has gone"),
            State.STOPPED: self.tr("Stopped, playable so far") if job.bytes else self.tr("Stopped, nothing to play"),
            State.FAILED: self.tr("Failed"),
            State.INTERRUPTED: self.tr("Interrupted, can be resumed"),
            State.HALTED: self.tr("Stopped, can be resumed"),
            State.STUCK: self.tr("Can't be resumed"),
        }
        if not job.is_encode:
            states[State.STOPPED] = self.tr("Stopped, nothing is kept")
            states[State.INTERRUPTED] = self.tr("Interrupted, begins anew")
        size = f", {human_bytes(job.bytes)}" if job.state is State.DONE and job.bytes is not None else ""
        off = self.tr(", off target") if _is_off(job) else ""
        return states[job.state] + size + off + self._warnings(len(job.warnings))

    def _warnings(self, count: int) -> str:
        if count < 2:
            return self.tr(", 1 warning") if count else ""
        return self.tr(", {} warnings").format(count)


def _is_off(job: Job) -> bool:
    """Whether a job that is done falls short of what was asked for; its message tells how."""
    return job.state is State.DONE and bool(job.message)


class QueuePanel(QWidget):
    """The list and its buttons.

    Attributes:
        chosen_changed: another job is the chosen one.
        opened: the id of a job to look at.
        resume_wanted: the id of a job to start, or to go on with, before all others.
        anew_wanted: the id of a job to begin from the start.
        again_wanted: the id of a job to encode once more, otherwise.
        folder_wanted: the path of a file to show where it lies.
    """

    chosen_changed = Signal()
    opened = Signal(str)
    resume_wanted = Signal(str)
    anew_wanted = Signal(str)
    again_wanted = Signal(str)
    folder_wanted = Signal(object)

    def __init__(self, queue: JobQueue, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._queue, self._theme = queue, theme
        self.view = QListView()
        self.view.setObjectName("jobs")
        self.view.setModel(queue)
        self.view.setItemDelegate(JobDelegate(theme, self.view))
        self.view.setAccessibleName(self.tr("Queue of jobs"))
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.setDragDropMode(QListView.DragDropMode.InternalMove)
        self.view.setDefaultDropAction(Qt.DropAction.MoveAction)
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        empty = label(self.tr("No jobs yet.\nDrop videos here and press Start."), "muted")
        empty.setWordWrap(True)
        empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._stack = QStackedLayout()
        self._stack.addWidget(empty)
        self._stack.addWidget(self.view)
        self.buttons: dict[str, QToolButton] = {}
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
        """Choose a job, as the arrow keys would."""
        index = self._queue.index(self._queue.row_of(job_id))
        self.view.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)

    def _button_row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(0)
        for name, hint, action in (
            ("up", self.tr("Move up"), self._up),
            ("down", self.tr("Move down"), self._down),
            ("play", self.tr("Start this one now, or go on with it"), self._resume),
            ("remove", self.tr("Remove from the queue (Delete); files stay"), self._remove),
        ):
            button = tool_button(hint)
            button.clicked.connect(action)
            self.buttons[name] = button
            row.addWidget(button)
        row.addStretch(1)
        return row

    def _connect(self) -> None:
        self.view.selectionModel().currentChanged.connect(self._update)
        self.view.selectionModel().currentChanged.connect(self.chosen_changed)
        # Arrow keys only walk; a click or Enter looks at a job.
        self.view.clicked.connect(self._open)
        self.view.activated.connect(self._open)
        self.view.customContextMenuRequested.connect(self._show_menu)
        self.view.installEventFilter(self)
        for signal in (
            self._queue.rowsInserted,
            self._queue.rowsRemoved,
            self._queue.rowsMoved,
            self._queue.dataChanged,
            self._queue.modelReset,
        ):
            signal.connect(self._update)
        self._theme.changed.connect(self._update)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Keys of the list: Enter opens everywhere, Delete removes. Whoever comes by Tab sees where he is."""
        if event.type() is QEvent.Type.FocusIn and not self.view.currentIndex().isValid() and len(self._queue):
            self.view.setCurrentIndex(self._queue.index(0))
        if isinstance(event, QKeyEvent) and event.type() is QEvent.Type.KeyPress:
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._open()
                return True
            if event.key() == Qt.Key.Key_Delete:
                self._remove()
                return True
        return super().eventFilter(watched, event)

    @property
    def _startable(self) -> bool:
        job = self.job
        return job is not None and job.state not in (*ACTIVE, State.DONE)

    @Slot()
    def _update(self) -> None:
        self._stack.setCurrentIndex(1 if len(self._queue) else 0)
        job = self.job
        active = job is not None and job.state in ACTIVE
        for name, button in self.buttons.items():
            button.setIcon(self._theme.icon(name))
            button.setEnabled(
                job is not None and (self._startable if name == "play" else name != "remove" or not active)
            )

    @Slot()
    def _open(self) -> None:
        if self.job is not None:
            self.opened.emit(self.job.id)

    @Slot(QPoint)
    def _show_menu(self, at: QPoint) -> None:
        menu = self.menu()
        menu.exec(self.view.viewport().mapToGlobal(at))
        menu.deleteLater()

    def menu(self) -> QMenu:
        """What can be done with the chosen job."""
        menu, job = QMenu(self), self.job
        active = job is not None and job.state in ACTIVE
        for text, do, when in (
            (self.tr("Look at it"), self._open, job is not None),
            (self.tr("Start now"), self._resume, self._startable),
            (self.tr("Begin anew"), self._anew, job is not None and job.state is State.STUCK),
            (self.tr("Encode again with other settings"), self._again, job is not None and job.is_encode),
            (self.tr("Show in folder"), self._show_folder, job is not None),
            (self.tr("Remove"), self._remove, job is not None and not active),
            (self.tr("Clear finished"), self._queue.clear_finished, True),
        ):
            menu.addAction(text, do).setEnabled(when)
        return menu

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
    def _anew(self) -> None:
        if self.job is not None:
            self.anew_wanted.emit(self.job.id)

    @Slot()
    def _again(self) -> None:
        if self.job is not None:
            self.again_wanted.emit(self.job.id)

    @Slot()
    def _show_folder(self) -> None:
        if self.job is not None:
            self.folder_wanted.emit(self.job.output)

    @Slot()
    def _remove(self) -> None:
        if self.job is not None:
            self._queue.remove(self.job.id)
