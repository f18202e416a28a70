"""A message over the picture: what happened, what to do next, and a button that does it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QWidget

from app.ui.theme import Theme, picture
from app.ui.widgets import label, tool_button


class Banner(QFrame):
    """Hidden until there is something to say."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("banner")
        self._theme = theme
        self._icon = QLabel()
        self._text = label("")
        self._text.setWordWrap(True)
        self._button = QPushButton()
        self._button.clicked.connect(self._act)
        self._close = tool_button(self.tr("Dismiss"))
        self._close.clicked.connect(self.hide)
        self._action: Callable[[], object] | None = None
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 8, 8, 8)
        row.setSpacing(10)
        row.addWidget(self._icon)
        row.addWidget(self._text, 1)
        row.addWidget(self._button)
        row.addWidget(self._close)
        theme.changed.connect(self._restyle)
        self._restyle()
        self.hide()

    @property
    def message(self) -> str:
        """What it says."""
        return self._text.text()

    def tell(self, message: str, action: str = "", do: Callable[[], object] | None = None) -> None:
        """Show a sentence and, where something can be done at once, a button for it."""
        self._text.setText(message)
        self.setAccessibleName(message)
        self._action = do
        self._button.setText(action)
        self._button.setVisible(do is not None)
        self.show()

    @Slot()
    def _act(self) -> None:
        self.hide()
        if self._action is not None:
            self._action()

    @Slot()
    def _restyle(self) -> None:
        self._icon.setPixmap(picture("warning", self._theme.colours.warn, 20))
        self._close.setIcon(self._theme.icon("remove"))
