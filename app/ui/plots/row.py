"""The row of plots under the picture. They are built after the first paint: pyqtgraph is a third of all imports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from app.ui.theme import Theme
from app.ui.widgets import card

if TYPE_CHECKING:
    from app.ui.plots.perception import PerceptionPlot
    from app.ui.plots.trajectory import TrajectoryPlot

HEIGHT = 130


class Plots(QSplitter):
    """Two cards; whoever asks for a plot gets it built.

    Attributes:
        seeked: the frame that was clicked on.
        built: both plots are there.
    """

    seeked = Signal(int)
    built = Signal()

    def __init__(self, theme: Theme, width: int, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._theme = theme
        self._pair: tuple[TrajectoryPlot, PerceptionPlot] | None = None
        self._places = (_Place(), _Place())
        self.setHandleWidth(8)
        self.setChildrenCollapsible(False)
        self.setMinimumHeight(HEIGHT)
        titles = (self.tr("t\u2605, BASE LEVEL AND BITS OVER TIME"), self.tr("RATE AND PERCEPTION"))
        for title, place, stretch in zip(titles, self._places, (2, 1), strict=True):
            self.addWidget(card(title, place))
            self.setStretchFactor(self.count() - 1, stretch)
        self.setSizes([width * 2 // 3, width // 3])
        self._places[0].painted.connect(self._build_soon)

    @property
    def trajectory(self) -> TrajectoryPlot:
        """t* and bits over time."""
        return self._plots()[0]

    @property
    def perception(self) -> PerceptionPlot:
        """Rate and perception."""
        return self._plots()[1]

    @Slot(int)
    def show_frame(self, frame: int) -> None:
        """Follow the playhead."""
        if self._pair is not None:
            self.trajectory.show_frame(frame)
            self.perception.show_frame(frame)

    @Slot()
    def _build_soon(self) -> None:
        QTimer.singleShot(0, self, self._build)

    @Slot()
    def _build(self) -> None:
        self._plots()

    def _plots(self) -> tuple[TrajectoryPlot, PerceptionPlot]:
        if self._pair is None:
            from app.ui.plots.perception import PerceptionPlot
            from app.ui.plots.trajectory import TrajectoryPlot

            self._pair = TrajectoryPlot(self._theme), PerceptionPlot(self._theme)
            for place, plot in zip(self._places, self._pair, strict=True):
                place.column.addWidget(plot)
            self._pair[0].seeked.connect(self.seeked)
            self.built.emit()
        return self._pair


class _Place(QWidget):
    """Where a plot will be.

    Attributes:
        painted: told once.
        column: to put it into.
    """

    painted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._is_painted = False
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """See Qt."""
        super().paintEvent(event)
        if not self._is_painted:
            self._is_painted = True
            self.painted.emit()
