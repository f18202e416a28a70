"""The bar under the picture: play, step, scrub, modes."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QButtonGroup, QGridLayout, QHBoxLayout, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from app.core.playing.player import Player
from app.ui.canvas.compare_view import CompareView
from app.ui.canvas.scrub_bar import ScrubBar
from app.ui.canvas.sides import Mode
from app.ui.canvas.volume import VolumeControl
from app.ui.theme import Theme
from app.ui.widgets import label, tool_button

_LEAST_WIDTH, _WIDE = 300, 488


def timecode(seconds: float) -> str:
    """Minutes, seconds and hundredths."""
    return f"{int(seconds // 60):d}:{seconds % 60:05.2f}"


class Transport(QWidget):
    """Buttons and a slider for one clock and one view, and the `volume` control."""

    def __init__(
        self,
        player: Player,
        view: CompareView,
        theme: Theme,
        volume: VolumeControl,
        filmstrip: QWidget,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._clock, self._view, self._theme = player.clock, view, theme
        self._icons: list[tuple[QToolButton, str]] = []
        # What only a wide window has room for; all of it has keys.
        self._comforts: list[QWidget] = []
        self._slider = ScrubBar(player, theme)
        self._slider.valueChanged.connect(self._seek)
        self._zoom, self.speed = label("", "muted"), label("", "muted")
        self._time = label("", "muted")
        self._time.setContentsMargins(0, 0, 8, 0)
        self._modes = QButtonGroup(self)
        self._lay_out(volume, filmstrip)
        self._clock.changed.connect(self._show)
        self._clock.playing_changed.connect(self._show_playing)
        self._clock.speed_changed.connect(self.refresh)
        view.viewport_changed.connect(self.refresh)
        view.resized.connect(self.refresh)
        view.mode_changed.connect(self._show_mode)
        theme.changed.connect(self._paint_icons)
        self._paint_icons()
        self._show(0)
        self.refresh()

    @Slot()
    def refresh(self) -> None:
        """Show speed, zoom and loop as they are."""
        speed = self._clock.speed
        self.speed.setText("" if speed == 1 else f"{float(speed):g} \u00d7")
        zoom = self._view.zoom
        fits = self._view.viewport.zoom is None
        self._zoom.setText(
            "" if zoom is None or self.width() < _WIDE else f"{zoom:.0%}" + (self.tr(", fits") if fits else "")
        )
        self._loop.setChecked(self._clock.loop)

    def _lay_out(self, volume: VolumeControl, filmstrip: QWidget) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 4, 4, 4)
        column.setSpacing(2)
        # A row of its own: beside the buttons too little would be left of it to aim at a frame.
        position, row = QGridLayout(), QHBoxLayout()
        position.setContentsMargins(8, 0, 0, 0)
        position.setVerticalSpacing(2)
        position.setColumnStretch(0, 1)
        position.addWidget(filmstrip, 0, 0)
        position.addWidget(self._slider, 1, 0)
        position.addWidget(self._time, 1, 1)
        row.setSpacing(2)
        column.addLayout(position)
        column.addLayout(row)
        self._add_steps(row)
        row.addSpacing(6)
        row.addWidget(volume)
        row.addWidget(self.speed)
        # It takes what is left, and is cut off rather than make the window wider.
        self._zoom.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._zoom.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self._zoom, 1)
        row.addSpacing(6)
        self._loop = self._button(row, "loop", self.tr("Play in a loop (Ctrl+L)"))
        self._loop.setCheckable(True)
        self._loop.toggled.connect(self._set_loop)
        self._add_modes(row)
        swap = self._button(row, "swap", self.tr("Swap sides (S)"))
        swap.clicked.connect(self._view.swap)
        fit = self._button(row, "fit", self.tr("Fit into the window (5)"))
        fit.clicked.connect(partial(self._view.set_zoom, None))
        self._comforts += [volume.slider, swap, fit]
        self.setMinimumWidth(_LEAST_WIDTH)

    def _add_steps(self, row: QHBoxLayout) -> None:
        first = self._button(row, "first", self.tr("First frame (Home)"))
        first.clicked.connect(self._first)
        self._button(row, "back", self.tr("One frame back (Left or A)")).clicked.connect(self._back)
        self.play = self._button(row, "play", self.tr("Play or pause (Space)"))
        self.play.clicked.connect(self._clock.toggle)
        self._button(row, "forward", self.tr("One frame on (Right or D)")).clicked.connect(self._forward)
        last = self._button(row, "last", self.tr("Last frame (End)"))
        last.clicked.connect(self._last)
        self._comforts += [first, last]

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """See Qt."""
        super().resizeEvent(event)
        for widget in self._comforts:
            widget.setVisible(event.size().width() >= _WIDE)

    def _add_modes(self, row: QHBoxLayout) -> None:
        for mode, hint in (
            (Mode.SIDE, self.tr("Side by side (B)")),
            (Mode.WIPE, self.tr("Wipe (W)")),
            (Mode.DIFFERENCE, self.tr("Difference (0), gain (G)")),
        ):
            button = self._button(row, mode.value, hint)
            button.setCheckable(True)
            button.setChecked(mode is self._view.mode)
            button.setProperty("mode", mode.value)
            self._modes.addButton(button)
        self._modes.buttonClicked.connect(self._choose_mode)

    def _button(self, row: QHBoxLayout, icon: str, hint: str) -> QToolButton:
        button = tool_button(hint)
        self._icons.append((button, icon))
        row.addWidget(button)
        return button

    @Slot()
    def _paint_icons(self) -> None:
        for button, name in self._icons:
            button.setIcon(self._theme.icon(name))
        self._show_playing(self._clock.playing)

    @Slot(int)
    def _show(self, frame: int) -> None:
        self._slider.blockSignals(True)
        self._slider.setRange(0, max(0, self._clock.count - 1))
        self._slider.setValue(frame)
        self._slider.blockSignals(False)
        self._time.setText(self._position(frame))
        # As wide as it will get: the bar beside it keeps its length while the figures change.
        longest = self._time.fontMetrics().horizontalAdvance(self._position(max(0, self._clock.count - 1)))
        margins = self._time.contentsMargins()
        self._time.setMinimumWidth(longest + margins.left() + margins.right())
        self.setEnabled(self._clock.count > 0)

    def _position(self, frame: int) -> str:
        clock = self._clock
        times = f"{timecode(clock.seconds(frame))} / {timecode(clock.seconds(clock.count))}"
        return times + "   " + self.tr("frame {}/{}").format(frame, max(0, clock.count - 1))

    @Slot(bool)
    def _show_playing(self, playing: bool) -> None:
        self.play.setIcon(self._theme.icon("pause" if playing else "play"))

    @Slot(str)
    def _show_mode(self, mode: str) -> None:
        for button in self._modes.buttons():
            button.setChecked(button.property("mode") == mode)

    @Slot(int)
    def _seek(self, frame: int) -> None:
        self._clock.pause()
        self._clock.seek(frame)

    @Slot()
    def _first(self) -> None:
        self._clock.step(-self._clock.count)

    @Slot()
    def _back(self) -> None:
        self._clock.step(-1)

    @Slot()
    def _forward(self) -> None:
        self._clock.step(1)

    @Slot()
    def _last(self) -> None:
        self._clock.step(self._clock.count)

    @Slot(bool)
    def _set_loop(self, loop: bool) -> None:
        self._clock.loop = loop

    @Slot()
    def _choose_mode(self) -> None:
        chosen = self._modes.checkedButton()
        if chosen is not None:
            self._view.set_mode(Mode(chosen.property("mode")))
