"""A finished file at a lower quality, without encoding again: fewer steps of each GOP are played."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QSlider, QVBoxLayout, QWidget

from app.core.document import Document, retargeted_sizes
from app.ui.panels.goal import MOST, SLIDER_UNIT, words_for
from app.ui.widgets import ignore_wheel, label, value_and_slider
from app.ui.words import human_bytes
from codec.errors import FreeGvcError
from codec.settings import Quality


class RetargetPanel(QWidget):
    """A slider from the file's own target upwards, or the reason why there is none.

    Attributes:
        chosen: a Quality to play at, or None for the file's own.
    """

    chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        # Bytes at each value of the slider, from its first on: read once, so that no tick reads the file.
        self._sizes: tuple[int, ...] = ()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName(self.tr("Play the finished file at a lower quality"))
        self._control = QWidget()
        self._size, self._words = label("", "value"), label("", "muted")
        self._words.setWordWrap(True)
        row = value_and_slider(self._size, self.slider)
        row.setContentsMargins(0, 0, 0, 0)
        self._control.setLayout(row)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self._control)
        column.addWidget(self._words)
        ignore_wheel(self.slider)
        self.slider.valueChanged.connect(self._moved)
        self.slider.sliderReleased.connect(self._choose)

    @property
    def goal(self) -> Quality | None:
        """What the slider says; None at the file's own target."""
        at = self.slider.value()
        return None if not self._sizes or at <= self.slider.minimum() else Quality(at * SLIDER_UNIT)

    @property
    def size_text(self) -> str:
        """The size it shows."""
        return self._size.text()

    @property
    def words(self) -> str:
        """What it says below the slider, or in its place."""
        return self._words.text()

    def show_document(self, document: Document) -> bool:
        """Take another file; whether it can be re-targeted."""
        self._sizes = ()
        reason = self._measure(document)
        self._control.setVisible(bool(self._sizes))
        if reason:
            self._words.setText(reason)
        else:
            self._describe()
        return bool(self._sizes)

    def _measure(self, document: Document) -> str:
        """Learn the sizes; why there are none, or ""."""
        info, target = document.info, document.target
        if info is None or document.result is None:
            return self.tr("Nothing is coded yet.")
        if target is None:
            return self.tr("It was made for a bitrate or a size, so there is no quality to go down from.")
        if not document.can_be_smaller:
            return self.tr("Nothing can be left out: its bits are all in the base layer. Encode it again (Ctrl+D).")
        first = round(target / SLIDER_UNIT)
        last = max(first + 1, round(MOST / SLIDER_UNIT))
        try:
            sizes = retargeted_sizes(document.result, [Quality(at * SLIDER_UNIT) for at in range(first + 1, last + 1)])
        except FreeGvcError as error:
            return str(error)
        self._sizes = (info.bytes, *sizes)
        self.slider.blockSignals(True)
        self.slider.setRange(first, last)
        self.slider.setValue(first)
        self.slider.blockSignals(False)
        return ""

    @Slot()
    def _describe(self) -> None:
        if not self._sizes:
            return
        at = self.slider.value()
        self._size.setText(human_bytes(self._sizes[at - self.slider.minimum()]))
        self._words.setText(f"DISTS {at * SLIDER_UNIT:.3f}: {words_for(at * SLIDER_UNIT)}")

    @Slot()
    def _moved(self) -> None:
        self._describe()
        # While the mouse holds it only the size follows; decoding waits for the release.
        if not self.slider.isSliderDown():
            self._choose()

    @Slot()
    def _choose(self) -> None:
        self.chosen.emit(self.goal)
