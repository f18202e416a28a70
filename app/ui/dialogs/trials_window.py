"""The original and what some targets make of it, side by side: the user chooses by eye."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QDialog, QGridLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from app.core.comparing.trials import Trial, Trials
from app.ui.canvas.painting import paint_wait, to_image
from app.ui.panels.goal import words_for
from app.ui.theme import Theme
from app.ui.widgets import label, resize_within_screen
from app.ui.words import human_bytes, percent
from codec.arrays import Picture

_LEAST = QSize(200, 150)
_USUAL = QSize(960, 640)


class TrialsWindow(QDialog):
    """Two rows of two pictures; closing it ends what runs.

    Attributes:
        chosen: a target.
    """

    chosen = Signal(float)

    def __init__(self, trials: Trials, seconds: float, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._trials, self._seconds = trials, seconds
        self.setWindowTitle(self.tr("The same moment at three targets"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        resize_within_screen(self, _USUAL)
        self.original = _Pane(theme)
        self.panes = [_Pane(theme) for _ in trials.trials]
        self.buttons = [QPushButton(self.tr("Take {:.3f}").format(trial.target)) for trial in trials.trials]
        self._told = [label("", "muted") for _ in trials.trials]
        self._note = label("", "muted")
        self._note.setWordWrap(True)
        self._note.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.addLayout(self._lay_out(), 1)
        column.addWidget(self._note)
        # Nothing goes on behind it.
        self.finished.connect(trials.close)
        trials.changed.connect(self._show)
        trials.failed.connect(self._fail)
        self._show()

    def _lay_out(self) -> QGridLayout:
        """One grid for all, so that every picture has the same size whatever stands below it."""
        cells: list[tuple[QWidget, ...]] = [(self.original, label(self.tr("Original, at coding size")))]
        for trial, pane, told, button in zip(self._trials.trials, self.panes, self._told, self.buttons, strict=True):
            cells.append((pane, label(f"{trial.target:.3f}: {words_for(trial.target)}"), told, button))
            button.clicked.connect(partial(self._choose, trial.target))
        grid = QGridLayout()
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(4)
        high = max(len(cell) for cell in cells) + 1
        for number, cell in enumerate(cells):
            top, column = high * (number // 2), number % 2
            for below, widget in enumerate(cell):
                if isinstance(widget, QLabel):
                    widget.setWordWrap(True)
                grid.addWidget(widget, top + below, column)
            grid.setRowStretch(top, 1)
        return grid

    def _choose(self, target: float) -> None:
        self.chosen.emit(target)
        self.accept()

    @Slot()
    def _show(self) -> None:
        self.original.show_picture(self._trials.original)
        for trial, pane, told in zip(self._trials.trials, self.panes, self._told, strict=False):
            pane.show_picture(trial.picture)
            told.setText(self._about(trial))

    def _about(self, trial: Trial) -> str:
        if trial.kbps is None:
            if not self._trials.running:
                return self.tr("Not encoded")
            return (
                self.tr("Waiting") if trial.share is None else self.tr("Being encoded, {}").format(percent(trial.share))
            )
        whole = self.tr("{:.1f} kbit/s, about {} for all of it").format(
            trial.kbps, human_bytes(trial.kbps * 125 * self._seconds)
        )
        return whole if trial.quality is None else self.tr("{}; reached {:.3f}").format(whole, trial.quality)

    @Slot(str)
    def _fail(self, message: str) -> None:
        self._note.setText(message)
        self._note.show()


class _Pane(QWidget):
    """A picture as large as there is room, or that it is waited for."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.picture: Picture | None = None
        self.setMinimumSize(_LEAST)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def show_picture(self, picture: Picture | None) -> None:
        """Take another one."""
        if picture is not self.picture:
            self.picture = picture
            self.update()

    def paintEvent(self, _: QPaintEvent) -> None:  # noqa: N802
        """See Qt."""
        painter = QPainter(self)
        whole = QRectF(self.rect())
        painter.fillRect(whole, QColor(self._theme.colours.canvas))
        if self.picture is None:
            paint_wait(painter, whole, self.tr("On the way"), None)
            return
        image = to_image(self.picture)
        scale = min(whole.width() / image.width(), whole.height() / image.height())
        placed = QRectF(0, 0, image.width() * scale, image.height() * scale)
        placed.moveCenter(whole.center())
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(placed, image)
