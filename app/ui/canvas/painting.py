"""What is painted over and in place of pictures: labels, the wait for a frame, the invitation to drop a file."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QBuffer, QByteArray, QCoreApplication, QIODevice, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QImage, QImageWriter, QPainter, QPen

from app.core.playing.player import alike
from app.ui.theme import picture
from codec.arrays import Picture

_MARGIN, _PADDING = 10.0, 9.0
CHIP_HEIGHT = 34.0
"""About, with a gap."""
_ROOMY = 170.0
"""As high as the invitation with its icon must be."""
_SPINNER, _ARC = 15.0, 100
# Around video all is neutral grey in both looks.
_TEXT, _MUTED, _DASHES = QColor("#f2f4f5"), QColor("#b4bac0"), QColor("#5d646b")


def to_image(pixels: Picture) -> QImage:
    """A QImage over the array's memory, which must outlive it."""
    height, width, _ = pixels.shape
    return QImage(pixels.data, width, height, pixels.strides[0], QImage.Format.Format_RGB888)


def fitted(placed: QRectF, pixels: Picture) -> QRectF:
    """As much of a place as a picture fills that has another shape; all of it where only rounding differs."""
    height, width, _ = pixels.shape
    if alike(pixels, (round(placed.width() * 64), round(placed.height() * 64))):
        return placed
    scale = min(placed.width() / width, placed.height() / height)
    box = QRectF(0, 0, width * scale, height * scale)
    box.moveCenter(placed.center())
    return box


def png_of(pixels: Picture) -> bytes:
    """A picture as a PNG file's bytes."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    QImageWriter(buffer, QByteArray(b"PNG")).write(to_image(np.ascontiguousarray(pixels)))
    return bytes(buffer.data().data())


def paint_chip(painter: QPainter, pane: QRectF, text: str, right: bool = False, bottom: bool = False) -> None:
    """A small dark label in a corner of a pane, never wider than it."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    metrics = painter.fontMetrics()
    room = pane.width() - 2 * (_MARGIN + _PADDING)
    text = metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, max(0, int(room)))
    width = metrics.horizontalAdvance(text) + 2 * _PADDING
    box = QRectF(0, 0, width, metrics.height() + 8)
    x = pane.right() - width - _MARGIN if right else pane.left() + _MARGIN
    box.moveTo(x, pane.bottom() - box.height() - _MARGIN if bottom else pane.top() + _MARGIN)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(0, 0, 0, 175))
    painter.drawRoundedRect(box, 6, 6)
    painter.setPen(_TEXT)
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
    painter.restore()


def paint_wait(painter: QPainter, pane: QRectF, text: str, turn: int | None) -> None:
    """Why a pane is empty, with a ring that has turned by so many degrees where somebody works on it."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(_MUTED)
    line = QRectF(pane.left(), pane.center().y() + (_SPINNER if turn is not None else -15), pane.width(), 30)
    painter.drawText(line, Qt.AlignmentFlag.AlignCenter, text)
    if turn is not None:
        ring = QRectF(0, 0, 2 * _SPINNER, 2 * _SPINNER)
        ring.moveCenter(QPointF(pane.center().x(), pane.center().y() - _SPINNER))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(_DASHES, 3))
        painter.drawEllipse(ring)
        painter.setPen(QPen(_TEXT, 3, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        painter.drawArc(ring, -16 * turn, 16 * _ARC)
    painter.restore()


def paint_region(painter: QPainter, region: QRectF, placed: QRectF, scale: float, colour: str) -> None:
    """The frame of a region of a picture that lies in `placed`, `scale` times as large."""
    box = QRectF(region.topLeft() * scale + placed.topLeft(), region.size() * scale)
    painter.setPen(QPen(QColor(colour), 1.5, Qt.PenStyle.DashLine))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(box)


def paint_invitation(painter: QPainter, whole: QRectF, font: QFont) -> None:
    """Nothing is open: say what to do."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    box = QRectF(0, 0, min(460.0, whole.width() - 40), min(240.0, whole.height() - 40))
    box.moveCenter(whole.center())
    painter.setPen(QPen(_DASHES, 2, Qt.PenStyle.DashLine))
    painter.setBrush(QColor(255, 255, 255, 8))
    painter.drawRoundedRect(box, 14, 14)
    # In a low window the words are what matters.
    roomy = box.height() >= _ROOMY
    if roomy:
        icon = picture("video", "#9aa3ab", 56)
        painter.drawPixmap(QPointF(whole.center().x() - 28, box.center().y() - 76), icon)
    large = QFont(font)
    large.setPointSizeF(font.pointSizeF() * 1.5)
    large.setWeight(QFont.Weight.DemiBold)
    painter.setFont(large)
    painter.setPen(_TEXT)
    below, further = (40, 100) if roomy else (-24, 30)
    painter.drawText(box.adjusted(0, below, 0, 0), Qt.AlignmentFlag.AlignCenter, _tr("Drop videos here"))
    painter.setFont(font)
    painter.setPen(_MUTED)
    hint = _tr("or a .fgvc file to watch it, or press Ctrl+O")
    painter.drawText(box.adjusted(8, further, -8, 0), Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, hint)


def _tr(text: str) -> str:
    return QCoreApplication.translate("CompareView", text)
