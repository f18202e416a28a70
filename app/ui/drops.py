"""Files that are dropped on the window, wherever in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent, QMimeData, QObject
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QWidget


class Drops(QObject):
    """Takes what falls onto `window` for it.

    Args:
        hint: told whether files hang over the window.
        take: what is done with them.
    """

    def __init__(self, window: QWidget, hint: Callable[[bool], None], take: Callable[[list[Path]], None]) -> None:
        super().__init__(window)
        self._hint, self._take = hint, take
        window.setAcceptDrops(True)
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """See Qt."""
        if event.type() is QEvent.Type.DragLeave:
            self._hint(False)
            return True
        # One that comes in is a kind of one that falls.
        if event.type() not in (QEvent.Type.DragEnter, QEvent.Type.Drop) or not isinstance(event, QDropEvent):
            return super().eventFilter(watched, event)
        files = files_of(event.mimeData())
        if files:
            event.acceptProposedAction()
        self._hint(bool(files) and event.type() is QEvent.Type.DragEnter)
        if files and event.type() is QEvent.Type.Drop:
            self._take(files)
        return True


def files_of(data: QMimeData) -> list[Path]:
    """Those that lie on this machine."""
    return [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
