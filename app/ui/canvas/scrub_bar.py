"""The position in the video, what of it is decoded, and the range that is played."""

from __future__ import annotations

from PySide6.QtCore import QRect, Qt, Slot
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSlider, QStyle, QWidget

from app.core.playing.player import Player
from app.ui.theme import Theme

_STRIP = 3
_HANDLE = 18


class ScrubBar(QSlider):
    """A slider over frames: a click goes where it points."""

    def __init__(self, player: Player, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._player, self._theme = player, theme
        self.setObjectName("scrub")
        self.setMinimumWidth(40)
        self.setMinimumHeight(26)
        self.setAccessibleName(self.tr("Position in frames"))
        self.setToolTip(self.tr("The line below shows what is decoded"))
        player.filled.connect(self._refresh)
        player.clock.range_changed.connect(self._refresh)
        theme.changed.connect(self._refresh)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Go there, and follow the mouse."""
        if event.button() is Qt.MouseButton.LeftButton:
            self.setValue(self._frame_at(event.position().x()))
        super().mousePressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """The slider over the strips."""
        painter = QPainter(self)
        colours, clock = self._theme.colours, self._player.clock
        bottom = self.height() - _STRIP
        if self._player.has_result:
            painter.fillRect(QRect(self._x(0), bottom, self._x(clock.count) - self._x(0), _STRIP), QColor(colours.line))
            for begin, end in self._player.store.ranges():
                span = QRect(self._x(begin), bottom, max(1, self._x(end) - self._x(begin)), _STRIP)
                painter.fillRect(span, QColor(colours.accent))
        if (clock.begin, clock.end) != (0, None):
            left, right = self._x(clock.begin), self._x(clock.count if clock.end is None else clock.end)
            painter.fillRect(QRect(left, 0, max(2, right - left), _STRIP), QColor(colours.warn))
        painter.end()
        super().paintEvent(event)

    def _x(self, frame: int) -> int:
        """Where a frame lies, in pixels: as the handle's middle does."""
        room = self.width() - _HANDLE
        return _HANDLE // 2 + QStyle.sliderPositionFromValue(0, max(1, self.maximum()), frame, room)

    def _frame_at(self, x: float) -> int:
        room = self.width() - _HANDLE
        return QStyle.sliderValueFromPosition(self.minimum(), self.maximum(), round(x) - _HANDLE // 2, room)

    @Slot()
    def _refresh(self) -> None:
        self.update()
