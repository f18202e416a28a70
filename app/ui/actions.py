"""Actions as data: what each is called, where it stands, its keys and its icon, and when it can be asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QObject, Qt, Slot
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMainWindow, QMenu, QSizePolicy, QToolBar, QToolButton, QWidget

from app.core.settings.preferences import MODES
from app.ui.theme import Theme
from app.ui.widgets import ICON


def always() -> bool:
    """For what can be asked for at any time."""
    return True


@dataclass(frozen=True)
class Entry:
    """One action.

    Attributes:
        id: its name in the program.
        menu: the id of its menu.
        text: what it is called, or a function that says so each time.
        when: whether it can be asked for now.
        keys: as QKeySequence reads them; the first is shown in the menu.
        on: for an action that is on or off, which it is.
    """

    id: str
    menu: str
    text: str | Callable[[], str]
    do: Callable[[], object]
    when: Callable[[], bool] = always
    keys: tuple[str, ...] = ()
    icon: str = ""
    on: Callable[[], bool] | None = None

    @property
    def label(self) -> str:
        """Its name as it is now."""
        return self.text if isinstance(self.text, str) else self.text()


@dataclass(frozen=True)
class Bar:
    """The tool bar: ids of actions with "" between groups, and which one is the main one."""

    ids: tuple[str, ...]
    primary: str


class Actions(QObject):
    """Builds menus and tool bar of a window from entries; `recent` is filled by the window."""

    def __init__(
        self, window: QMainWindow, theme: Theme, menus: dict[str, str], entries: Sequence[Entry], bar: Bar
    ) -> None:
        super().__init__(window)
        self._window, self._theme, self._primary = window, theme, bar.primary
        self.entries = {entry.id: entry for entry in entries}
        self.menus = {name: window.menuBar().addMenu(title) for name, title in menus.items()}
        self._actions: dict[str, QAction] = {}
        for entry in entries:
            self._add(entry)
        self.recent = QMenu(self.tr("Open recent"), window)
        # Where each of them lies: several may have one name.
        self.recent.setToolTipsVisible(True)
        self.menus["file"].insertMenu(self.menus["file"].actions()[1], self.recent)
        self._modes = self._theme_menu()
        self._build_bar(bar)
        theme.changed.connect(self._paint_icons)
        self._paint_icons()
        self.refresh()

    def __getitem__(self, name: str) -> QAction:
        return self._actions[name]

    @Slot()
    def refresh(self) -> None:
        """Ask every entry whether it can be asked for, and what it is called."""
        for name, entry in self.entries.items():
            action = self._actions[name]
            action.setEnabled(entry.when())
            if not isinstance(entry.text, str):
                action.setText(entry.label)
            if entry.on is not None:
                action.setChecked(entry.on())

    @property
    def appearance(self) -> QActionGroup:
        """The choice of a theme; each action's data is one of preferences.MODES."""
        return self._modes

    def _add(self, entry: Entry) -> None:
        action = QAction(entry.label, self._window)
        action.setShortcuts([QKeySequence(keys) for keys in entry.keys])
        action.setCheckable(entry.on is not None)
        # What is on or off follows its state, not the click.
        action.triggered.connect(partial(self._do, entry))
        self.menus[entry.menu].addAction(action)
        self._actions[entry.id] = action

    def _do(self, entry: Entry, _: bool = False) -> None:
        entry.do()
        self.refresh()

    def separate(self, *names: str) -> None:
        """Begin a new part of a menu before each of these."""
        for name in names:
            self.menus[self.entries[name].menu].insertSeparator(self._actions[name])

    def _theme_menu(self) -> QActionGroup:
        menu = QMenu(self.tr("Appearance"), self._window)
        group = QActionGroup(menu)
        names = {"system": self.tr("As the system"), "light": self.tr("Light"), "dark": self.tr("Dark")}
        for mode in MODES:
            action = menu.addAction(names[mode])
            action.setCheckable(True)
            action.setData(mode)
            action.setChecked(mode == self._theme.mode)
            group.addAction(action)
        self.menus["view"].addSeparator()
        self.menus["view"].addMenu(menu)
        return group

    def _build_bar(self, shown: Bar) -> None:
        bar = QToolBar(self.tr("Tools"), self._window)
        bar.setObjectName("tools")
        bar.setMovable(False)
        bar.setIconSize(ICON)
        bar.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        for name in shown.ids:
            if not name:
                bar.addSeparator()
                continue
            bar.addAction(self._actions[name])
            button = bar.widgetForAction(self._actions[name])
            if isinstance(button, QToolButton):
                # A click leaves the keys where they were.
                button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
                if name == shown.primary:
                    button.setObjectName("primary")
        spacer = QWidget()
        spacer.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        bar.addWidget(spacer)
        more = bar.findChild(QToolButton, "qt_toolbar_ext_button")
        if more is not None:
            more.setAccessibleName(self.tr("More tools"))
        self._window.addToolBar(bar)

    @Slot()
    def _paint_icons(self) -> None:
        for name, entry in self.entries.items():
            if entry.icon:
                self._actions[name].setIcon(self._theme.icon(entry.icon, on_accent=name == self._primary))
