"""How loud: a button that mutes and a slider."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QSlider, QWidget

from app.core.settings.preferences import FULL_VOLUME
from app.ui.theme import Theme
from app.ui.widgets import tool_button

_WIDTH = 60


class VolumeControl(QWidget):
    """Greyed while there is nothing to hear.

    Attributes:
        changed: (percent, whether it is muted).
    """

    changed = Signal(int, bool)

    def __init__(self, theme: Theme, percent: int, muted: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.mute = tool_button(self.tr("Mute (Shift+M)"))
        self.mute.setCheckable(True)
        self.mute.setChecked(muted)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, FULL_VOLUME)
        self.slider.setValue(percent)
        self.slider.setFixedWidth(_WIDTH)
        self.slider.setAccessibleName(self.tr("Volume in percent"))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(self.mute)
        row.addWidget(self.slider)
        self.setEnabled(False)
        self.mute.toggled.connect(self._tell)
        self.slider.valueChanged.connect(self._unmute)
        theme.changed.connect(self._paint)
        self._paint()

    @Slot()
    def _unmute(self) -> None:
        """Whoever moves the slider wants to hear what it does."""
        if self.mute.isChecked():
            self.mute.setChecked(False)
        else:
            self._tell()

    @Slot()
    def _tell(self) -> None:
        self._paint()
        self.changed.emit(self.slider.value(), self.mute.isChecked())

    @Slot()
    def _paint(self) -> None:
        silent = self.mute.isChecked() or not self.slider.value()
        self.mute.setIcon(self._theme.icon("muted" if silent else "sound"))
