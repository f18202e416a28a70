"""Where everything in the window stands, what of it is folded away, and how that is remembered."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QScrollArea, QSplitter, QVBoxLayout, QWidget

from app.core.settings.preferences import Preferences

PANELS = ("queue", "settings", "plots", "filmstrip")
"""What can be folded away."""

SIDE_WIDTH, QUEUE_WIDTH, LEAST_QUEUE_WIDTH, PLOTS_HEIGHT = 300, 230, 140, 190
_GAP = 8


class Layout(QObject):
    """Arranges panels around a canvas.

    Attributes:
        changed: a panel was folded or shown.
        keys_left: one was folded that had the keys.
        whole: the widget that holds all.
    """

    changed = Signal()
    keys_left = Signal()

    def __init__(
        self, panels: Mapping[str, QWidget], centre: QWidget, preferences: Preferences, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._preferences = preferences
        side = scrolling(panels["settings"])
        self._panels = {**panels, "settings": side}
        panels["queue"].setMinimumWidth(LEAST_QUEUE_WIDTH)
        self._top = _split(Qt.Orientation.Horizontal, panels["queue"], centre, side)
        self._all = _split(Qt.Orientation.Vertical, self._top, panels["plots"])
        self.whole = QWidget()
        column = QVBoxLayout(self.whole)
        column.setContentsMargins(12, 4, 12, 4)
        column.addWidget(self._all)
        self._side = side
        self.restore()

    def is_shown(self, name: str) -> bool:
        """Whether one of PANELS is not folded away."""
        return not self._panels[name].isHidden()

    def toggle(self, name: str) -> None:
        """Fold a panel away, or show it again."""
        panel, focused = self._panels[name], self.whole.window().focusWidget()
        had_keys = focused is not None and panel.isAncestorOf(focused)
        panel.setVisible(not self.is_shown(name))
        if had_keys:
            self.keys_left.emit()
        self._preferences.folded = [panel for panel in PANELS if not self.is_shown(panel)]
        self.changed.emit()

    def reveal(self, widget: QWidget) -> None:
        """Scroll the side column to one of its widgets."""
        self._side.ensureWidgetVisible(widget)

    def restore(self) -> None:
        """As it was left."""
        width, height = 1360, 860
        self._top.setSizes([QUEUE_WIDTH, width - QUEUE_WIDTH - SIDE_WIDTH, SIDE_WIDTH])
        self._all.setSizes([height - PLOTS_HEIGHT, PLOTS_HEIGHT])
        for name, splitter in (("columns", self._top), ("rows", self._all)):
            state = self._preferences.splitter(name)
            if not state.isEmpty():
                splitter.restoreState(state)
            splitter.setChildrenCollapsible(False)
        self._top.setStretchFactor(1, 1)
        self._all.setStretchFactor(0, 1)
        for name in self._preferences.folded:
            if name in self._panels:
                self._panels[name].hide()

    def save(self) -> None:
        """Remember how it is."""
        self._preferences.set_splitter("columns", self._top.saveState())
        self._preferences.set_splitter("rows", self._all.saveState())


def column(*widgets: QWidget, stretch: bool = False) -> QWidget:
    """Widgets below each other."""
    made = QWidget()
    layout = QVBoxLayout(made)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(_GAP)
    for widget in widgets:
        layout.addWidget(widget)
    if stretch:
        layout.addStretch(1)
    return made


def scrolling(inside: QWidget) -> QScrollArea:
    """As wide as ever, scrolling where the window is too low for it."""
    area = QScrollArea()
    area.setWidget(inside)
    area.setWidgetResizable(True)
    area.setFixedWidth(SIDE_WIDTH)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return area


def _split(orientation: Qt.Orientation, *widgets: QWidget) -> QSplitter:
    splitter = QSplitter(orientation)
    splitter.setHandleWidth(_GAP)
    splitter.setChildrenCollapsible(False)
    for widget in widgets:
        splitter.addWidget(widget)
    return splitter
