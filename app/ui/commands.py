"""What the user can ask of the window: one action each, and what it does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMessageBox

from app.core.log import diagnostics
from app.ui.actions import Entry
from app.ui.canvas.compare_view import Mode
from app.ui.dialogs import Dialogs

if TYPE_CHECKING:
    from app.ui.main_window import MainWindow
    from app.ui.panels.models_dialog import ModelsDialog


class Commands(QObject):
    """Carries out actions on one window."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._dialogs = Dialogs(window, window.workspace)
        self._models: ModelsDialog | None = None

    def entries(self) -> list[Entry]:
        """Every action, in the order of the menus."""
        session, dialogs = self._window.workspace.session, self._dialogs
        return [
            Entry("open", "file", self.tr("Open"), dialogs.open, "open", "Ctrl+O"),
            Entry("export", "file", self.tr("Export video"), dialogs.export_video, "export", "Ctrl+E"),
            Entry("report", "file", self.tr("Export report"), self._export_report),
            Entry("pair", "file", self.tr("Save frame pair"), self._save_pair, "image", "F"),
            Entry("png", "file", self.tr("Export t\u2605 plot as PNG"), self._export_png),
            Entry("csv", "file", self.tr("Export t\u2605 plot as CSV"), self._export_csv),
            Entry("rate png", "file", self.tr("Export rate and perception as PNG"), self._export_rate_png),
            Entry("rate csv", "file", self.tr("Export rate and perception as CSV"), self._export_rate_csv),
            Entry("models", "file", self.tr("Models"), self.show_models, "models", "Ctrl+M"),
            Entry("quit", "file", self.tr("Quit"), self._quit, "", "Ctrl+Q"),
            Entry("compress", "job", self.tr("Compress"), self._compress, "compress", "Ctrl+Return"),
            Entry("trial", "job", self.tr("Try one GOP here"), self._try_here, "play", "T"),
            Entry("pause", "job", self.tr("Pause"), session.pause, "pause", "P"),
            Entry("stop", "job", self.tr("Stop"), session.cancel, "stop", "Ctrl+."),
            Entry("peers", "job", self.tr("Compare with x265, AV1, VVC"), self._window.workspace.compare_peers),
            Entry("side", "view", self.tr("Side by side"), self._side),
            Entry("wipe", "view", self.tr("Wipe"), self._wipe),
            Entry("difference", "view", self.tr("Difference"), self._difference),
            Entry("mute", "view", self.tr("Mute"), self._window.volume.mute.toggle, "", "Shift+M"),
            Entry("spike", "view", self.tr("Next spike"), self._next_spike, "spike", "N"),
            Entry(
                "measure", "view", self.tr("Measure this frame"), self._window.workspace.frame_metrics.measure, "", "M"
            ),
            Entry("keys", "help", self.tr("Keys"), self._show_keys, "", "H"),
            Entry("log", "help", self.tr("Log"), self._window.log_window.show, "log", "Ctrl+L"),
            Entry("copy", "help", self.tr("Copy diagnostics"), self._copy_diagnostics),
        ]

    @Slot()
    def show_models(self) -> None:
        """Open the models dialog."""
        if self._models is None:
            from app.ui.panels.models_dialog import ModelsDialog

            self._models = ModelsDialog(self._window.workspace.models, self._window)
        self._models.show()
        self._models.raise_()

    @property
    def models_dialog(self) -> ModelsDialog | None:
        """Once it was opened."""
        return self._models

    def close(self) -> None:
        """Close what was opened over the window."""
        if self._models is not None:
            self._models.close()

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
        frame = self._window.plots.trajectory.next_spike(self._window.workspace.clock.frame)
        if frame is not None:
            self._window.workspace.clock.seek(frame)

    @Slot()
    def _save_pair(self) -> None:
        self._dialogs.save_pair()

    @Slot()
    def _export_png(self) -> None:
        self._dialogs.export_plot(".png", self._window.plots.trajectory.export_png)

    @Slot()
    def _export_csv(self) -> None:
        self._dialogs.export_plot(".csv", self._window.plots.trajectory.export_csv)

    @Slot()
    def _export_rate_png(self) -> None:
        self._dialogs.export_plot(".png", self._window.plots.perception.export_png)

    @Slot()
    def _export_rate_csv(self) -> None:
        self._dialogs.export_plot(".csv", self._window.plots.perception.export_csv)

    @Slot()
    def _export_report(self) -> None:
        self._dialogs.export_plot(".html", self._write_report)

    def _write_report(self, path: Path) -> None:
        from app.ui.report import write_report

        window = self._window
        pictures = {self.tr("t* and bits over time"): window.plots.trajectory.png()}
        pictures[self.tr("Rate and perception")] = window.plots.perception.png()
        if window.workspace.document is not None:
            write_report(path, window.workspace.document, window.workspace.peers.comparison.rows, pictures)

    @Slot()
    def _show_keys(self) -> None:
        QMessageBox.information(self._window, self.tr("Keys"), self._dialogs.keys_text())

    @Slot()
    def _copy_diagnostics(self) -> None:
        QGuiApplication.clipboard().setText(diagnostics(self._window.workspace.log))

    @Slot()
    def _quit(self) -> None:
        self._window.close()
