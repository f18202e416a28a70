"""File dialogs, and what is done with their answers."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Qt, Slot
from PySide6.QtWidgets import QFileDialog, QInputDialog, QMessageBox, QWidget

from app.core.document import free_name
from app.core.files import SUFFIX
from app.core.jobs.job import Job
from app.core.notice import Notice
from app.core.workspace import Workspace
from app.ui.canvas.painting import png_of
from app.ui.widgets import left_to_right
from codec.batch.sources import VIDEO_SUFFIXES
from codec.errors import OutputError
from codec.files import write_whole
from codec.settings import DecodeSettings
from codec.video import scaled_picture

_ENDING = re.compile(r"\*(\.\w+)")


class Dialogs(QObject):
    """Asks for names over one window."""

    def __init__(self, window: QWidget, workspace: Workspace) -> None:
        super().__init__(window)
        self._window, self._workspace = window, workspace

    @property
    def _kinds(self) -> str:
        """What can be opened: what usually is, and whatever else FFmpeg may read."""
        usual = " ".join(f"*{suffix}" for suffix in sorted((*VIDEO_SUFFIXES, SUFFIX)))
        return self.tr("Videos and Free-GVC files ({})").format(usual) + ";;" + self.tr("All files (*)")

    @property
    def _last_folder(self) -> str:
        """Where the last file was opened that is still there; "" where Qt is to choose."""
        return next((str(path.parent) for path in self._workspace.preferences.recent), "")

    @Slot()
    def open(self) -> None:
        """Videos or .fgvc files to open."""
        names, _ = QFileDialog.getOpenFileNames(self._window, self.tr("Open"), self._last_folder, self._kinds)
        if names:
            self._workspace.open([Path(name) for name in names])

    def export_video(self, settings: DecodeSettings) -> None:
        """A name for the decoded video."""
        kinds = (
            self.tr("H.264 and AAC, plays everywhere (*.mp4 *.m4v *.mov)"),
            self.tr("AV1 and Opus, smaller (*.webm)"),
            self.tr("FFV1, lossless (*.mkv)"),
        )
        name = self._ask(self.tr("Export video"), ".mp4", ";;".join(kinds))
        if name is not None:
            self._workspace.orders.export(name, settings)

    def save_smaller(self, settings: DecodeSettings) -> None:
        """A name for the open file with less in it."""
        document = self._workspace.document
        if document is None or document.result is None:
            return
        place = free_name(document.result.with_stem(document.result.stem + self.tr(" (smaller)")))
        path = self._ask_result(self.tr("Save smaller version"), place)
        if path is not None:
            self._workspace.orders.export(path, settings)

    def compare_with(self) -> None:
        """A video or a .fgvc file to show beside the open file."""
        name, _ = QFileDialog.getOpenFileName(self._window, self.tr("Compare with"), self._last_folder, self._kinds)
        if name:
            self._workspace.compare_with(Path(name))

    def save_result_as(self) -> None:
        """Another name or place for what the open job will make."""
        job = self._workspace.job
        if job is None:
            return
        path = self._ask_result(self.tr("Save the result as"), job.output)
        if path is not None:
            self._workspace.orders.save_as(path)

    def _ask_result(self, title: str, place: Path) -> Path | None:
        """A name for a .fgvc file."""
        return self._ask_file(title, place, self.tr("Free-GVC file ({})").format(f"*{SUFFIX}"))

    def export_plot(self, suffix: str, write: Callable[[Path], None]) -> None:
        """A name for a plot's picture or figures, or for the report."""
        name = self._ask(self.tr("Export"), suffix, f"*{suffix}")
        if name is not None:
            try:
                write(name)
            except OutputError as error:
                self._workspace.told.emit(Notice(str(error)))
            else:
                self._workspace.noted.emit(self.tr("Saved {}.").format(name))

    def save_pair(self) -> None:
        """Both pictures of the current frame as PNG beside the file, at the compared size, without asking."""
        document, player = self._workspace.document, self._workspace.player
        if document is None:
            return
        place = document.result or document.source or Path()
        frame = self._workspace.clock.frame
        saved = []
        for name in player.sides:
            pixels = player.stored(name)
            if pixels is not None and player.size is not None:
                pixels = scaled_picture(pixels, *player.size)
            if pixels is not None:
                path = place.with_name(f"{place.stem}-{frame:06d}-{name}.png")
                try:
                    write_whole(path, png_of(pixels))
                except OutputError as error:
                    self._workspace.told.emit(Notice(str(error)))
                    return
                saved.append(path.name)
        if saved:
            self._workspace.noted.emit(self.tr("Saved {} beside the file.").format(self.tr(" and ").join(saved)))

    def ask_time(self, seconds: float) -> float | None:
        """Where to go, in seconds; None to stay."""
        text, ok = QInputDialog.getText(
            self._window, self.tr("Go to time"), self.tr("Seconds, or minutes:seconds"), text=f"{seconds:.2f}"
        )
        moment = parsed_time(text) if ok else None
        if ok and moment is None:
            self._workspace.noted.emit(self.tr("\u201c{}\u201d is no time.").format(text))
        return moment

    def ask_name(self, title: str, what: str) -> str:
        """A name; "" where none was given."""
        text, ok = QInputDialog.getText(self._window, title, what)
        return text.strip() if ok else ""

    def may_quit(self) -> bool:
        """Whether the window may close although jobs run."""
        box = QMessageBox(self._window)
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle("Free-GVC")
        # Names of files may look like markup.
        box.setTextFormat(Qt.TextFormat.PlainText)
        active = self._workspace.active
        names = ", ".join(job.output.name for job in active)
        box.setText(left_to_right(self.tr("{} is not done yet.").format(names)))
        box.setInformativeText(self._what_is_kept(active))
        keeps = any(job.is_encode for job in active)
        text = self.tr("Keep and quit") if keeps else self.tr("Quit")
        leave = box.addButton(text, QMessageBox.ButtonRole.AcceptRole)
        stay = box.addButton(self.tr("Stay"), QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(stay)
        box.setEscapeButton(stay)
        box.exec()
        return box.clickedButton() is leave

    def _what_is_kept(self, active: Sequence[Job]) -> str:
        """What becomes of jobs that quitting interrupts."""
        encodes = [job for job in active if job.is_encode]
        if not encodes:
            return self.tr("Nothing of it is kept: it begins anew when it is started again.")
        kept = self.tr("What is done is kept, and can be resumed at the next start.")
        if len(encodes) == len(active):
            return kept
        return kept + " " + self.tr("Exports begin anew.")

    def _ask(self, title: str, suffix: str, kinds: str) -> Path | None:
        document = self._workspace.document
        if document is None:
            return None
        place = document.result or document.source or Path()
        return self._ask_file(title, free_name(place.with_suffix(suffix)), kinds)

    def _ask_file(self, title: str, place: Path, kinds: str) -> Path | None:
        """A name to write to, that ends as one of `kinds` does."""
        name, kind = QFileDialog.getSaveFileName(self._window, title, str(place), kinds)
        return with_ending(Path(name), kind, kinds) if name else None


def with_ending(path: Path, kind: str, kinds: str) -> Path:
    """A name that was typed, with the ending of its kind where it has none of those on offer.

    Args:
        kind: the filter that was chosen, as Qt writes them: "Video (*.mp4 *.mov)"; may be empty.
        kinds: all filters.
    """
    offered = _ENDING.findall(kinds)
    if path.suffix.lower() in offered:
        return path
    # The dialog asked about the name without it: no file is replaced unasked.
    return free_name(path.with_name(path.name + (_ENDING.findall(kind) or offered)[0]))


def parsed_time(text: str) -> float | None:
    """Seconds of "75", "1:15", "0:01:15.5"; None where it is no time."""
    seconds = 0.0
    try:
        for part in text.strip().replace(",", ".").split(":"):
            seconds = 60 * seconds + float(part)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
