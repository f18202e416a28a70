"""The A/B canvas: original and reconstruction side by side, under a wipe, or as their difference."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt, Signal, Slot
from PySide6.QtGui import (
    QColor,
    QFont,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.core.playing.frame_store import Picture
from app.core.playing.player import Player
from app.ui.canvas.viewport import Viewport
from app.ui.theme import Theme, picture
from app.ui.words import side_label

ZOOM_KEYS = {Qt.Key.Key_4: 1.0, Qt.Key.Key_5: None, Qt.Key.Key_6: 2.0, Qt.Key.Key_7: 4.0, Qt.Key.Key_8: 8.0}
ZOOM_KEYS[Qt.Key.Key_9] = 16.0
WHEEL_STEP = 1.25
GAINS = (1, 2, 4, 8, 16)
_GRAB = 12.0
_GAP = 6.0


class Mode(StrEnum):
    """How two pictures are shown."""

    SIDE = "side"
    WIPE = "wipe"
    DIFFERENCE = "difference"


def difference(a: Picture, b: Picture, gain: int) -> Picture:
    """|a - b| times `gain`, uint8, clipped at white."""
    apart = np.abs(a.astype(np.int16) - b)
    return np.asarray(np.minimum(apart * gain, 255), np.uint8)


def to_image(pixels: Picture) -> QImage:
    """A QImage over the array's memory, which must outlive it."""
    height, width, _ = pixels.shape
    return QImage(pixels.data, width, height, pixels.strides[0], QImage.Format.Format_RGB888)


