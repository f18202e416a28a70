"""What tests of the window share: dropping files, getting the keys, a film of several scenes."""

from __future__ import annotations

import multiprocessing
from fractions import Fraction
from pathlib import Path

import numpy as np
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot

from app.ui.main_window import MainWindow
from codec.video import Colour, VideoWriter
from tests.support import PATIENCE as PATIENCE


def drop(window: MainWindow, *paths: Path) -> None:
    """Let files fall onto the window."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    where, buttons, keys = QPoint(300, 300), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(where, Qt.DropAction.CopyAction, data, buttons, keys)
    QApplication.sendEvent(window, enter)
    assert enter.isAccepted()
    QApplication.sendEvent(window, QDropEvent(QPointF(where), Qt.DropAction.CopyAction, data, buttons, keys))


def lose_children(qtbot: QtBot) -> None:
    """Kill every engine's process, once there is one; an engine that is just starting has none to kill itself."""
    qtbot.waitUntil(lambda: bool(multiprocessing.active_children()), timeout=PATIENCE)
    for child in multiprocessing.active_children():
        child.kill()


def labels(widget: QWidget) -> list[str]:
    """What can be read in a widget's labels."""
    return [label.text() for label in widget.findChildren(QLabel) if label.isVisibleTo(widget)]


def activate(qtbot: QtBot, window: MainWindow) -> None:
    """Keys reach the active window only."""
    with qtbot.waitActive(window):
        window.activateWindow()
    window.view.setFocus()


NO_KEYS = Qt.KeyboardModifier.NoModifier


def press(qtbot: QtBot, window: MainWindow, key: Qt.Key, keys: Qt.KeyboardModifier = NO_KEYS) -> None:
    """A key for whatever has the focus."""
    focus: QWidget = QApplication.focusWidget() or window
    qtbot.keyClick(focus, key, keys)


def film(path: Path, width: int, height: int, scenes: int = 1, frames: int = 16) -> Path:
    """Scenes of `frames` frames each at 25 a second: noise that moves a pixel a frame, another in each scene."""
    rate = Fraction(25)
    with VideoWriter(path, width, height, frame_rate=rate, time_base=1 / rate, colour=Colour()) as writer:
        for scene in range(scenes):
            coarse = np.random.default_rng(scene).integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), np.uint8)
            picture = coarse.repeat(8, 0).repeat(8, 1)[:height, :width] // (1 + scene % 2) + 40 * (scene % 3)
            for number in range(frames):
                shifted = np.roll(picture, number, axis=1).astype(np.uint8)
                writer.write(shifted, (scene * frames + number) / rate)
    return path
