"""File dialogs, and what is done with their answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QFileDialog, QWidget

from app.core.document import SUFFIX, VIDEO_SUFFIXES, free_name
from app.core.notice import Notice
from app.core.workspace import Workspace
from app.ui.canvas.compare_view import to_image


class Dialogs(QObject):
    """Asks for names over one window."""

    def __init__(self, window: QWidget, workspace: Workspace) -> None:
        super().__init__(window)
        self._window, self._workspace = window, workspace

    @Slot()
    def open(self) -> None:
        """Videos or .fgvc files to open."""
        kinds = " ".join(f"*{suffix}" for suffix in sorted((*VIDEO_SUFFIXES, SUFFIX)))
        names, _ = QFileDialog.getOpenFileNames(
            self._window, self.tr("Open"), "", self.tr("Videos and Free-GVC files ({})").format(kinds)
        )
        if names:
            self._workspace.open([Path(name) for name in names])

    @Slot()
    def export_video(self) -> None:
        """A name for the decoded video."""
        name = self._ask(self.tr("Export video"), ".mp4", self.tr("Video (*.mp4 *.mov *.mkv)"))
        if name is not None:
            self._workspace.export(name)

    def export_plot(self, suffix: str, write: Callable[[Path], None]) -> None:
        """A name for a plot's picture or figures, or for the report."""
        name = self._ask(self.tr("Export"), suffix, f"*{suffix}")
        if name is not None:
            try:
                write(name)
            except OSError as error:
                self._refuse(name, error)

    def save_pair(self) -> None:
        """Both pictures of the current frame as PNG beside the file, without asking."""
        document, player = self._workspace.document, self._workspace.player
        if document is None:
            return
        place = document.result or document.source or Path()
        frame = self._workspace.clock.frame
        saved = []
        for name in player.sides:
            pixels = player.picture(name)
            if pixels is not None:
                path = place.with_name(f"{place.stem}-{frame:06d}-{name}.png")
                if not to_image(pixels).save(str(path)):
                    self._workspace.told.emit(Notice(self.tr("{} can't be written; check the folder.").format(path)))
                    return
                saved.append(path.name)
        if saved:
            self._workspace.noted.emit(self.tr("Saved {} beside the file.").format(self.tr(" and ").join(saved)))

    def keys_text(self) -> str:
        """What every key does."""
        return self.tr(
            "Space\tplay or pause\n"
            "\u2190 \u2192, A D\tone frame (with Shift: ten)\n"
            "Home, End\tfirst, last frame\n"
            "S\tswap sides\n"
            "W\twipe\n"
            "0\tdifference; G: its gain\n"
            "1, 2\tshow one side only\n"
            "4\tone to one\n"
            "5\tfit; 6\u20139: 2\u00d7, 4\u00d7, 8\u00d7, 16\u00d7\n"
            "M\tmeasure this frame\n"
            "N\tnext spike\n"
            "F\tsave both pictures as PNG\n"
            "T\ttry one group of pictures from here\n"
            "H\tthis list"
        )

    def _ask(self, title: str, suffix: str, kinds: str) -> Path | None:
        document = self._workspace.document
        if document is None:
            return None
        place = document.result or document.source or Path()
        name, _ = QFileDialog.getSaveFileName(self._window, title, str(free_name(place.with_suffix(suffix))), kinds)
        return Path(name) if name else None

    def _refuse(self, path: Path, error: OSError) -> None:
        message = self.tr("{} can't be written ({}); choose another folder.").format(path, error.strerror)
        self._workspace.told.emit(Notice(message))
