"""A finished file made smaller, without encoding again: fewer steps of each GOP, or no sound."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QCheckBox, QPushButton, QSlider, QVBoxLayout, QWidget

from app.core.document import Document
from app.core.smaller import Choice, choices
from app.ui.panels.goal import words_for
from app.ui.widgets import ignore_wheel, label, value_and_slider
from app.ui.words import human_bytes
from codec.errors import FreeGvcError
from codec.goals import GOAL_METRICS
from codec.settings import Bitrate, DecodeSettings, Quality


class RetargetPanel(QWidget):
    """A slider from the file as it is down, a choice to leave out its sound, or the reason why there is neither.

    Attributes:
        chosen: a Quality or a Bitrate to play at, or None for the file's own.
        save_wanted: the smaller file is to be saved.
        changed: `saves_something` may have changed.
    """

    chosen = Signal(object)
    save_wanted = Signal()
    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        # Read once for each file, so that no tick of the slider reads it.
        self._choices: tuple[Choice, ...] = ()
        self._sound = 0
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName(self.tr("Play the finished file at a lower quality"))
        self._control = QWidget()
        self._size, self._words = label("", "value"), label("", "muted")
        self._words.setWordWrap(True)
        row = value_and_slider(self._size, self.slider)
        row.setContentsMargins(0, 0, 0, 0)
        self._control.setLayout(row)
        self.silent = QCheckBox(self.tr("Without its sound"))
        self.save = QPushButton(self.tr("Save smaller version"))
        self.save.setToolTip(self.tr("Write another .fgvc file, without encoding again (Ctrl+S)"))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        for widget in (self._control, self._words, self.silent, self.save):
            column.addWidget(widget)
        ignore_wheel(self.slider)
        self.slider.valueChanged.connect(self._moved)
        self.slider.sliderReleased.connect(self._choose)
        self.silent.toggled.connect(self._describe)
        self.save.clicked.connect(self.save_wanted)

    @property
    def goal(self) -> Quality | Bitrate | None:
        """What the slider says; None at the file as it is."""
        return self._choices[self.slider.value()].goal if self._choices else None

    @property
    def settings(self) -> DecodeSettings:
        """What is played, exported and saved."""
        return DecodeSettings(goal=self.goal, audio=not self.silent.isChecked())

    @property
    def saves_something(self) -> bool:
        """Whether what is chosen is smaller than the file."""
        return self.goal is not None or self.silent.isChecked()

    @property
    def words(self) -> str:
        """What it says below the slider, or in its place."""
        return self._words.text()

    def show_document(self, document: Document) -> None:
        """Take another file."""
        info, reason = document.info, ""
        self._sound = 0 if info is None else info.audio_bytes
        try:
            self._choices = choices(document)
        except FreeGvcError as error:
            self._choices, reason = (), str(error)
        for widget in (self.slider, self.silent):
            widget.blockSignals(True)
        self.slider.setRange(0, max(0, len(self._choices) - 1))
        self.slider.setValue(0)
        self.silent.setChecked(False)
        for widget in (self.slider, self.silent):
            widget.blockSignals(False)
        able = len(self._choices) > 1 or self._sound > 0
        self._control.setVisible(able)
        self.slider.setVisible(len(self._choices) > 1)
        self.silent.setVisible(self._sound > 0)
        self.save.setVisible(able)
        self._describe()
        if reason or info is None:
            self._words.setText(reason or self.tr("Nothing is coded yet."))

    @Slot()
    def _describe(self) -> None:
        self.save.setEnabled(self.saves_something)
        self.changed.emit()
        if not self._choices:
            return
        choice = self._choices[self.slider.value()]
        self._size.setText(human_bytes(choice.bytes - (self._sound if self.silent.isChecked() else 0)))
        self._words.setText(self._about(choice.goal))

    def _about(self, goal: Quality | Bitrate | None) -> str:
        if isinstance(goal, Bitrate):
            return self.tr("{:.1f} kbit/s of video").format(goal.bits_per_second / 1000)
        if isinstance(goal, Quality):
            words = f": {words_for(goal.value)}" if goal.metric == "dists" else ""
            return f"{GOAL_METRICS[goal.metric].label} {goal.value:.3f}{words}"
        if len(self._choices) > 1:
            return self.tr("As it was encoded; less of it can be played, exported and saved.")
        return self.tr("Its pictures are all base layer, of which nothing can be left out; encode it again (Ctrl+D).")

    @Slot()
    def _moved(self) -> None:
        self._describe()
        # While the mouse holds it only the size follows; decoding waits for the release.
        if not self.slider.isSliderDown():
            self._choose()

    @Slot()
    def _choose(self) -> None:
        self.chosen.emit(self.goal)
