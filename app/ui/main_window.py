"""The main window: puts the parts together and passes on what they say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Slot
from PySide6.QtGui import (
    QAction,
    QCloseEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QMainWindow, QWidget

from app.core.jobs.job import ACTIVE, State
from app.core.jobs.progress import Progress
from app.core.notice import Notice, Remedy
from app.core.workspace import Workspace
from app.ui.actions import Actions
from app.ui.banner import Banner
from app.ui.canvas.compare_view import CompareView
from app.ui.canvas.filmstrip import Filmstrip
from app.ui.canvas.transport import Transport
from app.ui.canvas.volume import VolumeControl
from app.ui.canvas.waiting import why_empty
from app.ui.commands import BAR, PARTS, Commands, menus
from app.ui.desktop.notify import notify
from app.ui.dialogs.log_window import LogWindow
from app.ui.drops import Drops
from app.ui.editing import Editing
from app.ui.keys import OwnKeys
from app.ui.layout import Layout, column
from app.ui.panels.figures import Readouts
from app.ui.panels.peers import PeersPanel
from app.ui.panels.queue import QueuePanel
from app.ui.panels.retarget import RetargetPanel
from app.ui.panels.settings import SettingsPanel
from app.ui.panels.status import Status
from app.ui.plots.row import Plots
from app.ui.theme import Theme
from app.ui.widgets import card, label, resize_within_screen, tooltip
from app.ui.words import side_label
from codec.goals import GOAL_METRICS
from codec.settings import Bitrate, Quality
from codec.worker.tasks import Measured

SIZE = QSize(1360, 900)


class MainWindow(QMainWindow):
    """One window over one workspace.

    Attributes:
        may_quit: asked before the window closes while jobs run.
    """

    def __init__(self, workspace: Workspace, theme: Theme) -> None:
        super().__init__()
        self.workspace, self._theme = workspace, theme
        self.setWindowTitle("Free-GVC")
        resize_within_screen(self, SIZE)
        self.view = CompareView(workspace.player, theme)
        self.view.why_empty = lambda name: why_empty(workspace, name)
        self.volume = VolumeControl(theme, workspace.preferences.volume, workspace.preferences.muted)
        self.filmstrip = Filmstrip(workspace.player, workspace.curve, theme)
        self.transport = Transport(workspace.player, self.view, theme, self.volume, self.filmstrip)
        self.settings = SettingsPanel(workspace.preferences.encode, workspace.preferences.presets)
        self.readouts = Readouts()
        self.retarget = RetargetPanel()
        self.peers = PeersPanel(workspace.peers, workspace.player)
        self.queue_panel = QueuePanel(workspace.queue, theme)
        self.plots = Plots(theme, SIZE.width())
        self.banner = Banner(theme)
        self.status = Status(workspace, self.statusBar())
        self.silence = label("")
        self.log_window = LogWindow(workspace.log, self)
        self.layout_ = self._lay_out()
        self.commands = Commands(self)
        self.may_quit: Callable[[], bool] = self.commands.file.dialogs.may_quit
        self.actions_ = Actions(self, theme, menus(), self.commands.entries(), BAR)
        self.actions_.separate(*PARTS)
        OwnKeys(self)
        Drops(self, self.view.set_drop_hint, self._take_in)
        Editing(self.settings, workspace, self.commands.file.dialogs.ask_name, self)
        self._connect_workspace()
        self._connect_widgets()
        self._fill_recent()
        geometry = workspace.preferences.geometry
        if not geometry.isEmpty():
            self.restoreGeometry(geometry)

    @property
    def theme(self) -> Theme:
        """The look in use."""
        return self._theme

    # --- Assembly ---------------------------------------------------------------------------------------------------

    def _lay_out(self) -> Layout:
        self._settings_card = card(self.tr("SETTINGS"), self.settings)
        self._retarget_card = card(self.tr("THE SAME FILE, SMALLER"), self.retarget)
        self._peers_card = card(self.tr("AT THE SAME SIZE"), self.peers)
        for hidden in (self._retarget_card, self._peers_card):
            hidden.hide()
        figures = card(self.tr("FIGURES"), self.readouts)
        side = column(self._settings_card, figures, self._retarget_card, self._peers_card, stretch=True)
        centre = column(self.banner, self.view, self.transport)
        centre.layout().setStretch(1, 1)  # type: ignore[union-attr]
        panels: dict[str, QWidget] = {
            "queue": card(self.tr("QUEUE"), self.queue_panel),
            "settings": side,
            "plots": self.plots,
            "filmstrip": self.filmstrip,
        }
        layout = Layout(panels, centre, self.workspace.preferences, self)
        self.setCentralWidget(layout.whole)
        self.statusBar().addPermanentWidget(self.silence)
        self.silence.hide()
        self.statusBar().setSizeGripEnabled(False)
        return layout

    def _connect_workspace(self) -> None:
        workspace = self.workspace
        workspace.viewer.opened.connect(self._opened)
        workspace.viewer.reframed.connect(self._forget_region)
        workspace.viewer.times_known.connect(self._show_times)
        workspace.viewer.gops_changed.connect(self._show_gops)
        workspace.progressed.connect(self._progressed)
        workspace.told.connect(self._tell)
        workspace.job_added.connect(self.queue_panel.choose)
        workspace.ended.connect(self._enable)
        for session in workspace.sessions:
            session.started.connect(self._started)
        workspace.drained.connect(self._drained)
        workspace.frame_metrics.measured.connect(self._measured)
        workspace.playback.changed.connect(self.view.update)
        for changed in (workspace.queue.dataChanged, workspace.queue.rowsInserted, workspace.queue.rowsRemoved):
            changed.connect(self._queue_changed)
        workspace.queue.modelReset.connect(self._queue_changed)
        workspace.clock.changed.connect(self.plots.show_frame)
        workspace.clock.range_changed.connect(self._enable)
        workspace.frame_metrics.stale.connect(self._forget_metrics)
        workspace.sound.told.connect(self._tell_silence)
        workspace.sound.available_changed.connect(self.volume.setEnabled)
        workspace.peers.changed.connect(self._show_marks)

    def _connect_widgets(self) -> None:
        workspace = self.workspace
        self.log_window.copied.connect(workspace.noted)
        self.volume.changed.connect(workspace.viewer.set_volume)
        self.queue_panel.chosen_changed.connect(self._enable)
        self.queue_panel.opened.connect(workspace.choose)
        self.queue_panel.resume_wanted.connect(workspace.orders.resume)
        self.queue_panel.anew_wanted.connect(workspace.orders.begin_anew)
        self.queue_panel.again_wanted.connect(workspace.again)
        self.queue_panel.folder_wanted.connect(self.commands.file.show_in_folder)
        self.plots.seeked.connect(workspace.clock.seek)
        self.filmstrip.seeked.connect(workspace.clock.seek)
        self.retarget.chosen.connect(workspace.viewer.retarget)
        self.retarget.changed.connect(self._enable)
        self.retarget.save_wanted.connect(self.actions_["smaller"].trigger)
        self.peers.start_wanted.connect(workspace.compare_peers)
        self.view.mode_changed.connect(self._enable)
        self.view.region_chosen.connect(self._choose_region)
        self.layout_.changed.connect(self._enable)
        # Else Qt gives them to whatever comes next, which may be a button that Space would press.
        self.layout_.keys_left.connect(self.view.setFocus)
        self.settings.changed.connect(self._show_gops)
        self.actions_.appearance.triggered.connect(self._set_theme)

    def reveal(self, widget: QWidget) -> None:
        """Scroll the side column to one of its widgets."""
        self.layout_.reveal(widget)

    # --- What the workspace says ------------------------------------------------------------------------------------

    @Slot()
    def _opened(self) -> None:
        document = self.workspace.document
        if document is None:
            return
        name = (document.result or document.source or Path()).name
        self.setWindowTitle(f"{name} \u2013 Free-GVC")
        self.retarget.show_document(document)
        self._retarget_card.setVisible(document.result is not None)
        self._peers_card.setVisible(document.source is not None and document.result is not None)
        self.readouts.show_document(document)
        self.readouts.show_notes(self.workspace.warnings)
        self.filmstrip.show_document(document)
        if document.job_id:
            self.queue_panel.choose(document.job_id)
        self.banner.settle(Remedy.LOOK + document.job_id)
        self.banner.pass_on()
        self._fill_recent()
        self.transport.refresh()

    @Slot()
    def _show_times(self) -> None:
        if self.workspace.document is not None:
            self.filmstrip.show_document(self.workspace.document)
            self._show_gops()

    @Slot()
    def _show_gops(self) -> None:
        document = self.workspace.document
        if document is None:
            return
        goal = self.settings.settings.goal
        target = document.target
        if target is None and document.info is None and isinstance(goal, Quality):
            target = goal.value
        info = document.info
        audio = 0.0 if info is None else 8 * info.audio_bytes / max(1, info.frames)
        metric = document.metric
        if metric is None and isinstance(goal, Quality):
            metric = GOAL_METRICS[goal.metric]
        self.plots.trajectory.show_gops(document.gops, document.timing, audio, metric)
        budget = document.bits_of_a_gop
        if info is None and isinstance(goal, Bitrate) and document.gops:
            budget = goal.bits_per_second * document.gops[0].frames / float(document.rate)
        self.plots.perception.show_gops(document.gops, target, metric, budget, document.bases)
        if document.result is not None:
            self.plots.show_frame(self.workspace.clock.frame)
        self._enable()

    @Slot(str, object)
    def _progressed(self, job_id: str, progress: object) -> None:
        session, document = self.workspace.session, self.workspace.document
        if document is not None and document.job_id == job_id and isinstance(progress, Progress):
            self.readouts.show_progress(progress, session.bytes_so_far)
            if progress.size is not None:
                self.settings.show_size(progress.size)

    @Slot(object)
    def _tell(self, notice: Notice) -> None:
        job = self.workspace.queue.get(notice.job_id)
        again = self.tr("Resume") if job is None or job.is_encode else self.tr("Begin anew")
        remedies: dict[Remedy, tuple[str, Callable[[], object]]] = {
            Remedy.RESUME: (again, lambda: self.workspace.orders.resume(notice.job_id)),
            Remedy.ANEW: (self.tr("Begin anew"), lambda: self.workspace.orders.begin_anew(notice.job_id)),
            Remedy.START: (self.tr("Start"), self.workspace.orders.start_queue),
            Remedy.LOOK: (self.tr("Look at it"), lambda: self.workspace.choose(notice.job_id)),
            Remedy.LOG: (self.tr("Show the log"), self.log_window.show),
            Remedy.MODELS: (self.tr("Models"), self.commands.file.show_models),
        }
        action, do = remedies.get(notice.remedy, ("", None))
        about = notice.remedy + notice.job_id
        if notice.job_id:
            # In other words it may have been told before.
            self.banner.settle(about)
        self.banner.tell(notice.message, action, do, about)
        self._enable()

    @Slot(str)
    def _started(self, job_id: str) -> None:
        """What waited for that needs no answer any more."""
        for about in (str(Remedy.START), Remedy.RESUME + job_id, Remedy.ANEW + job_id):
            self.banner.settle(about)

    @Slot(str)
    def _tell_silence(self, reason: str) -> None:
        self.silence.setText(reason)
        self.silence.setVisible(bool(reason))

    @Slot()
    def _drained(self) -> None:
        left = any(job.state in (*ACTIVE, State.QUEUED) for job in self.workspace.queue)
        title = self.tr("A job of the queue has ended") if left else self.tr("The queue is done")
        notify(self, title, self.status.text)

    @Slot()
    def _queue_changed(self) -> None:
        focus = self.focusWidget()
        if focus is not None and self.settings.isAncestorOf(focus) and not focus.isEnabled():
            # Else the keys would go to whatever comes next.
            self.view.setFocus()
        self.readouts.show_notes(self.workspace.warnings)
        self._enable()

    @Slot()
    def _show_marks(self) -> None:
        marks = self.workspace.peers.marks()
        self.plots.perception.show_marks([replace(mark, name=side_label(mark.name)) for mark in marks])
        self._enable()

    @Slot(object, str)
    def _measured(self, measured: Measured, side: str) -> None:
        parts = (f"{name.upper()} {value:.3f}" for name, value in measured.values.items())
        what = self.tr("{}, frame {}, at {}\u00d7{}").format(
            side_label(side), measured.frame, measured.width, measured.height
        )
        self.view.metrics_text = what + ":  " + "   ".join(parts)
        self.view.update()

    @Slot()
    def _forget_region(self) -> None:
        self.view.choose_region(None)

    @Slot()
    def _forget_metrics(self) -> None:
        self.view.metrics_text = ""

    # --- What the user does -----------------------------------------------------------------------------------------

    @Slot(object)
    def _choose_region(self, region: object) -> None:
        del region
        self.workspace.frame_metrics.region = self.view.region_pixels
        self._enable()

    @Slot(QAction)
    def _set_theme(self, action: QAction) -> None:
        self._theme.set_mode(action.data())
        self.workspace.preferences.theme = action.data()

    @Slot()
    def _enable(self) -> None:
        self.actions_.refresh()

    def _fill_recent(self) -> None:
        menu = self.actions_.recent
        menu.clear()
        recent = self.workspace.preferences.recent
        menu.setEnabled(bool(recent))
        for path in recent:
            # A single & would underline the letter after it.
            name = path.name.replace("&", "&&")
            menu.addAction(name, _opener(self.workspace, path)).setToolTip(tooltip(str(path)))

    # --- Events -----------------------------------------------------------------------------------------------------

    def _take_in(self, files: list[Path]) -> None:
        self.workspace.open(files)
        self.view.setFocus()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Keys go to the picture from the start."""
        super().showEvent(event)
        self.view.setFocus(Qt.FocusReason.OtherFocusReason)

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """Ask where jobs run; remember the window; what runs is noted as interrupted."""
        goes_on = any(job.state is not State.STOPPING for job in self.workspace.active)
        if goes_on and not self.may_quit():
            event.ignore()
            return
        self.workspace.preferences.geometry = self.saveGeometry()
        self.layout_.save()
        self.log_window.close()
        self.commands.close()
        self.filmstrip.close_reader()
        # An export that is put away may take a while, which nobody wants to look at.
        self.hide()
        self.workspace.close()
        event.accept()

    @Slot(object)
    def come_forward(self, files: list[Path]) -> None:
        """A later start has handed over its files."""
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()
        if files:
            self.workspace.open(files)


def _opener(workspace: Workspace, path: Path) -> Callable[[], None]:
    return lambda: workspace.open([path])