class CompareView(QWidget):
    """Paints what the player shows.

    Attributes:
        mode_changed: the Mode, as text.
        key_unused: a key that means nothing here, for the window.
    """

    mode_changed = Signal(str)

    def __init__(self, player: Player, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._player, self._theme = player, theme
        self.mode = Mode.SIDE
        self.wipe = 0.5
        self.gain = 4
        self.swapped = False
        self.hidden: set[int] = set()
        self.viewport = Viewport()
        self.metrics_text = ""
        self._drop_hint = False
        self._drag: QPointF | None = None
        self._wiping = False
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(320, 200)
        self.setMouseTracking(True)
        self.setAccessibleName(self.tr("Comparison of the original and the reconstruction"))
        player.updated.connect(self._refresh)
        theme.changed.connect(self._refresh)

    def set_mode(self, mode: Mode) -> None:
        """Show the pictures another way."""
        self.mode = mode
        self.mode_changed.emit(mode.value)
        self.update()

    def swap(self) -> None:
        """Exchange the sides."""
        self.swapped = not self.swapped
        self.update()

    def fit(self) -> None:
        """Show the whole picture."""
        self.viewport = Viewport()
        self.update()

    def next_gain(self) -> None:
        """Amplify the difference more, or start again."""
        self.gain = GAINS[(GAINS.index(self.gain) + 1) % len(GAINS)]
        self.update()

    def set_drop_hint(self, on: bool) -> None:
        """Show that what is dragged can be dropped."""
        self._drop_hint = on
        self.update()

    @Slot()
    def _refresh(self) -> None:
        self.update()

    # --- Painting ---------------------------------------------------------------------------------------------------

    def paintEvent(self, _: QPaintEvent) -> None:  # noqa: N802
        """See Qt."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(self._theme.colours.canvas))
        if not self._player.has_original and not self._player.has_result:
            self._paint_empty(painter)
        else:
            self._paint_pictures(painter)
        if self._drop_hint:
            painter.setPen(QPen(QColor(self._theme.colours.accent), 4))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(3, 3, -3, -3), 8, 8)

    def _paint_pictures(self, painter: QPainter) -> None:
        player = self._player
        sides = [(side_label(name), player.picture(name), place) for place, name in enumerate(player.sides, 1)]
        if self.swapped:
            sides.reverse()
        shown = [side for side in sides if side[2] not in self.hidden and player.exists(player.sides[side[2] - 1])]
        if len(shown) == 2 and self.mode is Mode.WIPE:
            self._paint_wipe(painter, shown)
        elif len(shown) == 2 and self.mode is Mode.DIFFERENCE:
            self._paint_difference(painter, shown[0][1], shown[1][1])
        else:
            for (label, pixels, _side), pane in zip(shown, self._panes(len(shown)), strict=True):
                self._paint_pane(painter, pane, pixels)
                self._chip(painter, pane, label, right=False)
        if self.metrics_text:
            self._chip(painter, QRectF(self.rect()), self.metrics_text, right=False, bottom=True)

    def _panes(self, count: int) -> list[QRectF]:
        whole = QRectF(self.rect())
        if count < 2:
            return [whole][:count]
        half = (whole.width() - _GAP) / 2
        return [
            QRectF(0, 0, half, whole.height()),
            QRectF(half + _GAP, 0, half, whole.height()),
        ]

    def _paint_pane(self, painter: QPainter, pane: QRectF, pixels: Picture | None) -> None:
        if pixels is None:
            painter.setPen(QColor("#8a8f95"))
            painter.drawText(pane, Qt.AlignmentFlag.AlignCenter, self.tr("This frame isn't here yet"))
            return
        image = to_image(pixels)
        size = QSizeF(image.size())
        painter.save()
        painter.setClipRect(pane)
        # Pixels are shown as pixels once they are large enough to be looked at one by one.
        scale = self.viewport.scale(size, pane)
        smooth = scale < 4 and scale != 1
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
        painter.drawImage(self.viewport.place(size, pane), image)
        painter.restore()

    def _paint_wipe(self, painter: QPainter, sides: list[tuple[str, Picture | None, int]]) -> None:
        whole = QRectF(self.rect())
        at = whole.width() * self.wipe
        for (label, pixels, _), clip, right in zip(
            sides,
            (QRectF(0, 0, at, whole.height()), QRectF(at, 0, whole.width() - at, whole.height())),
            (False, True),
            strict=True,
        ):
            painter.save()
            painter.setClipRect(clip)
            if pixels is not None:
                image = to_image(pixels)
                painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
                painter.drawImage(self.viewport.place(QSizeF(image.size()), whole), image)
            self._chip(painter, whole, label, right=right)
            painter.restore()
        painter.setPen(QPen(QColor("#ffffff"), 2))
        painter.drawLine(QPointF(at, 0), QPointF(at, whole.height()))
        painter.setBrush(QColor(self._theme.colours.accent))
        painter.drawEllipse(QPointF(at, whole.height() / 2), 7, 7)

    def _paint_difference(self, painter: QPainter, original: Picture | None, result: Picture | None) -> None:
        whole = QRectF(self.rect())
        if original is None or result is None or original.shape != result.shape:
            self._paint_pane(painter, whole, None)
            return
        self._paint_pane(painter, whole, difference(original, result, self.gain))
        self._chip(painter, whole, self.tr("Difference \u00d7 {}").format(self.gain), right=False)

    def _chip(self, painter: QPainter, pane: QRectF, text: str, right: bool, bottom: bool = False) -> None:
        """A small dark label in a corner of a pane."""
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        width = painter.fontMetrics().horizontalAdvance(text) + 18
        box = QRectF(0, 0, width, painter.fontMetrics().height() + 8)
        x = pane.right() - width - 10 if right else pane.left() + 10
        box.moveTo(x, pane.bottom() - box.height() - 10 if bottom else pane.top() + 10)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(0, 0, 0, 165))
        painter.drawRoundedRect(box, 6, 6)
        painter.setPen(QColor("#f2f4f5"))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
        painter.restore()

    def _paint_empty(self, painter: QPainter) -> None:
        """Nothing is open: say what to do."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        whole = QRectF(self.rect())
        box = QRectF(0, 0, min(460.0, whole.width() - 40), min(240.0, whole.height() - 40))
        box.moveCenter(whole.center())
        painter.setPen(QPen(QColor("#5d646b"), 2, Qt.PenStyle.DashLine))
        painter.setBrush(QColor(255, 255, 255, 8))
        painter.drawRoundedRect(box, 14, 14)
        icon = picture("video", "#9aa3ab", 56)
        painter.drawPixmap(QPointF(whole.center().x() - 28, box.center().y() - 76), icon)
        font = QFont(self.font())
        font.setPointSizeF(font.pointSizeF() * 1.5)
        font.setWeight(QFont.Weight.DemiBold)
        painter.setFont(font)
        painter.setPen(QColor("#e8eaed"))
        painter.drawText(box.adjusted(0, 40, 0, 0), Qt.AlignmentFlag.AlignCenter, self.tr("Drop a video here"))
        painter.setFont(self.font())
        painter.setPen(QColor("#9aa3ab"))
        hint = self.tr("or a .fgvc file to watch it, or press Ctrl+O")
        painter.drawText(box.adjusted(0, 100, 0, 0), Qt.AlignmentFlag.AlignCenter, hint)

    # --- Mouse and keys ---------------------------------------------------------------------------------------------

    def _pane_at(self, point: QPointF) -> QRectF:
        panes = self._panes(2) if self.mode is Mode.SIDE and not self.hidden and self._both() else self._panes(1)
        return next((pane for pane in panes if pane.contains(point)), panes[0])

    def _both(self) -> bool:
        return all(self._player.exists(name) for name in self._player.sides)

    def _picture_size(self) -> QSizeF | None:
        pictures = (self._player.picture(name) for name in self._player.sides)
        pixels = next((pixels for pixels in pictures if pixels is not None), None)
        return None if pixels is None else QSizeF(pixels.shape[1], pixels.shape[0])

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Zoom on the pixel under the cursor."""
        size = self._picture_size()
        if size is None:
            return
        factor = WHEEL_STEP ** (event.angleDelta().y() / 120)
        self.viewport = self.viewport.zoomed(factor, event.position(), size, self._pane_at(event.position()))
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Take hold of the wipe's line, or of the picture."""
        at = self.wipe * self.width()
        self._wiping = self.mode is Mode.WIPE and abs(event.position().x() - at) <= _GRAB
        self._drag = event.position()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Move what is held."""
        if self._drag is None:
            return
        size = self._picture_size()
        if self._wiping:
            self.wipe = min(max(event.position().x() / self.width(), 0.0), 1.0)
        elif size is not None:
            pane = self._pane_at(event.position())
            self.viewport = self.viewport.moved(event.position() - self._drag, size, pane)
        self._drag = event.position()
        self.update()

    def mouseReleaseEvent(self, _: QMouseEvent) -> None:  # noqa: N802
        """Let go."""
        self._drag, self._wiping = None, False

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """video-compare's keys; others go on to the window."""
        key = Qt.Key(event.key())
        clock = self._player.clock
        stride = 10 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
        if key in ZOOM_KEYS:
            self.viewport = Viewport(ZOOM_KEYS[key], self.viewport.centre_x, self.viewport.centre_y)
        elif key == Qt.Key.Key_Space:
            clock.toggle()
        elif key in (Qt.Key.Key_Right, Qt.Key.Key_D):
            clock.step(stride)
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_A):
            clock.step(-stride)
        elif key == Qt.Key.Key_Home:
            clock.step(-clock.count)
        elif key == Qt.Key.Key_End:
            clock.step(clock.count)
        elif not self._change_sides(key):
            super().keyPressEvent(event)
            return
        self.update()

    def _change_sides(self, key: Qt.Key) -> bool:
        if key == Qt.Key.Key_S:
            self.swap()
        elif key == Qt.Key.Key_0:
            self.set_mode(Mode.SIDE if self.mode is Mode.DIFFERENCE else Mode.DIFFERENCE)
        elif key == Qt.Key.Key_W:
            self.set_mode(Mode.SIDE if self.mode is Mode.WIPE else Mode.WIPE)
        elif key == Qt.Key.Key_G:
            self.next_gain()
        elif key in (Qt.Key.Key_1, Qt.Key.Key_2):
            # Never both: hiding one side shows the other.
            side = {1} if key == Qt.Key.Key_1 else {2}
            self.hidden = set() if self.hidden == side else side
        else:
            return False
        return True
