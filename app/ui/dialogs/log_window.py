"""What happened, to read and to copy."""

from __future__ import annotations

from PySide6.QtCore import QSize, Signal, Slot
from PySide6.QtGui import QFontDatabase, QGuiApplication
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from app.core.log import Log, diagnostics
from app.ui.widgets import resize_within_screen


class LogWindow(QDialog):
    """Shows a log as it grows.

    Attributes:
        copied: a sentence: what a bug report needs is on the clipboard.
    """

    copied = Signal(str)

    def __init__(self, log: Log, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._log = log
        self.setWindowTitle(self.tr("Log"))
        resize_within_screen(self, QSize(720, 420))
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
        self.copied.emit(self.tr("Versions and log are on the clipboard."))
