"""The figures of the job that is looked at."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QGridLayout, QLabel, QSizePolicy, QWidget

from app.core.document import Document, SourceFacts
from app.core.jobs.progress import Progress
from app.ui.widgets import label
from app.ui.words import DASH, human_bytes, human_range, human_speed, human_time, percent
from codec.events import Stage
from codec.format.info import FileInfo


def summary(progress: Progress, bytes_so_far: int) -> str:
    """One line for the status bar: how far it is, what is done now, how long it will take."""
    parts = [percent(progress.share)] if progress.share else []
    parts.append(_tr(progress.phase))
    if progress.stage is Stage.CODING and progress.gop is not None:
        parts[-1] += _tr(" GOP {}").format(progress.gop + 1)
    if progress.steps:
        parts.append(_tr("step {}/{}").format(progress.step, progress.steps))
    if progress.speed is not None:
        parts.append(_tr("{} realtime").format(human_speed(progress.speed)))
    if progress.seconds_left is not None:
        parts.append(_tr("{} left").format(human_time(progress.seconds_left)))
    if bytes_so_far and progress.gops:
        parts.append(_size_text(progress, bytes_so_far))
    return "  \u00b7  ".join(part for part in parts if part)


def _size_text(progress: Progress, bytes_so_far: int) -> str:
    forecast = progress.forecast(bytes_so_far)
    if forecast is None:
        return human_bytes(bytes_so_far)
    return _tr("{} so far, {} expected").format(human_bytes(bytes_so_far), human_range(forecast.low, forecast.high))


def _tr(text: str) -> str:
    return QCoreApplication.translate("Readouts", text)


class Readouts(QWidget):
    """Pairs of a caption and a value."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(16)
        self._grid.setVerticalSpacing(3)
        self._titles: dict[str, QLabel] = {}
        self._values = {
            name: self._add(name, place, caption)
            for place, (name, caption) in enumerate(
                (
                    ("size", self.tr("Size")),
                    ("forecast", self.tr("Expected")),
                    ("bitrate", self.tr("Video bitrate")),
                    ("quality", self.tr("Quality, last GOP")),
                    ("speed", self.tr("Speed")),
                    ("left", self.tr("Time left")),
                )
            )
        }
        self._notes = label("", "muted")
        self._notes.setWordWrap(True)
        self._grid.addWidget(self._notes, self._grid.rowCount(), 0, 1, 2)
        self.show_notes(())
        self.clear()

    @property
    def notes(self) -> str:
        """What else one should know, a line each."""
        return self._notes.text()

    def show_notes(self, notes: Sequence[str]) -> None:
        """Sentences on what the figures don't tell."""
        self._notes.setText("\n".join(notes))
        self._notes.setVisible(bool(notes))

    def clear(self) -> None:
        """Nothing to tell."""
        self._show_pace(True)
        for value in self._values.values():
            value.setText(DASH)

    def show_progress(self, progress: Progress, bytes_so_far: int) -> None:
        """A job that runs."""
        self._show_pace(True)
        forecast = progress.forecast(bytes_so_far)
        quality = progress.gops[-1].quality if progress.gops else None
        self._set("size", human_bytes(bytes_so_far) if bytes_so_far else None)
        self._set("forecast", human_range(forecast.low, forecast.high) if forecast else None)
        self._set("bitrate", None if progress.kbps is None else f"{progress.kbps:.1f} kbit/s")
        self._set("quality", None if quality is None else f"{quality:.3f}")
        self._set("speed", None if progress.speed is None else human_speed(progress.speed))
        self._set("left", None if progress.seconds_left is None else human_time(progress.seconds_left))

    def show_document(self, document: Document) -> None:
        """A finished file: it has no pace, and what can be done with it needs the room. Nothing of a source yet."""
        self.clear()
        info = document.info
        if info is None:
            return
        self._show_pace(False)
        self._set("size", human_bytes(info.bytes))
        facts = document.source_facts
        self._titles["forecast"].setText(self.tr("Of the source") if facts is not None else self.tr("Sound in it"))
        self._set("forecast", human_bytes(info.audio_bytes))
        if facts is not None:
            self._set("forecast", f"{human_bytes(facts.bytes)}, {_times(document, facts)} \u00d7")
        self._set("bitrate", f"{info.kbps:.1f} kbit/s")
        if document.metric is not None:
            short = document.metric.label.replace("(estimated)", self.tr("est."))
            self._titles["quality"].setText(self.tr("{}, mean").format(short))
        self._set("quality", None if info.quality is None else f"{info.quality:.3f}")
        self._show_at_source(info)

    def _show_at_source(self, info: FileInfo) -> None:
        """What people see in the end, in the place of what a finished file doesn't have."""
        if info.quality_at_source is None:
            return
        width, height = info.header.source_width, info.header.source_height
        self._titles["speed"].setText(self.tr("At {}\u00d7{}").format(width, height))
        self._set("speed", f"{info.quality_at_source:.3f}")
        for widget in (self._titles["speed"], self._values["speed"]):
            widget.show()

    def text(self, name: str) -> str:
        """What is shown: "size", "forecast", "bitrate", "quality", "speed" or "left"."""
        return self._values[name].text()

    def _add(self, name: str, place: int, caption: str) -> QLabel:
        row, column = divmod(place, 2)
        title = label(caption, "muted")
        # Cut off, rather than make the column wider than it is.
        title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._titles[name] = title
        self._grid.addWidget(title, 3 * row, column)
        self._grid.setRowMinimumHeight(3 * row + 2, 5)
        self._grid.setColumnStretch(column, 1)
        value = label(DASH, "value")
        value.setAccessibleName(caption)
        self._grid.addWidget(value, 3 * row + 1, column)
        return value

    def _show_pace(self, on: bool) -> None:
        for name in ("speed", "left"):
            self._titles[name].setVisible(on)
            self._values[name].setVisible(on)
        self._titles["speed"].setText(self.tr("Speed"))
        self._titles["forecast"].setText(self.tr("Expected"))
        self._titles["quality"].setText(self.tr("Quality, last GOP") if on else self.tr("Quality, mean"))

    def _set(self, name: str, text: str | None) -> None:
        self._values[name].setText(text or DASH)


def _times(document: Document, facts: SourceFacts) -> str:
    """How many times smaller than its part of the source a file is."""
    assert document.info is not None
    taken = document.seconds(document.count)
    share = min(1.0, taken / facts.seconds) if facts.seconds else 1.0
    times = facts.bytes * share / document.info.bytes
    return f"{times:.0f}" if times >= 10 else f"{times:.1f}"
