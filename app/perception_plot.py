"""Rate and perception: what the controller measured of the last GOP, and the target it aims at."""

from __future__ import annotations

from collections.abc import Sequence

import pyqtgraph as pg
from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.theme import Theme
from codec.events import GopDone


class PerceptionPlot(QWidget):
    """A GOP's measured prefixes, and the points at which all GOPs came to rest."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._plot = pg.PlotWidget(enableMenu=False)
        self._item = self._plot.getPlotItem()
        self._item.setMouseEnabled(x=False, y=False)
        self._item.hideButtons()
        self._curve = self._item.plot([], [], symbol="o", symbolSize=7)
        self._rest = self._item.plot([], [], pen=None, symbol="d", symbolSize=9)
        self._target = pg.InfiniteLine(angle=0)
        self._item.addItem(self._target, ignoreBounds=True)
        self._empty = pg.TextItem(anchor=(0.5, 0.5))
        self._item.addItem(self._empty, ignoreBounds=True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._plot)
        self.setAccessibleName(self.tr("Measured quality against kilobits, with the target; lower is better"))
        theme.changed.connect(self._restyle)
        self._restyle()
        self.show_gops((), None)

    def show_gops(self, gops: Sequence[GopDone], target: float | None) -> None:
        """Show the last GOP's probes and every GOP's choice; no line without a target."""
        measured = [gop for gop in gops if gop.quality is not None]
        probes = sorted(measured[-1].probes, key=lambda probe: probe.bits) if measured else []
        self._curve.setData([probe.bits / 1000 for probe in probes], [probe.quality for probe in probes])
        self._rest.setData([gop.bits / 1000 for gop in measured], [gop.quality for gop in measured])
        qualities = [gop.quality for gop in measured if gop.quality is not None]
        if target is not None:
            self._target.setValue(target)
            qualities.append(target)
        qualities += [probe.quality for probe in probes]
        low, high = (min(qualities), max(qualities)) if qualities else (0.0, 0.4)
        margin = max(0.01, 0.15 * (high - low))
        self._item.setYRange(max(0.0, low - margin), high + margin, padding=0)
        for axis in ("left", "bottom"):
            self._item.getAxis(axis).setStyle(showValues=bool(measured))
        if not measured:
            self._item.setXRange(0, 1, padding=0)
        else:
            self._item.enableAutoRange(axis="x")
        self._target.setVisible(target is not None and bool(measured))
        self._empty.setVisible(not measured)
        self._empty.setPos(0.5, (max(0.0, low - margin) + high + margin) / 2)

    @Slot()
    def _restyle(self) -> None:
        colours = self._theme.colours
        self._empty.setText(self.tr("Appears once quality was measured"), color=colours.faint)
        self._plot.setBackground(colours.panel)
        for name, text in (
            ("left", self.tr("DISTS \u2193 better")),
            ("bottom", self.tr("kbit of a GOP \u2190 smaller")),
        ):
            axis = self._item.getAxis(name)
            axis.setPen(colours.line)
            axis.setTextPen(colours.muted)
            # No SI prefixes, which enableAutoSIPrefix(False) doesn't keep out: 0.1 must not read 100.
            axis.setLabel(text, color=colours.muted, siPrefixEnableRanges=())
        self._curve.setPen(pg.mkPen(colours.muted, width=1.5))
        self._curve.setSymbolBrush(colours.muted)
        self._curve.setSymbolPen(None)
        self._rest.setSymbolBrush(colours.accent)
        self._rest.setSymbolPen(None)
        self._target.setPen(pg.mkPen(colours.warn, width=1.5, style=Qt.PenStyle.DashLine))
