"""t* per GOP over time, with bits on a second axis; a control as much as a picture."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt, Signal, Slot
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.ui.plots.style import png_bytes, save_png, style_axis
from app.ui.theme import Theme
from codec.events import GopDone

SPIKE = 1.3  # times the median's bits per frame


def own_frames(gops: Sequence[GopDone]) -> list[int]:
    """Frames of each GOP that the one before didn't bring."""
    starts = [gop.frames_done - gop.frames for gop in gops[:1]] + [gop.frames_done for gop in gops[:-1]]
    return [max(1, gop.frames_done - start) for gop, start in zip(gops, starts, strict=True)]


def next_spike(gops: Sequence[GopDone], frame: int) -> int | None:
    """First frame of the next GOP after `frame`, around the end, that costs clearly more than most or has a higher t*.

    None where no GOP stands out.
    """
    rates = [gop.bits / frames for gop, frames in zip(gops, own_frames(gops), strict=True)]
    if not rates:
        return None
    usual, usual_t = sorted(rates)[len(rates) // 2], sorted(gop.t_star for gop in gops)[len(gops) // 2]
    spikes = [
        gop.start_frame
        for gop, rate in zip(gops, rates, strict=True)
        if rate > SPIKE * usual or gop.t_star > SPIKE * max(usual_t, 1)
    ]
    return next((start for start in spikes if start > frame), spikes[0] if spikes else None)


def write_csv(path: Path, gops: Sequence[GopDone], rate: float) -> None:
    """One line per GOP."""
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["gop", "start_seconds", "frames", "t_star", "bits", "base_bits", "quality"])
        for gop in gops:
            start = f"{gop.start_frame / rate:.4f}"
            out.writerow([gop.index, start, gop.frames, gop.t_star, gop.bits, gop.base_bits, gop.quality])


class TrajectoryPlot(QWidget):
    """Bars of bits behind a line of t*.

    Attributes:
        seeked: the frame that was clicked on.
    """

    seeked = Signal(int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._gops: tuple[GopDone, ...] = ()
        self._rate = 25.0
        self._plot = pg.PlotWidget(enableMenu=False)
        self.item = self._plot.getPlotItem()
        self.item.setMouseEnabled(x=False, y=False)
        self.item.hideButtons()
        self._bits_view = pg.ViewBox(enableMenu=False, enableMouse=False)
        self.item.scene().addItem(self._bits_view)
        self.item.showAxis("right")
        self.item.getAxis("right").linkToView(self._bits_view)
        self._bits_view.setXLink(self.item)
        # Bits lie behind the line of t*.
        self._bits_view.setZValue(-10)
        self.item.vb.setZValue(0)
        self._bars = pg.BarGraphItem(x=[], height=[], width=1)
        self._bits_view.addItem(self._bars)
        self._line = self.item.plot(stepMode="center", x=[0, 1], y=[0])
        self._cursor = pg.InfiniteLine(angle=90)
        self.item.addItem(self._cursor, ignoreBounds=True)
        self._empty = pg.TextItem(anchor=(0.5, 0.5))
        self.item.addItem(self._empty, ignoreBounds=True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._plot)
        self.setAccessibleName(self.tr("t* and bits of each group of pictures over time; click to go there"))
        self.item.vb.sigResized.connect(self._follow_size)
        self.item.scene().sigMouseClicked.connect(self._click)
        theme.changed.connect(self._restyle)
        self._restyle()
        self.show_gops((), 25.0)

    @property
    def gops(self) -> tuple[GopDone, ...]:
        """What is shown."""
        return self._gops

    def show_gops(self, gops: Sequence[GopDone], rate: float) -> None:
        """Show these, of a video of `rate` frames a second."""
        self._gops, self._rate = tuple(gops), rate
        edges = [gop.frames_done / rate for gop in gops]
        first = (gops[0].frames_done - own_frames(gops)[0]) / rate if gops else 0.0
        starts = [first, *edges[:-1]]
        widths = [end - start for start, end in zip(starts, edges, strict=False)]
        self._line.setData(x=[first, *edges] if gops else [0, 1], y=[gop.t_star for gop in gops] or [0])
        self._line.setVisible(bool(gops))
        centres = [start + width / 2 for start, width in zip(starts, widths, strict=False)]
        kilobits = [gop.bits / 1000 for gop in gops]
        self._bars.setOpts(x=centres, height=kilobits, width=[0.9 * width for width in widths])
        self.item.setXRange(first, edges[-1] if edges else 1.0, padding=0.01)
        self.item.setYRange(0, max([4, *(gop.t_star for gop in gops)]) * 1.1, padding=0)
        self._bits_view.setYRange(0, max([1.0, *kilobits]) * 1.15, padding=0)
        for axis in ("left", "right", "bottom"):
            self.item.getAxis(axis).setStyle(showValues=bool(gops))
        self._cursor.setVisible(bool(gops))
        self._empty.setVisible(not gops)
        self._empty.setPos(0.5, 2.2)

    def next_spike(self, frame: int) -> int | None:
        """See the function of this name."""
        return next_spike(self._gops, frame)

    @Slot(int)
    def show_frame(self, frame: int) -> None:
        """Move the cursor."""
        self._cursor.setPos(frame / self._rate)

    def export_png(self, path: Path) -> None:
        """Write the plot as a picture; raises OSError where that fails."""
        save_png(self.item, path)

    def png(self) -> bytes:
        """The plot as a PNG file's bytes."""
        return png_bytes(self.item)

    def export_csv(self, path: Path) -> None:
        """Write the figures behind it."""
        write_csv(path, self._gops, self._rate)

    def seek_at(self, scene_point: QPointF) -> None:
        """Go to the time under a point of the plot."""
        if self._gops and self.item.sceneBoundingRect().contains(scene_point):
            seconds = self.item.vb.mapSceneToView(scene_point).x()
            self.seeked.emit(max(0, round(seconds * self._rate)))

    @Slot(object)
    def _click(self, event: object) -> None:
        self.seek_at(event.scenePos())  # type: ignore[attr-defined]

    @Slot()
    def _follow_size(self) -> None:
        self._bits_view.setGeometry(QRectF(self.item.vb.sceneBoundingRect()))

    @Slot()
    def _restyle(self) -> None:
        colours = self._theme.colours
        self._empty.setText(self.tr("Appears with the first coded group of pictures"), color=colours.faint)
        self._plot.setBackground(colours.panel)
        for name, text in (
            ("left", self.tr("t* (steps)")),
            ("right", self.tr("kbit per GOP")),
            ("bottom", self.tr("seconds")),
        ):
            style_axis(self.item, name, text, colours)
        self._line.setPen(pg.mkPen(colours.accent, width=2.5))
        self._bars.setOpts(brush=colours.line, pen=None)
        self._cursor.setPen(pg.mkPen(colours.text, width=1, style=Qt.PenStyle.DashLine))
