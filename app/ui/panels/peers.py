"""The finished file beside other codecs of its size: start, progress, results, and what the canvas shows."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from app.core.comparing.peers import OURS, Peers, quality_of
from app.core.playing.player import ORIGINAL, OTHER, RESULT, Player
from app.ui.widgets import label
from app.ui.words import DASH, bytes_beside, side_label

_BAR_STEPS = 1000


class PeersPanel(QWidget):
    """Watches a Peers and chooses a player's sides.

    Attributes:
        start_wanted: the button was pressed.
    """

    start_wanted = Signal()

    def __init__(self, peers: Peers, player: Player, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._peers, self._player = peers, player
        self.start = QPushButton(self.tr("Compare with x265, AV1, VVC"))
        self.start.setToolTip(self.tr("Let other codecs code the same frames in as many bytes"))
        self.stop = QPushButton(self.tr("Stop"))
        self._bar = QProgressBar()
        self._bar.setRange(0, _BAR_STEPS)
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName(self.tr("Progress of the comparison"))
        self._doing, self._note = label("", "muted"), label("", "muted")
        self._note.setWordWrap(True)
        self._table = QWidget()
        self._grid = QGridLayout(self._table)
        self._sides = QWidget()
        self.first, self.second = QComboBox(), QComboBox()
        self.first.setAccessibleName(self.tr("What the first pane shows"))
        self.second.setAccessibleName(self.tr("What the second pane shows"))
        self._lay_out()
        self.start.clicked.connect(self.start_wanted)
        self.stop.clicked.connect(peers.cancel)
        for box in (self.first, self.second):
            box.activated.connect(self._choose)
        peers.changed.connect(self._show)
        player.sides_changed.connect(self._fill_sides)
        self._show()
        self._fill_sides()

    def _lay_out(self) -> None:
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setColumnStretch(0, 1)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(3)
        row = QHBoxLayout(self._sides)
        row.setContentsMargins(0, 0, 0, 0)
        for box in (self.first, self.second):
            row.addWidget(box, 1)
        working = QHBoxLayout()
        working.addWidget(self._doing, 1)
        working.addWidget(self.stop)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.start)
        column.addLayout(working)
        for widget in (self._bar, self._table, self._note, self._sides):
            column.addWidget(widget)

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """The table as it reads."""
        peers = self._peers.comparison.rows
        ours = next((row.bytes for row in peers if row.codec == OURS), 0)
        return [(side_label(row.codec), bytes_beside(row.bytes, ours), _figure(quality_of(row))) for row in peers]

    @property
    def note(self) -> str:
        """What can't run here, and what the figures are of."""
        return self._note.text()

    @Slot()
    def _show(self) -> None:
        peers, comparison = self._peers, self._peers.comparison
        here = peers.running and peers.elsewhere is None
        self.start.setVisible(not here)
        self.start.setEnabled(not peers.running)
        for widget in (self._doing, self.stop, self._bar):
            widget.setVisible(here)
        self._bar.setValue(round(_BAR_STEPS * peers.share))
        self._doing.setText(self._words())
        self._fill_table()
        self._note.setText("\n".join(self._notes()))
        self._note.setVisible(bool(self._note.text()))
        self._table.setVisible(bool(comparison.rows))

    def _words(self) -> str:
        trial = self._peers.comparison.trial
        if trial is None or trial.codec == OURS:
            return self.tr("Starting") if trial is None else self.tr("Decoding Free-GVC")
        if trial.number == trial.most:
            return self.tr("{}: measuring").format(side_label(trial.codec))
        return self.tr("{}: trial {} of {}").format(side_label(trial.codec), trial.number, trial.most - 1)

    def _notes(self) -> list[str]:
        comparison = self._peers.comparison
        notes = [*comparison.warnings, *(absent.reason for absent in comparison.absent)]
        if self._peers.elsewhere is not None:
            notes.append(
                self.tr("{} is being compared; this one can be afterwards.").format(self._peers.elsewhere.name)
            )
        if comparison.rows and comparison.compared < comparison.length:
            notes.append(self.tr("Of the first {} frames.").format(comparison.compared))
        gone = [row.codec for row in comparison.rows if row.codec not in (OURS, *self._peers.frames)]
        if gone:
            names = ", ".join(side_label(name) for name in gone)
            notes.append(self.tr("There was no room in memory to keep the pictures of {}.").format(names))
        return notes

    def _fill_table(self) -> None:
        while (item := self._grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        titles = (self.tr("Codec"), self.tr("Size"), "DISTS")
        for row, cells in enumerate([titles, *self.rows]):
            for column, text in enumerate(cells):
                self._grid.addWidget(label(text, "muted" if row == 0 else ""), row, column)

    @Slot()
    def _fill_sides(self) -> None:
        others = self._player.others
        self._sides.setVisible(bool(others))
        for box, shown in zip((self.first, self.second), self._player.sides, strict=True):
            box.clear()
            for name in (ORIGINAL, RESULT, *others):
                box.addItem(side_label(name), name)
            if self._player.beside.name:
                box.addItem(self._player.beside.name, OTHER)
            box.setCurrentIndex(max(0, box.findData(shown)))

    @Slot()
    def _choose(self) -> None:
        self._player.choose(self.first.currentData(), self.second.currentData())


def _figure(value: float | None) -> str:
    return DASH if value is None else f"{value:.3f}"
