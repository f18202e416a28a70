"""Where a picture lies in a pane: zoom and pan, shared by both panes. Plain arithmetic."""

from __future__ import annotations

from dataclasses import dataclass, replace

from PySide6.QtCore import QPointF, QRectF, QSizeF

MIN_ZOOM, MAX_ZOOM = 0.1, 32.0


@dataclass(frozen=True)
class Viewport:
    """What part of a picture is looked at.

    Attributes:
        zoom: screen pixels per picture pixel; None fits the picture into its pane.
        centre_x, centre_y: the picture's point in the pane's middle, as shares of its size.
    """

    zoom: float | None = None
    centre_x: float = 0.5
    centre_y: float = 0.5

    def scale(self, picture: QSizeF, pane: QRectF) -> float:
        """Screen pixels per picture pixel."""
        if self.zoom is not None:
            return self.zoom
        return min(pane.width() / picture.width(), pane.height() / picture.height())

    def place(self, picture: QSizeF, pane: QRectF) -> QRectF:
        """The rectangle that the whole picture would fill."""
        scale = self.scale(picture, pane)
        width, height = picture.width() * scale, picture.height() * scale
        left = pane.center().x() - self.centre_x * width
        top = pane.center().y() - self.centre_y * height
        return QRectF(left, top, width, height)

    def pixel_at(self, point: QPointF, picture: QSizeF, pane: QRectF) -> QPointF | None:
        """Where in the picture a point of the pane lies, None beside it."""
        placed = self.place(picture, pane)
        if not placed.contains(point) or point == placed.bottomRight():
            return None
        inside, scale = point - placed.topLeft(), picture.width() / placed.width()
        x, y = inside.x() * scale, inside.y() * scale
        return QPointF(x, y) if x < picture.width() and y < picture.height() else None

    def zoomed(self, factor: float, at: QPointF, picture: QSizeF, pane: QRectF) -> Viewport:
        """Closer by `factor`, keeping the picture's point under `at` where it is."""
        before = self.place(picture, pane)
        zoom = min(max(self.scale(picture, pane) * factor, MIN_ZOOM), MAX_ZOOM)
        x = (at.x() - before.left()) / before.width()
        y = (at.y() - before.top()) / before.height()
        offset = at - pane.center()
        return Viewport(
            zoom,
            x - offset.x() / (zoom * picture.width()),
            y - offset.y() / (zoom * picture.height()),
        )._held()

    def moved(self, by: QPointF, picture: QSizeF, pane: QRectF) -> Viewport:
        """Dragged by so many screen pixels."""
        placed = self.place(picture, pane)
        moved = replace(
            self, centre_x=self.centre_x - by.x() / placed.width(), centre_y=self.centre_y - by.y() / placed.height()
        )
        return moved._held()

    def _held(self) -> Viewport:
        """A point of the picture always stays in the middle."""
        return replace(self, centre_x=min(max(self.centre_x, 0.0), 1.0), centre_y=min(max(self.centre_y, 0.0), 1.0))
