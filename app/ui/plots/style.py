"""What both plots do alike."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from io import StringIO
from pathlib import Path

import pyqtgraph as pg
from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QRectF, Qt
from PySide6.QtGui import QImage, QImageWriter

from app.ui.theme import Colours
from codec.files import write_whole

EXPORT_WIDTH = 1600
SHARPNESS = 2
"""Pixels of a plot's picture for one on screen, where it is to stand among words: so its lettering keeps its size."""


def still_plot() -> pg.PlotWidget:
    """A plot that can't be moved or zoomed, and that keys pass by, since it does nothing at any."""
    plot = pg.PlotWidget(enableMenu=False)
    plot.getPlotItem().setMouseEnabled(x=False, y=False)
    plot.getPlotItem().hideButtons()
    for widget in (plot, plot.viewport()):
        widget.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return plot


def style_axis(item: pg.PlotItem, name: str, text: str, colours: Colours) -> None:
    """Colour and label an axis."""
    axis = item.getAxis(name)
    axis.setPen(colours.line)
    axis.setTextPen(colours.muted)
    # No SI prefixes, which enableAutoSIPrefix(False) doesn't keep out: 0.1 must not read 100.
    axis.setLabel(text, color=colours.muted, siPrefixEnableRanges=())


def behind(item: pg.PlotItem, depth: int) -> pg.ViewBox:
    """A view with a scale of its own over the same place; `place_over` keeps it there."""
    view = pg.ViewBox(enableMenu=False, enableMouse=False)
    item.scene().addItem(view)
    view.setZValue(depth)
    item.vb.setZValue(0)
    return view


def place_over(item: pg.PlotItem, *views: pg.ViewBox) -> None:
    """Give views the place of the plot's own."""
    for view in views:
        view.setGeometry(QRectF(item.vb.sceneBoundingRect()))


def legend(keys: Sequence[tuple[str, str]]) -> str:
    """(colour, words) of each line and point, as rich text."""
    return "&nbsp;&nbsp; ".join(f'<span style="color:{colour}">\u25a0</span> {words}' for colour, words in keys)


def save_png(item: pg.PlotItem, path: Path) -> None:
    """Write a plot as a picture.

    Raises:
        OutputError: it can't be written.
    """
    write_whole(path, _png(_drawn(item, EXPORT_WIDTH)))


def save_csv(rows: Iterable[Sequence[object]], path: Path) -> None:
    """Write a table.

    Raises:
        OutputError: it can't be written.
    """
    text = StringIO(newline="")
    csv.writer(text).writerows(rows)
    write_whole(path, text.getvalue().encode())


def png_bytes(item: pg.PlotItem) -> bytes:
    """A plot as the bytes of a PNG file, SHARPNESS times as large as on screen."""
    return _png(_drawn(item, round(SHARPNESS * item.boundingRect().width())))


def _png(image: QImage) -> bytes:
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    QImageWriter(buffer, QByteArray(b"PNG")).write(image)
    return bytes(buffer.data().data())


def _drawn(item: pg.PlotItem, width: int) -> QImage:
    # Not needed before somebody exports, and slow to import.
    from pyqtgraph.exporters import ImageExporter

    exporter = ImageExporter(item)
    exporter.parameters()["width"] = width
    image = exporter.export(toBytes=True)
    assert isinstance(image, QImage)
    return image
