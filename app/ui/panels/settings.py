"""What the next job will be made with. Settings are read once, when a job is added."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QSlider,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.ui.widgets import label, value_and_slider
from codec.settings import AUDIO_MODES, DEVICES, Bitrate, EncodeSettings, Goal, Quality, Size

SHORT_SIDES = (64, 96, 144, 240, 360, 480, 720)
PRIORS = ("pocket",)
SLIDER_UNIT = 0.005
LEAST, MOST = 0.03, 0.40
_WORDS = (
    (0.08, QT_TRANSLATE_NOOP("SettingsPanel", "Hard to tell from the original")),
    (0.14, QT_TRANSLATE_NOOP("SettingsPanel", "Close: fine texture is redrawn")),
    (0.20, QT_TRANSLATE_NOOP("SettingsPanel", "Clean picture, details are invented")),
    (0.28, QT_TRANSLATE_NOOP("SettingsPanel", "Recognisable, much is invented")),
    (1.00, QT_TRANSLATE_NOOP("SettingsPanel", "A sketch of the scene")),
)


def words_for(dists: float) -> str:
    """What a DISTS value looks like."""
    source = next(words for bound, words in _WORDS if dists <= bound)
    return QCoreApplication.translate("SettingsPanel", str(source))


class SettingsPanel(QWidget):
    """Widgets over one EncodeSettings.

    Attributes:
        changed: the user has changed something.
    """

    changed = Signal()

    def __init__(self, settings: EncodeSettings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._base = settings
        self._mode = QComboBox()
        self._mode.addItems([self.tr("Quality (DISTS)"), self.tr("Bitrate"), self.tr("File size")])
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(round(LEAST / SLIDER_UNIT), round(MOST / SLIDER_UNIT))
        self._value, self._words = label("", "value"), label("", "muted")
        self._words.setWordWrap(True)
        self._rate, self._size = _spin(1, 100_000, " kbit/s"), _spin(1, 10_000_000, " kB")
        self._pages = QStackedWidget()
        self._prior, self._device, self._side, self._audio = (QComboBox() for _ in range(4))
        self._fill()
        self._lay_out()
        self._name()
        self.show_settings(settings)
        self._connect()

    @property
    def settings(self) -> EncodeSettings:
        """As the widgets say; what they don't show stays as it was given."""
        return replace(
            self._base,
            goal=self._goal(),
            prior=self._prior.currentText(),
            device=self._device.currentData(),
            short_side=self._side.currentData(),
            audio=self._audio.currentData(),
        )

    def show_settings(self, settings: EncodeSettings) -> None:
        """Set the widgets."""
        self._base = settings
        goal = settings.goal
        if isinstance(goal, Quality):
            self.slider.setValue(round(goal.value / SLIDER_UNIT))
        elif isinstance(goal, Bitrate):
            self._rate.setValue(goal.bits_per_second / 1000)
        else:
            self._size.setValue(goal.bytes / 1000)
        self._mode.setCurrentIndex((Quality, Bitrate, Size).index(type(goal)))
        self._pages.setCurrentIndex(self._mode.currentIndex())
        self._prior.setCurrentIndex(max(0, self._prior.findText(settings.prior)))
        for box, value in ((self._device, settings.device), (self._side, settings.short_side)):
            box.setCurrentIndex(max(0, box.findData(value)))
        self._audio.setCurrentIndex(max(0, self._audio.findData(settings.audio)))
        self._describe()

    def set_machine(self, priors: tuple[str, ...], device: str | None) -> None:
        """Offer what the engine has found: its priors, and the GPU's name where there is one."""
        current = self._prior.currentText()
        self._prior.blockSignals(True)
        self._prior.clear()
        self._prior.addItems(list(priors))
        self._prior.setCurrentIndex(max(0, self._prior.findText(current)))
        self._prior.blockSignals(False)
        self._device.setItemText(DEVICES.index("cuda"), device or self.tr("GPU (none found)"))

    def _goal(self) -> Goal:
        if self._mode.currentIndex() == 0:
            return Quality(self.slider.value() * SLIDER_UNIT)
        if self._mode.currentIndex() == 1:
            return Bitrate(self._rate.value() * 1000)
        return Size(round(self._size.value() * 1000))

    def _fill(self) -> None:
        self._prior.addItems(list(PRIORS))
        names = (self.tr("Automatic"), self.tr("CPU"), self.tr("GPU"))
        for name, device in zip(names, DEVICES, strict=True):
            self._device.addItem(name, device)
        self._side.addItem(self.tr("As the prior likes"), None)
        for side in SHORT_SIDES:
            self._side.addItem(self.tr("{} pixels").format(side), side)
        names = (self.tr("Opus, re-encoded"), self.tr("Copy unchanged"), self.tr("Leave out"))
        for name, mode in zip(names, AUDIO_MODES, strict=True):
            self._audio.addItem(name, mode)

    def _lay_out(self) -> None:
        quality = QWidget()
        column = QVBoxLayout(quality)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(value_and_slider(self._value, self.slider))
        column.addWidget(self._words)
        for page in (quality, _page(self._rate), _page(self._size)):
            self._pages.addWidget(page)
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setVerticalSpacing(6)
        form.setHorizontalSpacing(8)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(_caption(self.tr("Aim at")), self._mode)
        form.addRow(self._pages)
        form.addRow(_caption(self.tr("Prior")), self._prior)
        form.addRow(_caption(self.tr("Device")), self._device)
        form.addRow(_caption(self.tr("Short side")), self._side)
        form.addRow(_caption(self.tr("Audio")), self._audio)

    def _name(self) -> None:
        for widget, name in (
            (self._mode, self.tr("What to aim at")),
            (self.slider, self.tr("Target quality, DISTS; lower is better")),
            (self._rate, self.tr("Target bitrate in kilobits a second")),
            (self._size, self.tr("Target size in kilobytes")),
            (self._prior, self.tr("Prior: the model that redraws the video")),
            (self._device, self.tr("Device")),
            (self._side, self.tr("Coding size: the shorter side")),
            (self._audio, self.tr("Audio")),
        ):
            widget.setAccessibleName(name)
            widget.setToolTip(name)

    def _connect(self) -> None:
        self._mode.currentIndexChanged.connect(self._pages.setCurrentIndex)
        self.slider.valueChanged.connect(self._describe)
        for box in (self._mode, self._prior, self._device, self._side, self._audio):
            box.currentIndexChanged.connect(self._note)
        for spin in (self._rate, self._size):
            spin.valueChanged.connect(self._note)
        self.slider.valueChanged.connect(self._note)

    @Slot()
    def _describe(self) -> None:
        value = self.slider.value() * SLIDER_UNIT
        self._value.setText(f"{value:.3f}")
        self._words.setText(words_for(value))
        self.slider.setAccessibleDescription(words_for(value))

    @Slot()
    def _note(self) -> None:
        self.changed.emit()


def _spin(least: float, most: float, unit: str) -> QDoubleSpinBox:
    spin = QDoubleSpinBox()
    spin.setRange(least, most)
    spin.setDecimals(1)
    spin.setSuffix(unit)
    spin.setValue(20)
    return spin


def _page(widget: QWidget) -> QWidget:
    page = QWidget()
    column = QVBoxLayout(page)
    column.setContentsMargins(0, 0, 0, 0)
    column.addWidget(widget)
    column.addStretch(1)
    return page


def _caption(text: str) -> QLabel:
    made = label(text, "muted")
    made.setMinimumHeight(28)
    return made
