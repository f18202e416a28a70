"""The menu Help: keys, the log, what a bug report needs, what this is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from app.ui.actions import Entry

if TYPE_CHECKING:
    from app.ui.dialogs.about_window import AboutWindow
    from app.ui.dialogs.keys_window import KeysWindow
    from app.ui.main_window import MainWindow


class HelpCommands(QObject):
    """See the module."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self.keys_window: KeysWindow | None = None
        self.about_window: AboutWindow | None = None

    def entries(self) -> list[Entry]:
        """In the menu's order."""
        return [
            Entry("keys", "help", self.tr("Keys"), self._show_keys, keys=("H", "F1")),
            Entry("log", "help", self.tr("Log"), self._window.log_window.show, keys=("Ctrl+Shift+L",), icon="log"),
            Entry("copy", "help", self.tr("Copy diagnostics"), self._window.log_window.copy, keys=("Ctrl+Shift+C",)),
            Entry("about", "help", self.tr("About Free-GVC"), self._show_about),
        ]

    def close(self) -> None:
        """Close what was opened over the window."""
        for window in (self.keys_window, self.about_window):
            if window is not None:
                window.close()

    def _show_keys(self) -> None:
        from app.ui.dialogs.keys_window import KeysWindow

        if self.keys_window is None:
            self.keys_window = KeysWindow(
                list(self._window.actions_.entries.values()), self._window.actions_.menus, self._window
            )
        self.keys_window.show()

    def _show_about(self) -> None:
        from app.ui.dialogs.about_window import AboutWindow

        if self.about_window is None:
            self.about_window = AboutWindow(self._window.theme, self._window)
        self.about_window.show()
