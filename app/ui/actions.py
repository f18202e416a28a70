"""Everything that can be asked for, as QActions, in menus and on the tool bar."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, Qt, Slot
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMainWindow, QMenu, QSizePolicy, QToolBar, QToolButton, QWidget

from app.core.preferences import MODES
from app.ui.theme import Theme
from app.ui.widgets import ICON

_BAR = ("open", "compress", "pause", "stop", "", "trial", "", "export", "pair", "", "models")
_PRIMARY = "compress"


@dataclass(frozen=True)
class Entry:
    """One action: `icon` and `keys` may be empty; `menu` is the name of its menu."""

    name: str
    menu: str
    text: str
    do: Callable[[], object]
    icon: str = ""
    keys: str = ""


class Actions(QObject):
    """Builds menus and tool bar of a window; `recent` is filled by the window."""

    def __init__(self, window: QMainWindow, theme: Theme, menus: dict[str, str], entries: list[Entry]) -> None:
        super().__init__(window)
        self._window, self._theme = window, theme
        self._entries = {entry.name: entry for entry in entries}
        self.menus = {name: window.menuBar().addMenu(title) for name, title in menus.items()}
        self._actions = {entry.name: self._action(entry) for entry in entries}
        self.recent = QMenu(self.tr("Open recent"), window)
        first = self.menus["file"].actions()[1]
        self.menus["file"].insertMenu(first, self.recent)
        self._modes = self._theme_menu()
        self._bar()
        theme.changed.connect(self._paint_icons)
        self._paint_icons()

    def __getitem__(self, name: str) -> QAction:
        return self._actions[name]

    def _action(self, entry: Entry) -> QAction:
        action = QAction(entry.text, self._window)
        if entry.keys:
            action.setShortcut(QKeySequence(entry.keys))
        action.triggered.connect(entry.do)
        self.menus[entry.menu].addAction(action)
        return action

    def _theme_menu(self) -> QActionGroup:
        menu = QMenu(self.tr("Appearance"), self._window)
        group = QActionGroup(menu)
        names = (self.tr("As the system"), self.tr("Light"), self.tr("Dark"))
        for mode, name in zip(MODES, names, strict=True):
            action = menu.addAction(name)
            action.setCheckable(True)
            action.setData(mode)
            action.setChecked(mode == self._theme.mode)
            group.addAction(action)
        self.menus["view"].addMenu(menu)
        return group

    @property
    def appearance(self) -> QActionGroup:
        """The choice of a theme; each action's data is one of theme.MODES."""
        return self._modes

    def _bar(self) -> None:
        bar = QToolBar(self.tr("Tools"), self._window)
        bar.setObjectName("tools")
        bar.setMovable(False)
        bar.setIconSize(ICON)
        bar.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        for name in _BAR:
            if not name:
                bar.addSeparator()
                continue
            bar.addAction(self._actions[name])
            button = bar.widgetForAction(self._actions[name])
            if name == _PRIMARY and isinstance(button, QToolButton):
                button.setObjectName("primary")
        spacer = QWidget()
        spacer.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        bar.addWidget(spacer)
        self._window.addToolBar(bar)

    @Slot()
    def _paint_icons(self) -> None:
        for name, entry in self._entries.items():
            if entry.icon:
                self._actions[name].setIcon(self._theme.icon(entry.icon, on_accent=name == _PRIMARY))
