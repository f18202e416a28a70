"""Telling somebody who looks elsewhere: by the desktop's own notifications, by its tray, or by the task bar's hint."""

from __future__ import annotations

import shutil

from PySide6.QtCore import QProcess
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication, QSystemTrayIcon, QWidget

_SHOWN_MS = 10_000


def notify(window: QWidget, title: str, text: str) -> None:
    """Say something, unless the window is the one that is looked at."""
    if window.isActiveWindow():
        return
    QApplication.alert(window)
    if not _by_desktop(title, text) and QSystemTrayIcon.isSystemTrayAvailable():
        _by_tray(window, title, text)


def _by_desktop(title: str, text: str) -> bool:
    """By what Linux desktops have for it; whether it is there."""
    program = shutil.which("notify-send")
    if program is None:
        return False
    arguments = [f"--app-name={QApplication.applicationName()}", f"--expire-time={_SHOWN_MS}", title, text]
    return bool(QProcess.startDetached(program, arguments)[0])


def _by_tray(window: QWidget, title: str, text: str) -> None:
    """A tray icon for as long as its message is shown."""
    tray = QSystemTrayIcon(QIcon(window.windowIcon()), window)
    tray.show()
    tray.showMessage(title, text, QSystemTrayIcon.MessageIcon.Information, _SHOWN_MS)
    tray.messageClicked.connect(window.raise_)
    tray.messageClicked.connect(tray.deleteLater)
