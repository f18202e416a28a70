"""Which keys a focused widget keeps to itself; all others work wherever the focus is."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QAbstractItemView, QAbstractSlider, QComboBox, QWidget

_K = Qt.Key
_UP_DOWN = frozenset((_K.Key_Up, _K.Key_Down, _K.Key_PageUp, _K.Key_PageDown, _K.Key_Home, _K.Key_End))
_OWN: tuple[tuple[type[QWidget], frozenset[Qt.Key]], ...] = (
    (QAbstractItemView, _UP_DOWN | {_K.Key_Return, _K.Key_Enter, _K.Key_Delete}),
    (QAbstractSlider, _UP_DOWN | {_K.Key_Left, _K.Key_Right}),
    (QComboBox, _UP_DOWN | {_K.Key_Space, _K.Key_Return, _K.Key_Enter}),
    (QAbstractButton, frozenset((_K.Key_Space,))),
)


def belongs_to(widget: QWidget | None, key: int, modifiers: Qt.KeyboardModifier) -> bool:
    """Whether `widget`, which has the focus, does something of its own at a key; text fields see to that themselves."""
    if modifiers & ~Qt.KeyboardModifier.KeypadModifier:
        return False
    return any(isinstance(widget, kind) and key in keys for kind, keys in _OWN)
