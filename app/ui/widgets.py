"""Small widgets made the same way everywhere."""

from __future__ import annotations

import unicodedata
from html import escape

from PySide6.QtCore import QEvent, QLocale, QObject, QSize, Qt
from PySide6.QtGui import QValidator
from PySide6.QtWidgets import QDoubleSpinBox, QFrame, QHBoxLayout, QLabel, QSlider, QToolButton, QVBoxLayout, QWidget

ICON = QSize(18, 18)
VALUE_WIDTH = 68
# Of letters, their direction; and a letter that isn't seen, from left to right.
_STRONG, _MARK = ("L", "R", "AL"), "\u200e"
_FRAME = QSize(16, 48)  # what a desktop adds around a window, about


def resize_within_screen(window: QWidget, size: QSize) -> None:
    """Give a window a size, or as much of it as its screen has room for, the desktop's frame around it included."""
    window.resize(size.boundedTo(window.screen().availableSize() - _FRAME))


def label(text: str, style: str = "") -> QLabel:
    """A label that shows its text letter by letter; `style` is its name in the style sheet."""
    made = QLabel()
    # Names of files, errors and publishers may look like markup.
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setText(text)
    made.setObjectName(style)
    return made


def left_to_right(text: str) -> str:
    """A sentence of ours as it is read, also where it begins with a file's name in a script that runs the other way.

    Qt would turn all of it round: the name's ending before the name, and the sentence between the two.
    """
    kinds = (unicodedata.bidirectional(letter) for letter in text)
    first = next((kind for kind in kinds if kind in _STRONG), "L")
    return text if first == "L" else _MARK + text


def tooltip(text: str) -> str:
    """A text as a tooltip shows it letter by letter, in lines that fit; Qt takes what looks like markup for it."""
    lines = "<br>".join(map(escape, text.splitlines()))
    return f"<qt>{lines}</qt>" if text else ""


def tool_button(hint: str) -> QToolButton:
    """A flat button for an icon, named for screen readers."""
    button = QToolButton()
    button.setObjectName("tool")
    button.setToolTip(hint)
    button.setAccessibleName(hint)
    button.setIconSize(ICON)
    button.setAutoRaise(True)
    # A click leaves the keys where they were.
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button


def value_and_slider(value: QLabel, slider: QSlider) -> QHBoxLayout:
    """A slider behind the value that it sets."""
    row = QHBoxLayout()
    row.setSpacing(10)
    value.setMinimumWidth(VALUE_WIDTH)
    row.addWidget(value)
    row.addWidget(slider, 1)
    return row


class DecimalBox(QDoubleSpinBox):
    """A number that is typed with a point or a comma, and shown with a point as all figures are.

    Qt takes the one that isn't the language's for a group separator, and would make 25 of a typed "2,5".
    """

    def __init__(self) -> None:
        super().__init__()
        self.setLocale(QLocale.c())

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        """See Qt."""
        return super().validate(text.replace(",", "."), position)

    def valueFromText(self, text: str) -> float:  # noqa: N802
        """See Qt."""
        return super().valueFromText(text.replace(",", "."))


def card(title: str, *contents: QWidget) -> QFrame:
    """A titled box."""
    frame = QFrame()
    frame.setObjectName("card")
    column = QVBoxLayout(frame)
    column.setContentsMargins(12, 10, 12, 12)
    column.setSpacing(8)
    heading = label(title, "title")
    heading.setAlignment(Qt.AlignmentFlag.AlignLeft)
    column.addWidget(heading)
    for widget in contents:
        column.addWidget(widget)
    return frame


class _NoWheel(QObject):
    """Lets the wheel through to whatever scrolls."""

    def eventFilter(self, _: QObject, event: QEvent) -> bool:  # noqa: N802
        """See Qt."""
        if event.type() is QEvent.Type.Wheel:
            event.ignore()
            return True
        return False


def ignore_wheel(*widgets: QWidget) -> None:
    """The wheel over these scrolls what they lie in, and never changes a value."""
    for widget in widgets:
        widget.installEventFilter(_NoWheel(widget))
