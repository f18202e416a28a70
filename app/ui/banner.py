"""Messages over the picture: what happened, what to do next, and a button that does it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QResizeEvent, QTextLayout, QTextOption
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget

from app.ui.theme import Theme, picture
from app.ui.widgets import label, left_to_right, tool_button, tooltip

MOST_LINES = 4


@dataclass(frozen=True)
class _Message:
    text: str
    action: str
    do: Callable[[], object] | None
    about: str


class _Lines(QLabel):
    """A text in as few lines as its width allows, `MOST_LINES` at most; its tooltip has all of it.

    Qt's own wrapping never breaks a long path, and tells layouts a height that is too small in a narrow window.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._whole = ""

    def show_text(self, text: str) -> None:
        self._whole = text
        self.setToolTip(tooltip(text))
        self._break()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """See Qt."""
        super().resizeEvent(event)
        self._break()

    def _break(self) -> None:
        metrics, width = self.fontMetrics(), max(1, self.width())
        layout = QTextLayout(self._whole, self.font())
        option = QTextOption()
        option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        layout.setTextOption(option)
        starts: list[int] = []
        layout.beginLayout()
        while (line := layout.createLine()).isValid() and len(starts) < MOST_LINES:
            line.setLineWidth(width)
            starts.append(line.textStart())
        layout.endLayout()
        lines = [self._whole[begin:end] for begin, end in zip(starts, [*starts[1:], None], strict=True)]
        if lines:
            lines[-1] = metrics.elidedText(lines[-1], Qt.TextElideMode.ElideRight, width)
        self.setText("\n".join(left_to_right(line) for line in lines))
        self.setFixedHeight(metrics.lineSpacing() * max(1, len(lines)))


class Banner(QFrame):
    """Shows the newest of what there is to say. What can be dealt with stays until it is, or until it is dismissed."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("banner")
        self._theme = theme
        self._messages: list[_Message] = []
        self._icon = QLabel()
        self._text, self._more = _Lines(), label("", "muted")
        self.button = QPushButton()
        self.button.clicked.connect(self._act)
        self._close = tool_button(self.tr("Dismiss"))
        self._close.clicked.connect(self._dismiss)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 8, 8, 8)
        row.setSpacing(10)
        row.addWidget(self._icon)
        row.addWidget(self._text, 1)
        row.addWidget(self._more)
        row.addWidget(self.button)
        row.addWidget(self._close)
        theme.changed.connect(self._restyle)
        self._restyle()
        self._show_newest()

    @property
    def message(self) -> str:
        """What it says."""
        return self._messages[-1].text if self._messages else ""

    def tell(self, message: str, action: str = "", do: Callable[[], object] | None = None, about: str = "") -> None:
        """Show a sentence and, where something can be done at once, a button for it.

        Args:
            about: what is dealt with by that, for `settle`.
        """
        self._messages = [known for known in self._messages if known.text != message]
        self._messages.append(_Message(message, action, do, about))
        self._show_newest()

    def settle(self, about: str) -> None:
        """It was dealt with by another way than the button."""
        self._messages = [known for known in self._messages if known.do is None or known.about != about]
        self._show_newest()

    def pass_on(self) -> None:
        """Something else is looked at: forget what nothing can be done about."""
        self._messages = [known for known in self._messages if known.do is not None]
        self._show_newest()

    def _show_newest(self) -> None:
        self.setVisible(bool(self._messages))
        if not self._messages:
            return
        newest, others = self._messages[-1], len(self._messages) - 1
        self._text.show_text(newest.text)
        self.setAccessibleName(newest.text)
        self.button.setText(newest.action)
        self.button.setVisible(newest.do is not None)
        self._more.setText(self.tr("and {} more").format(others))
        self._more.setVisible(others > 0)

    @Slot()
    def _dismiss(self) -> None:
        self._messages.pop()
        self._show_newest()

    @Slot()
    def _act(self) -> None:
        newest = self._messages.pop()
        self._show_newest()
        if newest.do is not None:
            newest.do()

    @Slot()
    def _restyle(self) -> None:
        self._icon.setPixmap(picture("warning", self._theme.colours.warn, 20))
        self._close.setIcon(self._theme.icon("remove"))
