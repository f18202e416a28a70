"""The menu File: what is opened, saved and exported."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from app.ui.actions import Entry
from app.ui.canvas.painting import png_of
from app.ui.desktop.folders import show_in_folder
from app.ui.dialogs.files import Dialogs

if TYPE_CHECKING:
    from app.ui.dialogs.models_dialog import ModelsDialog
    from app.ui.main_window import MainWindow


class FileCommands(QObject):
    """See the module."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window, self._workspace = window, window.workspace
        self.dialogs = Dialogs(window, window.workspace)
        self.models_dialog: ModelsDialog | None = None

    def entries(self) -> list[Entry]:
        """In the menu's order."""
        return [
            *self._what_is_open(),
            *self._what_is_written(),
            *self._figures(),
            Entry("models", "file", self.tr("Models"), self.show_models, keys=("Ctrl+M",), icon="models"),
            Entry("quit", "file", self.tr("Quit"), self._quit, keys=("Ctrl+Q",)),
        ]

    def _what_is_open(self) -> list[Entry]:
        dialogs, beside = self.dialogs, self.tr("Compare with another file")
        alone, folder = self.tr("Close the other file"), self.tr("Show in folder")
        return [
            Entry("open", "file", self.tr("Open"), dialogs.open, keys=("Ctrl+O",), icon="open"),
            Entry("beside", "file", beside, dialogs.compare_with, self._has_document, ("Ctrl+Shift+O",)),
            Entry("alone", "file", alone, self._close_beside, self._has_beside, ("Ctrl+Shift+W",)),
            Entry("folder", "file", folder, self._show_folder, self._has_document, ("Ctrl+J",)),
        ]

    def _what_is_written(self) -> list[Entry]:
        video, smaller = self.tr("Export video"), self.tr("Save smaller version")
        report, pair = self.tr("Export report"), self.tr("Save frame pair")
        return [
            Entry("export", "file", video, self._export_video, self._has_result, ("Ctrl+E",), "export"),
            Entry("smaller", "file", smaller, self._save_smaller, self._can_be_smaller, ("Ctrl+S",)),
            Entry("report", "file", report, self._export_report, self._has_result, ("Ctrl+R",)),
            Entry("pair", "file", pair, self.dialogs.save_pair, self._has_picture, ("F",), "image"),
        ]

    def _figures(self) -> list[Entry]:
        plots = self._window.plots

        def figure(name: str, text: str, suffix: str, write: Callable[[Path], None]) -> Entry:
            return Entry(name, "file", text, partial(self.dialogs.export_plot, suffix, write), self._has_gops)

        return [
            figure(
                "png", self.tr("Export t\u2605 plot as PNG"), ".png", lambda path: plots.trajectory.export_png(path)
            ),
            figure(
                "csv", self.tr("Export t\u2605 plot as CSV"), ".csv", lambda path: plots.trajectory.export_csv(path)
            ),
            figure(
                "rate png",
                self.tr("Export rate and perception as PNG"),
                ".png",
                lambda path: plots.perception.export_png(path),
            ),
            figure(
                "rate csv",
                self.tr("Export rate and perception as CSV"),
                ".csv",
                lambda path: plots.perception.export_csv(path),
            ),
        ]

    def show_models(self) -> None:
        """Open the models dialog."""
        if self.models_dialog is None:
            from app.ui.dialogs.models_dialog import ModelsDialog

            self.models_dialog = ModelsDialog(self._workspace.models, self._window)
        self.models_dialog.show()
        self.models_dialog.raise_()

    def show_in_folder(self, path: Path) -> None:
        """Show a file where it lies, or say where that is."""
        if not show_in_folder(path):
            self._workspace.noted.emit(self.tr("No file manager was found; it lies in {}.").format(path.parent))

    def close(self) -> None:
        """Close what was opened over the window."""
        if self.models_dialog is not None:
            self.models_dialog.close()

    # --- When -------------------------------------------------------------------------------------------------------

    def _has_document(self) -> bool:
        return self._workspace.document is not None

    def _has_result(self) -> bool:
        document = self._workspace.document
        return document is not None and document.result is not None

    def _can_be_smaller(self) -> bool:
        return self._has_result() and self._window.retarget.saves_something

    def _has_beside(self) -> bool:
        return bool(self._workspace.player.beside.name)

    def _has_gops(self) -> bool:
        document = self._workspace.document
        return document is not None and bool(document.gops)

    def _has_picture(self) -> bool:
        return self._workspace.player.has_original or self._workspace.player.has_result

    # --- What -------------------------------------------------------------------------------------------------------

    def _close_beside(self) -> None:
        self._workspace.viewer.show_beside(None)

    def _show_folder(self) -> None:
        document = self._workspace.document
        place = None if document is None else document.result or document.source
        if place is not None:
            self.show_in_folder(place)

    def _export_video(self) -> None:
        # As it is being played.
        self.dialogs.export_video(self._window.retarget.settings)

    def _save_smaller(self) -> None:
        self.dialogs.save_smaller(self._window.retarget.settings)

    def _export_report(self) -> None:
        self.dialogs.export_plot(".html", self._write_report)

    def _write_report(self, path: Path) -> None:
        from app.ui.report import write_report

        window = self._window
        pictures = {self.tr("t* and bits over time"): window.plots.trajectory.png()}
        pictures[self.tr("Rate and perception")] = window.plots.perception.png()
        document, comparison = self._workspace.document, self._workspace.peers.comparison
        if document is not None:
            frames = {side.label: png_of(side.pixels) for side in window.view.sides() if side.pixels is not None}
            colours, warnings = window.theme.colours, self._workspace.warnings
            write_report(path, document, comparison, pictures, colours, frames, warnings)

    def _quit(self) -> None:
        self._window.close()
