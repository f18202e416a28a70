"""The models dialog: every prior and every metric's network, with what it needs and what can be done with it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QDialog, QFileDialog, QHBoxLayout, QPushButton, QScrollArea, QVBoxLayout, QWidget

from app.core.models import Models
from app.ui.dialogs.model_card import ModelCard
from app.ui.widgets import label, resize_within_screen
from app.ui.words import human_bytes, short_path


class ModelsDialog(QDialog):
    """A card for each model; looks again what is here whenever it is shown.

    Attributes:
        shown: it has become visible.
    """

    shown = Signal()

    def __init__(self, models: Models, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.models = models
        self.setWindowTitle(self.tr("Models"))
        resize_within_screen(self, QSize(760, 720))
        self.cards: dict[str, ModelCard] = {}
        intro = label(
            self.tr(
                "The pocket prior runs everywhere. The larger priors need a GPU and a download. Metrics work as they "
                "come; their networks in full precision change figures by 0.0003."
            ),
            "muted",
        )
        intro.setWordWrap(True)
        self._list = QVBoxLayout()
        self._list.setContentsMargins(0, 0, 4, 0)
        self._list.setSpacing(8)
        self._looking = label(self.tr("Looking what is here"), "muted")
        self._list.addWidget(self._looking)
        self._list.addStretch(1)
        self.place = label("", "muted")
        self._lay_out(intro)
        models.listed.connect(self._show_list)
        models.changed.connect(self._show_one)

    def _lay_out(self, intro: QWidget) -> None:
        inner = QWidget()
        inner.setLayout(self._list)
        area = QScrollArea()
        area.setWidget(inner)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        close = QPushButton(self.tr("Close"))
        close.clicked.connect(self.hide)
        row = QHBoxLayout()
        row.addWidget(self.place, 1)
        row.addWidget(close)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.setSpacing(10)
        column.addWidget(intro)
        column.addWidget(area, 1)
        column.addLayout(row)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """See Qt."""
        super().showEvent(event)
        self.models.refresh()
        self.shown.emit()

    @Slot()
    def _show_list(self) -> None:
        self._looking.hide()
        for entry in self.models.entries:
            if entry.row.name not in self.cards:
                card = ModelCard(entry)
                card.wanted.connect(self._do)
                self._list.insertWidget(self._list.count() - 1, card)
                self.cards[entry.row.name] = card
            self.cards[entry.row.name].show_entry(entry)
        free = human_bytes(self.models.free_bytes)
        self.place.setText(self.tr("Kept in {}, {} free").format(short_path(self.models.root), free))

    @Slot(str)
    def _show_one(self, name: str) -> None:
        if name in self.cards:
            self.cards[name].show_entry(self.models.entry(name))

    @Slot(str, str)
    def _do(self, name: str, action: str) -> None:
        if action == "add":
            self._add(name)
        else:
            actions = {"get": self.models.get, "pause": self.models.pause, "verify": self.models.verify}
            actions.get(action, self.models.remove)(name)

    def _add(self, name: str) -> None:
        if self.models.entry(name).row.kind == "prior":
            place = QFileDialog.getExistingDirectory(self, self.tr("The folder of {}").format(name))
        else:
            kinds = self.tr("Weights (*.safetensors *.pth)")
            place, _ = QFileDialog.getOpenFileName(self, self.tr("The file of {}").format(name), "", kinds)
        if place:
            self.models.add(name, Path(place))
