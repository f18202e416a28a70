"""One model in the models dialog: what it is, how it stands, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QCoreApplication, Qt, Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from app.core.models import ModelEntry, Standing
from app.ui.widgets import label
from app.ui.words import human_bytes, human_time, short_path

_BAR_STEPS = 1000


class ModelCard(QFrame):
    """Shows an ModelEntry.

    Attributes:
        wanted: (name of the model, "get", "pause", "verify", "add" or "remove"); a licence was accepted and a
            deletion confirmed by then.
    """

    wanted = Signal(str, str)

    def __init__(self, entry: ModelEntry, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self._entry = entry
        self._asks: str = ""
        self._title, self._state = label(entry.row.title, "heading"), label("", "state")
        self.facts_label, self.message_label = label("", "muted"), label("")
        self.bar = QProgressBar()
        self.bar.setRange(0, _BAR_STEPS)
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName(self.tr("Progress of {}").format(entry.row.name))
        self.progress, self.question = label("", "muted"), label("")
        self._buttons: dict[str, QPushButton] = {}
        self._yes, self._no = QPushButton(), QPushButton(self.tr("Cancel"))
        self._yes.setObjectName("primary")
        self._lay_out()
        self.show_entry(entry)

    def _lay_out(self) -> None:
        for text in (self.facts_label, self.message_label, self.question):
            text.setWordWrap(True)
            text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        head = QHBoxLayout()
        head.addWidget(self._title, 1)
        head.addWidget(self._state)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 12, 14, 12)
        column.setSpacing(6)
        column.addLayout(head)
        for widget in (self.facts_label, self.bar, self.progress, self.message_label, self.question):
            column.addWidget(widget)
        column.addLayout(self._button_row())

    def _button_row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        for name, text, act in self._actions():
            button = QPushButton(text)
            button.setAccessibleName(f"{text} {self._entry.row.name}")
            button.clicked.connect(act)
            self._buttons[name] = button
            row.addWidget(button)
        self._yes.clicked.connect(self._agree)
        self._no.clicked.connect(self._decline)
        row.addWidget(self._yes)
        row.addWidget(self._no)
        row.addStretch(1)
        return row

    def _actions(self) -> tuple[tuple[str, str, Callable[[], None]], ...]:
        own = self.tr("Use a folder I have") if self._entry.row.kind == "prior" else self.tr("Use a file I have")
        return (
            ("get", self.tr("Get"), self._get),
            ("pause", self.tr("Pause"), self._pause),
            ("verify", self.tr("Verify"), self._verify),
            ("add", own, self._add),
            ("remove", self.tr("Remove"), self._remove),
        )

    @property
    def message(self) -> str:
        """What it says of the last thing that was done."""
        return self.message_label.text()

    def button(self, name: str) -> QPushButton:
        """ "get", "pause", "verify", "add", "remove", or the answers "yes" and "no" to a question."""
        return {"yes": self._yes, "no": self._no, **self._buttons}[name]

    def show_entry(self, entry: ModelEntry) -> None:
        """Take what is known now."""
        self._entry = entry
        self._state.setText(state_words(entry))
        self._state.setProperty("here", entry.here and not entry.damaged)
        self._state.style().polish(self._state)
        self.facts_label.setText(facts(entry))
        self.message_label.setText(entry.message)
        self.message_label.setObjectName("warning" if entry.refused or entry.damaged else "muted")
        self.message_label.style().polish(self.message_label)
        self.message_label.setVisible(bool(entry.message))
        transfer = entry.transfer
        self.bar.setVisible(entry.standing in (Standing.FETCHING, Standing.PAUSING))
        self.progress.setVisible(self.bar.isVisibleTo(self))
        self.bar.setValue(round(_BAR_STEPS * transfer.done / transfer.total) if transfer and transfer.total else 0)
        self.progress.setText(progress_words(entry))
        self._enable()

    def _enable(self) -> None:
        entry, row = self._entry, self._entry.row
        idle, bundled = entry.standing is Standing.IDLE, row.origin == "bundled"
        get = idle and not bundled and (not entry.here or entry.paused or bool(entry.damaged))
        shown = {
            "get": get,
            "pause": entry.standing in (Standing.WAITING, Standing.FETCHING, Standing.CHECKING, Standing.PAUSING),
            "verify": idle and row.origin == "fetched" and not entry.paused,
            "add": idle and not bundled and not entry.here and not entry.paused,
            "remove": idle and (row.origin in ("fetched", "added") or entry.paused),
        }
        for name, button in self._buttons.items():
            button.setVisible(shown[name] and not self._asks)
        self._buttons["get"].setText(self._get_words())
        self._buttons["pause"].setText(self.tr("Stop") if entry.standing is Standing.CHECKING else self.tr("Pause"))
        self._buttons["pause"].setEnabled(entry.standing is not Standing.PAUSING)
        for widget in (self.question, self._yes, self._no):
            widget.setVisible(bool(self._asks))

    def _get_words(self) -> str:
        if self._entry.damaged:
            return self.tr("Get the damaged files again")
        if self._entry.paused:
            return self.tr("Resume")
        return self.tr("Get, {}").format(human_bytes(self._entry.row.download_bytes))

    # --- Questions --------------------------------------------------------------------------------------------------

    def _ask(self, action: str, question: str, yes: str) -> None:
        self._asks = action
        self.question.setText(question)
        self._yes.setText(yes)
        self._enable()
        self._yes.setFocus()

    @Slot()
    def _agree(self) -> None:
        action, self._asks = self._asks, ""
        self._enable()
        self.wanted.emit(self._entry.row.name, action)

    @Slot()
    def _decline(self) -> None:
        self._asks = ""
        self._enable()

    @Slot()
    def _get(self) -> None:
        notice = self._entry.row.licence_notice
        if notice:
            self._ask("get", notice, self.tr("Accept and get"))
        else:
            self.wanted.emit(self._entry.row.name, "get")

    @Slot()
    def _remove(self) -> None:
        row = self._entry.row
        if row.origin == "added":
            self._ask(
                "remove", self.tr("Forget {}? Its files stay where they are.").format(row.place), self.tr("Forget")
            )
        else:
            size = human_bytes(self._entry.row.partial_bytes or row.disk_bytes)
            self._ask("remove", self.tr("Delete {} ({}) from this machine?").format(row.name, size), self.tr("Delete"))

    @Slot()
    def _pause(self) -> None:
        self.wanted.emit(self._entry.row.name, "pause")

    @Slot()
    def _verify(self) -> None:
        self.wanted.emit(self._entry.row.name, "verify")

    @Slot()
    def _add(self) -> None:
        self.wanted.emit(self._entry.row.name, "add")


def state_words(entry: ModelEntry) -> str:
    """How a model stands."""
    standing = {
        Standing.WAITING: _tr("Waits for its turn"),
        Standing.FETCHING: _tr("Downloading"),
        Standing.CHECKING: _tr("Checking, {} files so far").format(entry.checked),
        Standing.CHANGING: _tr("Working"),
        Standing.PAUSING: _tr("Stopping"),
    }
    if entry.standing in standing:
        return standing[entry.standing]
    if entry.paused:
        return _tr("Paused, {} here").format(human_bytes(entry.row.partial_bytes))
    if entry.damaged:
        return _tr("Damaged")
    return {
        "bundled": _tr("Comes with the program"),
        "fetched": _tr("On this machine"),
        "added": _tr("In your folder"),
        "cache": _tr("In Hugging Face's cache"),
    }.get(entry.row.origin, _tr("Not here"))


def facts(entry: ModelEntry) -> str:
    """Sizes, licence and place, one or two lines."""
    row = entry.row
    parts = [row.name, _tr("{} on disk").format(human_bytes(row.disk_bytes))]
    parts.append(_tr("weights take {} of memory").format(human_bytes(row.memory_bytes)))
    parts.append(row.licence)
    lines = ["  \u00b7  ".join(parts)]
    if row.place is not None and row.origin != "bundled":
        lines.append(short_path(row.place))
    return "\n".join(lines)


def progress_words(entry: ModelEntry) -> str:
    """How far a download is, its speed and the time left."""
    if entry.transfer is None:
        return _tr("Asking what is there") if entry.standing is Standing.FETCHING else ""
    parts = [_tr("{} of {}").format(human_bytes(entry.transfer.done), human_bytes(entry.transfer.total))]
    if entry.speed:
        parts.append(f"{human_bytes(entry.speed)}/s")
    if entry.seconds_left is not None:
        parts.append(_tr("{} left").format(human_time(entry.seconds_left)))
    return "  \u00b7  ".join([*parts, entry.transfer.file])


def _tr(text: str) -> str:
    return QCoreApplication.translate("ModelCard", text)
