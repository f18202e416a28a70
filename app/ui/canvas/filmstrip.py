"""Thumbnails along the timeline, and over them how well each frame of a finished file looks."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt, Signal, Slot
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.core.document import Document
from app.core.playing.measuring.quality_curve import QualityCurve
from app.core.playing.pictures.thumbnails import HEIGHT, Thumbnails
from app.core.playing.player import Player
from app.ui.canvas.painting import to_image
from app.ui.theme import Theme
from codec.arrays import Picture

COUNT = 14
_WORST = 0.4  # the curve's top; what looks worse stays there
_MARGIN = 9  # as the scrub bar's handle keeps from its ends


class Filmstrip(QWidget):
    """As wide as the scrub bar below it.

    Attributes:
        seeked: the frame that was clicked on.
    """

    seeked = Signal(int)

    def __init__(self, player: Player, curve: QualityCurve, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._player, self._curve, self._theme = player, curve, theme
        self._reader: Thumbnails | None = None
        self._pictures: dict[int, Picture] = {}
        self.setFixedHeight(0)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip(self.tr("The line is an estimate of each frame's DISTS: the higher, the worse it looks"))
        curve.changed.connect(self._refresh)
        theme.changed.connect(self._refresh)

    @property
    def pictures(self) -> int:
        """How many thumbnails are there."""
        return len(self._pictures)

    def show_document(self, document: Document) -> None:
        """Read another source's; none where it isn't known."""
        self.close_reader()
        self._pictures.clear()
        self.setFixedHeight(0 if document.source is None else HEIGHT)
        if document.source is not None:
            # Each from the middle of what the bar has below it.
            frames = (int(document.count * (place + 0.5) / COUNT) for place in range(COUNT))
            moments = [document.start + document.seconds(frame) for frame in frames]
            self._reader = Thumbnails(document.source, moments, self)
            self._reader.arrived.connect(self._take)
            self._reader.start()
        self.update()

    def close_reader(self) -> None:
        """End what is being read."""
        if self._reader is not None:
            self._reader.close()
            self._reader.deleteLater()
            self._reader = None

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Go there."""
        room = self.width() - 2 * _MARGIN
        share = (event.position().x() - _MARGIN) / max(1, room)
        self.seeked.emit(round(min(max(share, 0.0), 1.0) * max(0, self._player.clock.count - 1)))

    def paintEvent(self, _: QPaintEvent) -> None:  # noqa: N802
        """See Qt."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        room = QRectF(_MARGIN, 0, self.width() - 2 * _MARGIN, self.height())
        width = room.width() / COUNT
        for place, picture in self._pictures.items():
            cell = QRectF(room.left() + place * width, 0, width, room.height())
            painter.setClipRect(cell)
            image = to_image(picture)
            height = cell.width() * image.height() / image.width()
            fitted = QRectF(cell.left(), (cell.height() - height) / 2, cell.width(), height)
            if height < cell.height():
                wide = cell.height() * image.width() / image.height()
                fitted = QRectF(cell.center().x() - wide / 2, 0, wide, cell.height())
            painter.drawImage(fitted, image)
        painter.setClipping(False)
        self._paint_curve(painter, room)

    def _paint_curve(self, painter: QPainter, room: QRectF) -> None:
        values, last = self._curve.values, max(1, self._player.clock.count - 1)
        if not values:
            return
        points = [
            QPointF(room.left() + room.width() * frame / last, room.bottom() - room.height() * min(1.0, value / _WORST))
            for frame, value in sorted(values.items())
        ]
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for colour, width in ((QColor(0, 0, 0, 190), 4.0), (QColor(self._theme.colours.warn), 1.8)):
            painter.setPen(QPen(colour, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            painter.drawPolyline(QPolygonF(points))

    @Slot(int, object)
    def _take(self, place: int, picture: Picture) -> None:
        # One that was closed may still have had something to say.
        if self.sender() is self._reader:
            self._pictures[place] = picture
            self.update()

    @Slot()
    def _refresh(self) -> None:
        self.update()
