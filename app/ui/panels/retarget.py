"""A finished file at a lower quality, without encoding again: fewer steps of each GOP are played."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QSlider, QVBoxLayout, QWidget

from app.core.document import Document, retargeted_bytes
from app.ui.panels.goal import MOST, SLIDER_UNIT, words_for
from app.ui.widgets import label, value_and_slider
from app.ui.words import human_bytes
from codec.errors import FreeGvcError
from codec.settings import Quality


class RetargetPanel(QWidget):
    """A slider from the file's own target upwards.

    Attributes:
        chosen: a Quality to play at, or None for the file's own.
    """

    chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document: Document | None = None
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName(self.tr("Play the finished file at a lower quality"))
        self._size, self._words = label("", "value"), label("", "muted")
        self._words.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(value_and_slider(self._size, self.slider))
        column.addWidget(self._words)
        self.slider.valueChanged.connect(self._moved)
        self.slider.sliderReleased.connect(self._choose)

    @property
    def goal(self) -> Quality | None:
        """What the slider says; None at the file's own target."""
        at = self.slider.value()
        return None if at <= self.slider.minimum() else Quality(at * SLIDER_UNIT)

    @property
    def size_text(self) -> str:
        """The size it shows."""
        return self._size.text()

    def show_document(self, document: Document | None) -> bool:
        """Take another file; whether it can be re-targeted."""
        self._document = document
        if document is None or document.target is None or not document.can_be_smaller:
            return False
        target = document.target
        self.slider.blockSignals(True)
        self.slider.setRange(
            round(target / SLIDER_UNIT), max(round(target / SLIDER_UNIT) + 1, round(MOST / SLIDER_UNIT))
        )
        self.slider.setValue(self.slider.minimum())
        self.slider.blockSignals(False)
        self._describe()
        return True

    @Slot()
    def _describe(self) -> None:
        document, goal = self._document, self.goal
        if document is None or document.result is None or document.info is None:
            return
        try:
            size = document.info.bytes if goal is None else retargeted_bytes(document.result, goal)
        except FreeGvcError as error:
            self._words.setText(str(error))
            return
        value = self.slider.value() * SLIDER_UNIT
        self._size.setText(human_bytes(size))
        self._words.setText(f"DISTS {value:.3f}: {words_for(value)}")

    @Slot()
    def _moved(self) -> None:
        self._describe()
        # While the mouse holds it only the size follows; decoding waits for the release.
        if not self.slider.isSliderDown():
            self._choose()

    @Slot()
    def _choose(self) -> None:
        self.chosen.emit(self.goal)
