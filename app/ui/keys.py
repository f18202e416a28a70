"""Which keys a focused widget keeps to itself; all others work wherever the focus is."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractButton, QAbstractItemView, QAbstractSlider, QComboBox, QWidget

_K = Qt.Key
_UP_DOWN = frozenset((_K.Key_Up, _K.Key_Down, _K.Key_PageUp, _K.Key_PageDown, _K.Key_Home, _K.Key_End))
_OWN: tuple[tuple[type[QWidget], frozenset[Qt.Key]], ...] = (
    (QAbstractItemView, _UP_DOWN | {_K.Key_Return, _K.Key_Enter, _K.Key_Delete}),
    (QAbstractSlider, _UP_DOWN | {_K.Key_Left, _K.Key_Right}),
    (QComboBox, _UP_DOWN | {_K.Key_Space, _K.Key_Return, _K.Key_Enter}),
    (QAbstractButton, frozenset((_K.Key_Space,))),
)
# An open list of choices acts on these when it is asked whether it wants them (QComboBoxPrivateContainer).
_CHOOSING = frozenset((_K.Key_Return, _K.Key_Enter, _K.Key_Select, _K.Key_Escape, _K.Key_F4))


class OwnKeys(QObject):
    """Lets the widgets of a window that do something of their own at a key have it before the window's shortcuts.

    Text fields see to that themselves. A list of choices that is open has all keys: letters look for what begins so.
    """

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        for kind, _ in _OWN:
            for widget in window.findChildren(kind):
                widget.installEventFilter(self)
        for choice in window.findChildren(QComboBox):
            choice.view().installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """See Qt."""
        if event.type() is not QEvent.Type.ShortcutOverride or not isinstance(event, QKeyEvent):
            return False
        if isinstance(watched, QAbstractItemView) and watched.window() is not self._window:
            own = event.key() not in _CHOOSING and not event.modifiers() & ~Qt.KeyboardModifier.ShiftModifier
        else:
            own = belongs_to(watched, event.key(), event.modifiers())
        if own:
            event.accept()
        return own


def belongs_to(widget: QObject, key: int, modifiers: Qt.KeyboardModifier) -> bool:
    """Whether `widget`, which has the focus, does something of its own at a key."""
    if modifiers & ~Qt.KeyboardModifier.KeypadModifier:
        return False
    return any(isinstance(widget, kind) and key in keys for kind, keys in _OWN)
