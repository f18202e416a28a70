"""What to aim at: a quality, a bitrate or a size, each with its own control."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication, Qt, Signal, Slot
from PySide6.QtWidgets import QComboBox, QSlider, QStackedWidget, QVBoxLayout, QWidget

from app.ui.widgets import DecimalBox, ignore_wheel, label, value_and_slider
from codec.goals import GOAL_METRICS
from codec.settings import Bitrate, Goal, Quality, Size

SLIDER_UNIT = 0.005
LEAST, MOST = 0.03, 0.40
# As six clips look that were coded at 144 lines and 0.05 to 0.35: a talking head, moved cups, a running dog, a cartoon
# with titles, a flower, a dark stage. What moves gives way first, then faces and letters, then texture.
_WORDS = (
    (0.075, QT_TRANSLATE_NOOP("SettingsPanel", "Close to the original; fast motion is softer")),
    (0.12, QT_TRANSLATE_NOOP("SettingsPanel", "Softer: faces hold, fast motion loses its shape")),
    (0.17, QT_TRANSLATE_NOOP("SettingsPanel", "What stands still holds; faces smear, motion turns to blocks")),
    (0.22, QT_TRANSLATE_NOOP("SettingsPanel", "Faces and letters are lost; shapes hold where nothing moves")),
    (0.28, QT_TRANSLATE_NOOP("SettingsPanel", "Large shapes only")),
    (1.00, QT_TRANSLATE_NOOP("SettingsPanel", "Patches of colour")),
)


def words_for(dists: float) -> str:
    """What a DISTS value looks like."""
    source = next(words for bound, words in _WORDS if dists <= bound)
    return QCoreApplication.translate("SettingsPanel", str(source))


class GoalEditor(QWidget):
    """A choice of kind over one control.

    Attributes:
        changed: the user has changed something.
        mode: the choice of kind, for the form that it stands in.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        # What the slider doesn't show of a quality stays as it was given.
        self._quality = Quality()
        self.mode = QComboBox()
        self.mode.addItems([self.tr("Quality (DISTS)"), self.tr("Bitrate of the video"), self.tr("File size")])
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(round(LEAST / SLIDER_UNIT), round(MOST / SLIDER_UNIT))
        self._value, self._words = label("", "value"), label("", "muted")
        self._words.setWordWrap(True)
        self.rate, self._size = _spin(1, 100_000, " kbit/s", 20), _spin(1, 10_000_000, " kB", 1000)
        self._pages = QStackedWidget()
        for page in (self._quality_page(), _page(self.rate), _page(self._size)):
            self._pages.addWidget(page)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._pages)
        self._name()
        ignore_wheel(self.mode, self.slider, self.rate, self._size)
        self.mode.currentIndexChanged.connect(self._pages.setCurrentIndex)
        self.slider.valueChanged.connect(self._describe)
        for told in (self.mode.currentIndexChanged, self.slider.valueChanged):
            told.connect(self.changed)
        for spin in (self.rate, self._size):
            spin.valueChanged.connect(self.changed)
        self._describe()

    @property
    def goal(self) -> Goal:
        """As the controls say."""
        if self.mode.currentIndex() == 0:
            return replace(self._quality, value=self.slider.value() * SLIDER_UNIT)
        if self.mode.currentIndex() == 1:
            return Bitrate(self.rate.value() * 1000)
        return Size(round(self._size.value() * 1000))

    def show_goal(self, goal: Goal) -> None:
        """Set the controls."""
        if isinstance(goal, Quality):
            self._quality = goal
            self.mode.setItemText(0, self.tr("Quality ({})").format(GOAL_METRICS[goal.metric].label))
            self.slider.setValue(round(goal.value / SLIDER_UNIT))
        elif isinstance(goal, Bitrate):
            self.rate.setValue(goal.bits_per_second / 1000)
        else:
            self._size.setValue(goal.bytes / 1000)
        self.mode.setCurrentIndex((Quality, Bitrate, Size).index(type(goal)))
        self._describe()

    def _quality_page(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(value_and_slider(self._value, self.slider))
        column.addWidget(self._words)
        return page

    def _name(self) -> None:
        for widget, name in (
            (self.mode, self.tr("What to aim at")),
            (self.slider, self.tr("Target quality; lower is better")),
            (self.rate, self.tr("Target bitrate of the video in kilobits a second, its sound not counted")),
            (self._size, self.tr("Target size of the whole file in kilobytes")),
        ):
            widget.setAccessibleName(name)
            widget.setToolTip(name)

    @Slot()
    def _describe(self) -> None:
        value = self.slider.value() * SLIDER_UNIT
        self._value.setText(f"{value:.3f}")
        words = words_for(value) if self._quality.metric == "dists" else ""
        self._words.setText(words)
        self.slider.setAccessibleDescription(words)


def _spin(least: float, most: float, unit: str, value: float) -> DecimalBox:
    spin = DecimalBox()
    spin.setRange(least, most)
    spin.setDecimals(1)
    spin.setSuffix(unit)
    spin.setValue(value)
    # As far from its frame as the words of the choices around it, which the style sheet doesn't reach.
    spin.lineEdit().setTextMargins(7, 0, 0, 0)
    return spin


def _page(widget: QWidget) -> QWidget:
    page = QWidget()
    column = QVBoxLayout(page)
    column.setContentsMargins(0, 0, 0, 0)
    column.addWidget(widget)
    column.addStretch(1)
    return page
