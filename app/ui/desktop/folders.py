"""Showing a file where it lies, in the desktop's own file manager."""

from __future__ import annotations

import sys
from pathlib import Path

from PySide6.QtCore import QDir, QProcess, QUrl
from PySide6.QtGui import QDesktopServices

from app.core.files import is_there


def show_in_folder(path: Path) -> bool:
    """Open the folder of a file, with the file marked where the system can; whether something was opened."""
    if is_there(path) and sys.platform == "win32":
        return bool(QProcess.startDetached("explorer", ["/select,", QDir.toNativeSeparators(str(path))])[0])
    if is_there(path) and sys.platform == "darwin":
        return bool(QProcess.startDetached("open", ["-R", str(path)])[0])
    return QDesktopServices.openUrl(QUrl.fromLocalFile(str(path.parent)))
