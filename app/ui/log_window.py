"""What happened, to read and to copy; and the machine it happened on."""

from __future__ import annotations

import platform
from collections import deque
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QFontDatabase, QGuiApplication
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

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


def diagnostics(log: Log) -> str:
    """The machine, the versions and the log, for a bug report."""
    lines = [f"{platform.platform()}, Python {platform.python_version()}"]
    for name in _PACKAGES:
        try:
            lines.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            lines.append(f"{name} is not installed")
    return "\n".join([*lines, "", log.text])


class LogWindow(QDialog):
    """Shows a log as it grows."""

    def __init__(self, log: Log, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._log = log
        self.setWindowTitle(self.tr("Log"))
        self.resize(720, 420)
        self._text = QPlainTextEdit()
        self._text.setReadOnly(True)
        self._text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self._text.setPlainText(log.text)
        self._text.setAccessibleName(self.tr("Log"))
        log.added.connect(self._text.appendPlainText)
        copy, close = QPushButton(self.tr("Copy diagnostics")), QPushButton(self.tr("Close"))
        copy.clicked.connect(self.copy)
        close.clicked.connect(self.hide)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(copy)
        row.addWidget(close)
        column = QVBoxLayout(self)
        column.addWidget(self._text)
        column.addLayout(row)

    @Slot()
    def copy(self) -> None:
        """Put everything a bug report needs on the clipboard."""
        QGuiApplication.clipboard().setText(diagnostics(self._log))
