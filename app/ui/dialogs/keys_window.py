"""The list of keys, made from the actions themselves, so that none is forgotten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QMenu, QVBoxLayout, QWidget

from app.ui.actions import Entry
from app.ui.widgets import label


class KeysWindow(QDialog):
    """One column a menu; Escape closes it."""

    def __init__(self, entries: Sequence[Entry], menus: Mapping[str, QMenu], parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Keys"))
        row = QHBoxLayout(self)
        row.setContentsMargins(18, 16, 18, 16)
        row.setSpacing(28)
        columns = (("file", "encode", "help"), ("playback",), ("view",))
        for names in columns:
            column = QVBoxLayout()
            for name in names:
                title = menus[name].title().replace("&", "")
                column.addWidget(label(title.upper(), "title"))
                column.addLayout(_grid([entry for entry in entries if entry.menu == name and entry.keys]))
                column.addSpacing(10)
            if names == ("view",):
                column.addWidget(label(_mouse(self), "muted"))
            column.addStretch(1)
            row.addLayout(column)


def keys_text(entry: Entry) -> str:
    """An action's keys as they are written here."""
    native = QKeySequence.SequenceFormat.NativeText
    return ", ".join(QKeySequence(keys).toString(native) for keys in entry.keys)


def _grid(entries: Sequence[Entry]) -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(14)
    grid.setVerticalSpacing(3)
    for row, entry in enumerate(entries):
        keys = label(keys_text(entry), "muted")
        keys.setAlignment(Qt.AlignmentFlag.AlignLeft)
        grid.addWidget(keys, row, 0)
        grid.addWidget(label(entry.label), row, 1)
    grid.setColumnStretch(1, 1)
    return grid


def _mouse(window: QWidget) -> str:
    return window.tr(
        "Wheel: zoom\nDrag: move\nShift and drag: a region to measure\nDouble click: the whole picture again"
    )
