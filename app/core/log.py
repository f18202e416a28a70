"""What happened, and on which machine, for whoever asks."""

from __future__ import annotations

import platform
from collections import deque
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

MAX_LINES = 2000
_PACKAGES = ("freegvc", "torch", "numpy", "av", "PySide6-Essentials", "pyqtgraph", "diffusers")


class Log(QObject):
    """The last lines.

    Attributes:
        added: a line.
    """

    added = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lines: deque[str] = deque(maxlen=MAX_LINES)

    @property
    def text(self) -> str:
        """All lines."""
        return "\n".join(self._lines)

    @Slot(str)
    def add(self, message: str) -> None:
        """Note something, with the time."""
        line = f"{datetime.now():%H:%M:%S}  {message}"
        self._lines.append(line)
        self.added.emit(line)


def taken_report(path: Path) -> str:
    """What the last session's crash has left there, which is taken away; "" where there is none to be had."""
    try:
        report = path.read_text("utf-8", "replace").strip()
        path.unlink()
    except OSError:
        return ""
    return report


def diagnostics(log: Log) -> str:
    """The machine, the versions and the log, for a bug report."""
    lines = [f"{platform.platform()}, Python {platform.python_version()}"]
    for name in _PACKAGES:
        try:
            lines.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            lines.append(f"{name} is not installed")
    return "\n".join([*lines, "", log.text])
