"""What the user can ask of the window, menu by menu; each action stands as data beside what it needs and does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QObject

from app.ui.actions import Bar, Entry
from app.ui.commands.encode import EncodeCommands
from app.ui.commands.file import FileCommands
from app.ui.commands.help import HelpCommands
from app.ui.commands.playback import PlaybackCommands
from app.ui.commands.view import ViewCommands

if TYPE_CHECKING:
    from app.ui.main_window import MainWindow

BAR = Bar(("open", "start", "pause", "stop", "", "trial", "", "export", "pair", "", "models"), primary="start")
# Each begins a new part of its menu.
PARTS = (
    "export",
    "pair",
    "models",
    "quit",
    "trial",
    "pause",
    "again",
    "peers",
    "first",
    "slower",
    "in",
    "loop",
    "hide first",
    "zoom 4",
    "coding size",
    "measure",
    "queue",
    "log",
    "about",
)


class Commands(QObject):
    """All commands of one window."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.help = HelpCommands(window)
        self.file = FileCommands(window)
        self.encode = EncodeCommands(window)
        self._groups = (
            self.file,
            self.encode,
            PlaybackCommands(window),
            ViewCommands(window),
            self.help,
        )

    def entries(self) -> list[Entry]:
        """Every action, in the order of the menus."""
        return [entry for group in self._groups for entry in group.entries()]

    def close(self) -> None:
        """Close what was opened over the window."""
        self.file.close()
        self.encode.close()
        self.help.close()


def menus() -> dict[str, str]:
    """Each menu's id and title, in order."""
    translate = QCoreApplication.translate
    return {
        "file": translate("Menus", "&File"),
        "encode": translate("Menus", "&Encode"),
        "playback": translate("Menus", "&Playback"),
        "view": translate("Menus", "&View"),
        "help": translate("Menus", "&Help"),
    }
