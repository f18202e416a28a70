"""What the user can ask of the window: one action each, and what it does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMessageBox

from app.actions import Entry
from app.compare_view import Mode
from app.dialogs import Dialogs
from app.log_window import diagnostics
from app.trajectory_plot import next_spike

if TYPE_CHECKING:
    from app.main_window import MainWindow


class Commands(QObject):
    """Carries out actions on one window."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._dialogs = Dialogs(window, window.workspace)

    def entries(self) -> list[Entry]:
        """Every action, in the order of the menus."""
        session, dialogs = self._window.workspace.session, self._dialogs
        return [
            Entry("open", "file", self.tr("Open"), dialogs.open, "open", "Ctrl+O"),
            Entry("export", "file", self.tr("Export video"), dialogs.export_video, "export", "Ctrl+E"),
            Entry("pair", "file", self.tr("Save frame pair"), self._save_pair, "image", "F"),
            Entry("png", "file", self.tr("Export plot as PNG"), self._export_png),
            Entry("csv", "file", self.tr("Export plot as CSV"), self._export_csv),
            Entry("quit", "file", self.tr("Quit"), self._quit, "", "Ctrl+Q"),
            Entry("compress", "job", self.tr("Compress"), self._compress, "compress", "Ctrl+Return"),
            Entry("trial", "job", self.tr("Try 2 s here"), self._try_here, "play", "T"),
            Entry("pause", "job", self.tr("Pause"), session.pause, "pause", "P"),
            Entry("stop", "job", self.tr("Stop"), session.cancel, "stop", "Ctrl+."),
            Entry("side", "view", self.tr("Side by side"), self._side),
            Entry("wipe", "view", self.tr("Wipe"), self._wipe),
            Entry("difference", "view", self.tr("Difference"), self._difference),
            Entry("mute", "view", self.tr("Mute"), self._window.volume.mute.toggle, "", "Shift+M"),
            Entry("spike", "view", self.tr("Next spike"), self._next_spike, "spike", "N"),
            Entry("measure", "view", self.tr("Measure this frame"), self._window.workspace.measure_frame, "", "M"),
            Entry("keys", "help", self.tr("Keys"), self._show_keys, "", "H"),
            Entry("log", "help", self.tr("Log"), self._window.log_window.show, "log", "Ctrl+L"),
            Entry("copy", "help", self.tr("Copy diagnostics"), self._copy_diagnostics),
        ]

    @Slot()
    def _compress(self) -> None:
        self._window.workspace.compress(self._window.settings.settings)

    @Slot()
    def _try_here(self) -> None:
        self._window.workspace.try_here(self._window.settings.settings)

    @Slot()
    def _side(self) -> None:
        self._window.view.set_mode(Mode.SIDE)

    @Slot()
    def _wipe(self) -> None:
        self._window.view.set_mode(Mode.WIPE)

    @Slot()
    def _difference(self) -> None:
        self._window.view.set_mode(Mode.DIFFERENCE)

    @Slot()
    def _next_spike(self) -> None:
        frame = next_spike(self._window.trajectory.gops, self._window.workspace.clock.frame)
        if frame is not None:
            self._window.workspace.clock.seek(frame)

    @Slot()
    def _save_pair(self) -> None:
        self._dialogs.save_pair()

    @Slot()
    def _export_png(self) -> None:
        self._dialogs.export_plot(".png", self._window.trajectory.export_png)

    @Slot()
    def _export_csv(self) -> None:
        self._dialogs.export_plot(".csv", self._window.trajectory.export_csv)

    @Slot()
    def _show_keys(self) -> None:
        QMessageBox.information(self._window, self.tr("Keys"), self._dialogs.keys_text())

    @Slot()
    def _copy_diagnostics(self) -> None:
        QGuiApplication.clipboard().setText(diagnostics(self._window.workspace.log))

    @Slot()
    def _quit(self) -> None:
        self._window.close()
