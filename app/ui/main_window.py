"""The main window: puts the parts together and passes on what they say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Slot
from PySide6.QtGui import (
    QAction,
    QCloseEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QApplication,
    QLabel,
    QMainWindow,
    QScrollArea,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from app.core.jobs.job import ACTIVE, State
from app.core.jobs.progress import Progress
from app.core.notice import Notice, Remedy
from app.core.workspace import Workspace
from app.ui.actions import Actions
from app.ui.banner import Banner
from app.ui.canvas.compare_view import CompareView
from app.ui.canvas.transport import Transport
from app.ui.canvas.volume import VolumeControl
from app.ui.commands import Commands
from app.ui.log_window import LogWindow
from app.ui.panels.figures import Readouts, summary
from app.ui.panels.peers import PeersPanel
from app.ui.panels.queue import QueuePanel
from app.ui.panels.retarget import RetargetPanel
from app.ui.panels.settings import SettingsPanel
from app.ui.plots.row import HEIGHT, Plots
from app.ui.theme import Theme
from app.ui.widgets import card
from app.ui.words import side_label
from codec.settings import Quality
from codec.worker.tasks import Machine, Measured

SIZE = QSize(1360, 900)
SIDE_WIDTH, QUEUE_WIDTH = 300, 220


class MainWindow(QMainWindow):
    """One window over one workspace."""

    def __init__(self, workspace: Workspace, theme: Theme) -> None:
        super().__init__()
        self.workspace, self._theme = workspace, theme
        self.setWindowTitle("Free-GVC")
        self.setAcceptDrops(True)
        self.resize(SIZE.boundedTo(self.screen().availableSize()))
        self.view = CompareView(workspace.player, theme)
        self.volume = VolumeControl(theme, workspace.preferences.volume, workspace.preferences.muted)
        self.transport = Transport(workspace.clock, self.view, theme, self.volume)
        self.settings = SettingsPanel(workspace.preferences.encode)
        self.readouts = Readouts()
        self.retarget = RetargetPanel()
        self.peers = PeersPanel(workspace.peers, workspace.player)
        self.queue_panel = QueuePanel(workspace.queue, theme)
        self.plots = Plots(theme, SIZE.width())
        self.banner = Banner(theme)
        self.commands = Commands(self)
        self._status = QLabel(self.tr("Starting the engine"))
        self.silence = QLabel()
        self.log_window = LogWindow(workspace.log, self)
        self._lay_out()
        self.actions_ = Actions(self, theme, self._menus(), self.commands.entries())
        self._connect()
        self._fill_recent()
        self._enable()
        geometry = workspace.preferences.geometry
        if not geometry.isEmpty():
            self.restoreGeometry(geometry)

    # --- Assembly ---------------------------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        self._retarget_card = card(self.tr("THE SAME FILE, SMALLER"), self.retarget)
        self._retarget_card.hide()
        self._peers_card = card(self.tr("AT THE SAME SIZE"), self.peers)
        self._peers_card.hide()
        side = _column(
            card(self.tr("NEXT ENCODE"), self.settings),
            card(self.tr("FIGURES"), self.readouts),
            self._retarget_card,
            self._peers_card,
            stretch=True,
        )
        self._side = _scrolling(side)
        centre = _column(self.banner, self.view, self.transport)
        centre.layout().setStretch(1, 1)  # type: ignore[union-attr]
        queue = card(self.tr("QUEUE"), self.queue_panel)
        queue.setMinimumWidth(QUEUE_WIDTH)
        top = _split(Qt.Orientation.Horizontal, queue, centre, self._side)
        top.setSizes([QUEUE_WIDTH, SIZE.width() - QUEUE_WIDTH - SIDE_WIDTH, SIDE_WIDTH])
        top.setStretchFactor(1, 1)
        whole = _split(Qt.Orientation.Vertical, top, self.plots)
        whole.setSizes([SIZE.height() - HEIGHT, HEIGHT])
        whole.setStretchFactor(0, 1)
        frame = QWidget()
        column = QVBoxLayout(frame)
        column.setContentsMargins(12, 4, 12, 4)
        column.addWidget(whole)
        self.setCentralWidget(frame)
        self.statusBar().addWidget(self._status, 1)
        self.statusBar().addPermanentWidget(self.silence)
        self.silence.hide()
        self.statusBar().setSizeGripEnabled(False)

    def _menus(self) -> dict[str, str]:
        return {
            "file": self.tr("&File"),
            "job": self.tr("&Encode"),
            "view": self.tr("&View"),
            "help": self.tr("&Help"),
        }

    def _connect(self) -> None:
        workspace = self.workspace
        workspace.opened.connect(self._opened)
        workspace.gops_changed.connect(self._show_gops)
        workspace.progressed.connect(self._progressed)
        workspace.told.connect(self._tell)
        workspace.noted.connect(self._status.setText)
        workspace.job_added.connect(self.queue_panel.choose)
        workspace.ended.connect(self._ended)
        workspace.frame_metrics.measured.connect(self._measured)
        workspace.machine.connect(self._know_machine)
        workspace.queue.dataChanged.connect(self._enable)
        workspace.clock.changed.connect(self.plots.show_frame)
        workspace.frame_metrics.stale.connect(self._forget_metrics)
        workspace.sound.told.connect(self._tell_silence)
        workspace.sound.available_changed.connect(self.volume.setEnabled)
        self.volume.changed.connect(workspace.set_volume)
        self.queue_panel.chosen.connect(workspace.choose)
        self.queue_panel.resume_wanted.connect(workspace.session.resume)
        self.plots.seeked.connect(workspace.clock.seek)
        self.retarget.chosen.connect(workspace.retarget)
        self.peers.start_wanted.connect(workspace.compare_peers)
        workspace.peers.changed.connect(self._show_marks)
        self.settings.changed.connect(self._remember_settings)
        self.actions_.appearance.triggered.connect(self._set_theme)

    def reveal(self, widget: QWidget) -> None:
        """Scroll the side column to one of its widgets."""
        self._side.ensureWidgetVisible(widget)

    # --- What the workspace says ------------------------------------------------------------------------------------

    @Slot()
    def _opened(self) -> None:
        document = self.workspace.document
        if document is None:
            return
        name = (document.result or document.source or Path()).name
        self.setWindowTitle(f"{name} \u2013 Free-GVC")
        self._retarget_card.setVisible(self.retarget.show_document(document))
        self._peers_card.setVisible(document.source is not None and document.result is not None)
        if document.info is not None:
            qualities = [gop.quality for gop in document.gops if gop.quality is not None]
            self.readouts.show_file(document.info.bytes, document.info.kbps, qualities[-1] if qualities else None)
        else:
            self.readouts.clear()
        self.banner.hide()
        self._fill_recent()
        self._enable()
        self.view.setFocus()

    @Slot()
    def _show_gops(self) -> None:
        document = self.workspace.document
        if document is None:
            return
        goal = self.settings.settings.goal
        target = document.target
        if target is None and document.info is None and isinstance(goal, Quality):
            target = goal.value
        self.plots.trajectory.show_gops(document.gops, float(document.rate))
        self.plots.perception.show_gops(document.gops, target)
        self._enable()

    @Slot(object)
    def _progressed(self, progress: Progress) -> None:
        session, document = self.workspace.session, self.workspace.document
        size = session.bytes_so_far
        self._status.setText(summary(progress, size))
        if document is not None and session.current is not None and document.job_id == session.current.id:
            self.readouts.show_progress(progress, size)

    @Slot(object)
    def _tell(self, notice: Notice) -> None:
        remedies: dict[Remedy, tuple[str, Callable[[], object]]] = {
            Remedy.RESUME: (self.tr("Resume"), lambda: self.workspace.session.resume(notice.job_id)),
            Remedy.LOG: (self.tr("Show the log"), self.log_window.show),
            Remedy.MODELS: (self.tr("Models"), self.commands.show_models),
        }
        self.banner.tell(notice.message, *remedies.get(notice.remedy, ("", None)))
        self._enable()

    @Slot(str)
    def _tell_silence(self, reason: str) -> None:
        self.silence.setText(reason)
        self.silence.setVisible(bool(reason))

    @Slot(str)
    def _ended(self, job_id: str) -> None:
        job = self.workspace.queue.get(job_id)
        if job is not None:
            words = {State.DONE: self.tr("{} is done."), State.STOPPED: self.tr("{} was stopped; it plays so far.")}
            self._status.setText(words.get(job.state, self.tr("{} failed.")).format(job.output.name))
            QApplication.alert(self)
        self._enable()

    @Slot()
    def _show_marks(self) -> None:
        marks = self.workspace.peers.marks()
        self.plots.perception.show_marks([replace(mark, name=side_label(mark.name)) for mark in marks])

    @Slot(object, str)
    def _measured(self, measured: Measured, side: str) -> None:
        parts = (f"{name.upper()} {value:.3f}" for name, value in measured.values.items())
        what = self.tr("{}, frame {}").format(side_label(side), measured.frame)
        self.view.metrics_text = what + ":  " + "   ".join(parts)
        self.view.update()

    @Slot()
    def _forget_metrics(self) -> None:
        self.view.metrics_text = ""

    @Slot(object)
    def _know_machine(self, machine: Machine) -> None:
        gpu = None if machine.gpu is None else f"{machine.gpu}, {machine.gpu_bytes / 2**30:.0f} GB"
        self.settings.set_machine(machine.priors, gpu)
        self._status.setText(self.tr("Ready on {}").format(gpu or self.tr("the CPU")))

    @Slot()
    def _remember_settings(self) -> None:
        self.workspace.preferences.encode = self.settings.settings

    @Slot(QAction)
    def _set_theme(self, action: QAction) -> None:
        self._theme.set_mode(action.data())
        self.workspace.preferences.theme = action.data()

    # --- State of the actions ---------------------------------------------------------------------------------------

    @Slot()
    def _enable(self) -> None:
        document, player, job = self.workspace.document, self.workspace.player, self.workspace.session.current
        running = job is not None and job.state in ACTIVE
        paused = job is not None and job.state is State.PAUSED
        self.actions_["pause"].setText(self.tr("Continue") if paused else self.tr("Pause"))
        enabled = {
            "compress": document is not None and document.source is not None,
            "trial": document is not None and document.source is not None,
            "pause": running,
            "stop": running,
            "export": document is not None and document.result is not None,
            "peers": document is not None and document.result is not None and document.source is not None,
            "report": document is not None and document.result is not None,
            "pair": player.has_original or player.has_result,
            "measure": player.has_original and player.has_result,
            "png": document is not None and bool(document.gops),
            "csv": document is not None and bool(document.gops),
            "rate png": document is not None and bool(document.gops),
            "rate csv": document is not None and bool(document.gops),
            "spike": document is not None and bool(document.gops),
        }
        for name, value in enabled.items():
            self.actions_[name].setEnabled(value)

    def _fill_recent(self) -> None:
        menu = self.actions_.recent
        menu.clear()
        recent = self.workspace.preferences.recent
        menu.setEnabled(bool(recent))
        for path in recent:
            menu.addAction(path.name, _opener(self.workspace, path)).setToolTip(str(path))

    # --- Events -----------------------------------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        """Files are welcome."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()
            self.view.set_drop_hint(True)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:  # noqa: N802
        """They went elsewhere."""
        self.view.set_drop_hint(False)
        event.accept()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        """Open them."""
        self.view.set_drop_hint(False)
        event.acceptProposedAction()
        self.workspace.open([Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()])

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Keys go to the picture from the start."""
        super().showEvent(event)
        self.view.setFocus()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """Remember the window; what runs is noted as interrupted."""
        self.workspace.preferences.geometry = self.saveGeometry()
        self.log_window.close()
        self.commands.close()
        self.workspace.close()
        event.accept()


def _opener(workspace: Workspace, path: Path) -> Callable[[], None]:
    return lambda: workspace.open([path])


def _column(*widgets: QWidget, stretch: bool = False) -> QWidget:
    column = QWidget()
    layout = QVBoxLayout(column)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(8)
    for widget in widgets:
        layout.addWidget(widget)
    if stretch:
        layout.addStretch(1)
    return column


def _scrolling(column: QWidget) -> QScrollArea:
    """As wide as ever, scrolling where the window is too low for it."""
    area = QScrollArea()
    area.setWidget(column)
    area.setWidgetResizable(True)
    area.setFixedWidth(SIDE_WIDTH)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    return area


def _split(orientation: Qt.Orientation, *widgets: QWidget) -> QSplitter:
    splitter = QSplitter(orientation)
    splitter.setHandleWidth(8)
    splitter.setChildrenCollapsible(False)
    for widget in widgets:
        splitter.addWidget(widget)
    return splitter
