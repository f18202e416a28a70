"""The A/B canvas: original and reconstruction side by side, under a wipe, or as their difference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QEvent, QPointF, QRectF, QSizeF, Qt, QTimer, Signal, Slot
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QHideEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.core.playing.player import ORIGINAL, OTHER, RESULT, Player
from app.ui.canvas.painting import (
    CHIP_HEIGHT,
    fitted,
    paint_chip,
    paint_invitation,
    paint_region,
    paint_wait,
    to_image,
)
from app.ui.canvas.sides import Mode, Side, Wait, difference
from app.ui.canvas.viewport import Viewport
from app.ui.theme import Theme
from app.ui.words import pane_label
from codec.arrays import Picture

WHEEL_STEP = 1.25
GAINS = (1, 2, 4, 8, 16)
_GRAB = 12.0
_GAP = 6.0
_TURN_MS, _TURN = 60, 20


class CompareView(QWidget):
    """Paints what the player shows.

    Attributes:
        why_empty: asked for the side of this name while its picture isn't there.
        mode_changed: the Mode, as text.
        viewport_changed: zoom or place are others.
        resized: another size fits.
        region_chosen: a QRectF in pixels of the compared size, None for the whole picture.
    """

    mode_changed = Signal(str)
    viewport_changed = Signal()
    region_chosen = Signal(object)
    resized = Signal()

    def __init__(self, player: Player, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._player, self._theme = player, theme
        self.mode = Mode.SIDE
        self.wipe = 0.5
        self.gain = 4
        self.swapped = False
        self.hidden: set[int] = set()
        self.viewport = Viewport()
        self.region: QRectF | None = None
        self.metrics_text = ""
        self.why_empty: Callable[[str], Wait] = lambda _: Wait(self.tr("This frame isn't here yet"))
        self._drop_hint = self._ring = False
        self._drag: QPointF | None = None
        self._wiping = self._framing = False
        self._hover: QPointF | None = None
        self._turn = 0
        self._spin = QTimer(self, interval=_TURN_MS)
        self._spin.timeout.connect(self._turn_on)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(280, 60)
        self.setMouseTracking(True)
        self.setAccessibleName(self.tr("Comparison of the original and the reconstruction"))
        player.updated.connect(self._refresh)
        player.sides_changed.connect(self._rearranged)
        player.sharpened.connect(self._refresh)
        theme.changed.connect(self._refresh)

    # --- What can be asked of it ------------------------------------------------------------------------------------

    def set_mode(self, mode: Mode) -> None:
        """Show the pictures another way."""
        self.mode = mode
        self.mode_changed.emit(mode.value)
        self._rearranged()

    def toggle_mode(self, mode: Mode) -> None:
        """Show the pictures this way, or side by side again."""
        self.set_mode(Mode.SIDE if self.mode is mode else mode)

    def swap(self) -> None:
        """Exchange the sides."""
        self.swapped = not self.swapped
        self.update()

    def toggle_side(self, place: int) -> None:
        """Hide the side at `place` (1 or 2), or show both again; never are both hidden."""
        self.hidden = set() if self.hidden == {place} else {place}
        self._rearranged()

    def set_zoom(self, zoom: float | None) -> None:
        """Screen pixels per picture pixel; None shows the whole picture."""
        self._look(Viewport() if zoom is None else Viewport(zoom, self.viewport.centre_x, self.viewport.centre_y))

    def next_gain(self) -> None:
        """Amplify the difference more, or start again."""
        self.gain = GAINS[(GAINS.index(self.gain) + 1) % len(GAINS)]
        self.update()

    def set_drop_hint(self, on: bool) -> None:
        """Show that what is dragged can be dropped."""
        self._drop_hint = on
        self.update()

    def choose_region(self, region: QRectF | None) -> None:
        """Look at a part of the picture only when measuring; None takes all of it."""
        self.region = region
        self.region_chosen.emit(region)
        self.update()

    @property
    def region_pixels(self) -> tuple[int, int, int, int] | None:
        """(left, top, width, height) of the region, in whole pixels of the compared size."""
        if self.region is None:
            return None
        box = self.region.toAlignedRect()
        return box.left(), box.top(), box.width(), box.height()

    @property
    def zoom(self) -> float | None:
        """Screen pixels per picture pixel as shown; None while nothing is."""
        size = self._size()
        return None if size is None else self.viewport.scale(size, self._panes(self._pane_count())[0])

    def _look(self, viewport: Viewport) -> None:
        self.viewport = viewport
        self.viewport_changed.emit()
        self.update()

    @Slot()
    def _rearranged(self) -> None:
        """Panes are others, and so is what fits into them."""
        self.resized.emit()
        self.update()

    @Slot()
    def _refresh(self) -> None:
        self.update()

    @Slot()
    def _turn_on(self) -> None:
        self._turn = (self._turn + _TURN) % 360
        self._spin.stop()
        self.update()

    # --- Painting ---------------------------------------------------------------------------------------------------

    def paintEvent(self, _: QPaintEvent) -> None:  # noqa: N802
        """See Qt."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(self._theme.colours.canvas))
        if not self._player.has_original and not self._player.has_result:
            paint_invitation(painter, QRectF(self.rect()), self.font())
        else:
            self._paint_pictures(painter)
        if self._drop_hint or self._ring:
            painter.setPen(QPen(QColor(self._theme.colours.accent), 4 if self._drop_hint else 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 6, 6)

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Show that it has the keys where it got them by one; after a click that is plain."""
        self._ring = event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Others have them now."""
        self._ring = False
        super().focusOutEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Another size fits."""
        super().resizeEvent(event)
        self.resized.emit()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        """Nothing turns where nobody looks."""
        self._spin.stop()
        super().hideEvent(event)

    def sides(self) -> list[Side]:
        """What is shown, from left to right."""
        player = self._player
        there = [(place, name) for place, name in enumerate(player.sides, 1) if player.exists(name)]
        sides = []
        for place, name in there:
            # A choice between two; where there is only one it is what one sees.
            if place in self.hidden and len(there) > 1:
                continue
            stored = player.stored(name)
            # While it plays, the painter's own scaling is quick enough; at rest it is what decoding writes.
            exact = not player.clock.playing or self.mode is Mode.DIFFERENCE
            scaled = player.picture(name) if exact else None
            pixels = stored if scaled is None else scaled
            title = player.beside.name if name == OTHER else ""
            label = pane_label(name, stored, player.size, player.source_size, title)
            if player.shifted and name == (OTHER if player.beside.name else ORIGINAL):
                label += self.tr(", {:+d} frames").format(player.shifted)
            if name == RESULT and stored is not None and player.provisional:
                label = self.tr("Base layer, not restored yet")
            sides.append(Side(place, name, label, pixels))
        return sides[::-1] if self.swapped else sides

    def _paint_pictures(self, painter: QPainter) -> None:
        sides = self.sides()
        if len(sides) == 2 and self.mode is Mode.WIPE:
            self._paint_wipe(painter, sides)
        elif len(sides) == 2 and self.mode is Mode.DIFFERENCE:
            self._paint_difference(painter, *sides)
        else:
            for side, pane in zip(sides, self._panes(len(sides)), strict=True):
                self._paint_pane(painter, pane, side)
                paint_chip(painter, pane, side.label)
                self._paint_pixel(painter, pane, side)
        if self.metrics_text:
            paint_chip(painter, QRectF(self.rect()), self.metrics_text, bottom=True)

    def _pane_count(self) -> int:
        both = self.mode is Mode.SIDE and not self.hidden
        return 2 if both and all(self._player.exists(name) for name in self._player.sides) else 1

    def _panes(self, count: int) -> list[QRectF]:
        whole = QRectF(self.rect())
        if count < 2:
            return [whole][:count]
        half = (whole.width() - _GAP) / 2
        return [QRectF(0, 0, half, whole.height()), QRectF(half + _GAP, 0, half, whole.height())]

    def _size(self) -> QSizeF | None:
        """The size at which all sides are compared."""
        return None if self._player.size is None else QSizeF(*self._player.size)

    def _paint_pane(self, painter: QPainter, pane: QRectF, side: Side) -> None:
        if side.pixels is None:
            self._paint_wait(painter, pane, side.name)
        else:
            self._paint_picture(painter, pane, side.pixels)

    def _paint_wait(self, painter: QPainter, pane: QRectF, name: str) -> None:
        wait = self.why_empty(name)
        paint_wait(painter, pane, wait.text, self._turn if wait.working else None)
        if wait.working:
            self._spin.start()

    def _paint_picture(self, painter: QPainter, pane: QRectF, pixels: Picture) -> None:
        image = to_image(pixels)
        size = self._size() or QSizeF(image.size())
        painter.save()
        painter.setClipRect(pane)
        # Pixels are shown as pixels once they are large enough to be looked at one by one.
        scale = self.viewport.scale(size, pane)
        painter.setRenderHint(
            QPainter.RenderHint.SmoothPixmapTransform, scale < 4 and (scale != 1 or QSizeF(image.size()) != size)
        )
        placed = self.viewport.place(size, pane)
        painter.drawImage(fitted(placed, pixels), image)
        if self.region is not None:
            paint_region(painter, self.region, placed, scale, self._theme.colours.accent)
        painter.restore()

    def _paint_wipe(self, painter: QPainter, sides: list[Side]) -> None:
        whole = QRectF(self.rect())
        at = whole.width() * self.wipe
        clips = QRectF(0, 0, at, whole.height()), QRectF(at, 0, whole.width() - at, whole.height())
        for side, clip, right in zip(sides, clips, (False, True), strict=True):
            painter.save()
            if side.pixels is None:
                self._paint_wait(painter, clip, side.name)
            else:
                self._paint_clipped(painter, clip, side.pixels)
            painter.restore()
            paint_chip(painter, clip, side.label, right=right)
            self._paint_pixel(painter, clip, side)
        painter.setPen(QPen(QColor("#ffffff"), 2))
        painter.drawLine(QPointF(at, 0), QPointF(at, whole.height()))
        painter.setBrush(QColor(self._theme.colours.accent))
        painter.drawEllipse(QPointF(at, whole.height() / 2), 7, 7)

    def _paint_clipped(self, painter: QPainter, clip: QRectF, pixels: Picture) -> None:
        """As much of a picture that fills the whole canvas as lies in `clip`."""
        whole, image = QRectF(self.rect()), to_image(pixels)
        painter.setClipRect(clip)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        placed = self.viewport.place(self._size() or QSizeF(image.size()), whole)
        painter.drawImage(fitted(placed, pixels), image)

    def _paint_difference(self, painter: QPainter, first: Side, second: Side) -> None:
        whole = QRectF(self.rect())
        missing = next((side for side in (first, second) if side.pixels is None), None)
        if missing is not None:
            self._paint_wait(painter, whole, missing.name)
        elif first.pixels is not None and second.pixels is not None and first.pixels.shape == second.pixels.shape:
            apart = difference(first.pixels, second.pixels, self.gain)
            self._paint_picture(painter, whole, apart)
            self._paint_pixel(painter, whole, replace(first, pixels=apart))
        else:
            paint_wait(painter, whole, self.tr("Pictures of two shapes have no difference to show"), None)
        paint_chip(painter, whole, self.tr("Difference \u00d7 {}").format(self.gain))

    def _paint_pixel(self, painter: QPainter, pane: QRectF, side: Side) -> None:
        """The value of the pixel under the cursor, in every pane."""
        at = self._pixel_under(self._hover) if self._hover is not None else None
        size = self._size()
        if at is None or size is None or side.pixels is None:
            return
        height, width, _ = side.pixels.shape
        red, green, blue = side.pixels[int(at.y() * height / size.height()), int(at.x() * width / size.width())]
        text = f"{int(at.x())}, {int(at.y())}:  {red} {green} {blue}"
        # Above the figures, which may be as wide as the canvas.
        above = CHIP_HEIGHT if self.metrics_text else 0
        paint_chip(painter, pane.adjusted(0, 0, 0, -above), text, right=True, bottom=True)

    # --- Mouse ------------------------------------------------------------------------------------------------------

    def _pane_at(self, point: QPointF) -> QRectF:
        panes = self._panes(self._pane_count())
        return next((pane for pane in panes if pane.contains(point)), panes[0])

    def _pixel_under(self, point: QPointF) -> QPointF | None:
        """Where in the picture a point of the canvas lies, None beside it."""
        size = self._size()
        return None if size is None else self.viewport.pixel_at(point, size, self._pane_at(point))

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Zoom on the pixel under the cursor."""
        size = self._size()
        if size is not None:
            factor = WHEEL_STEP ** (event.angleDelta().y() / 120)
            self._look(self.viewport.zoomed(factor, event.position(), size, self._pane_at(event.position())))

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Take hold of the wipe's line, of the picture, or with Shift begin to frame a region."""
        at = self.wipe * self.width()
        self._framing = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        self._wiping = not self._framing and self.mode is Mode.WIPE and abs(event.position().x() - at) <= _GRAB
        self._drag = event.position()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Move what is held."""
        self._hover = event.position()
        size = self._size()
        if self._drag is None or size is None:
            self.update()
            return
        if self._framing:
            self._frame(self._drag, event.position())
            return
        if self._wiping:
            self.wipe = min(max(event.position().x() / self.width(), 0.0), 1.0)
        else:
            pane = self._pane_at(event.position())
            self._look(self.viewport.moved(event.position() - self._drag, size, pane))
        self._drag = event.position()
        self.update()

    def _frame(self, begin: QPointF, end: QPointF) -> None:
        first, last = self._pixel_under(begin), self._pixel_under(end)
        if first is not None and last is not None:
            region = QRectF(first, last).normalized()
            self.choose_region(region if region.width() >= 1 and region.height() >= 1 else None)

    def mouseReleaseEvent(self, _: QMouseEvent) -> None:  # noqa: N802
        """Let go."""
        self._drag, self._wiping, self._framing = None, False, False

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Forget the region."""
        self.choose_region(None)
        event.accept()

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        """No pixel is under the cursor any more."""
        self._hover = None
        self.update()
        super().leaveEvent(event)
