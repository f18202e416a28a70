"""Fixtures of the window's tests: offscreen, nothing of the user's touched, nothing left running."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
# The engine's child inherits it; more threads than cores only spin.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.core.engine import Engine
from app.core.settings.preferences import Preferences
from app.core.workspace import Workspace
from app.ui.main_window import MainWindow
from app.ui.theme import Theme
from codec.video import Colour, VideoReader, VideoWriter
from tests.support import DATA, SAMPLE
from tests.support.leftovers import at_work

# The offscreen platform has no window manager to tell size hints to or that could raise a window, and no keyboard that
# an open list could grab.
ALLOWED_QT_WARNINGS = [
    "This plugin does not support propagateSizeHints",
    r"This plugin does not support raise\(\)",
    "This plugin does not support grabbing the keyboard",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every Qt warning fails a test of this folder, but for those explained above."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.qt_log_level_fail("WARNING"))
            item.add_marker(pytest.mark.qt_log_ignore(*ALLOWED_QT_WARNINGS))


@pytest.fixture(autouse=True)
def _own_settings(tmp_path: Path) -> None:
    QSettings.setDefaultFormat(QSettings.Format.IniFormat)
    for scope in (QSettings.Scope.UserScope, QSettings.Scope.SystemScope):
        QSettings.setPath(QSettings.Format.IniFormat, scope, str(tmp_path / "settings"))


@pytest.fixture(autouse=True)
def _nothing_left(qapp: QApplication) -> Iterator[None]:
    """Fails a test that leaves a thread, a child process, a window or a running timer behind."""
    threads = set(threading.enumerate())
    yield
    qapp.sendPostedEvents(None, 52)  # QEvent.DeferredDelete
    assert not [child.name for child in multiprocessing.active_children()]
    left = [t.name for t in set(threading.enumerate()) - threads if not isinstance(t, threading._DummyThread)]  # noqa: SLF001
    assert not left
    shown = [widget for widget in qapp.topLevelWidgets() if widget.isVisible()]
    assert not shown
    assert not at_work(qapp)


@pytest.fixture
def engine() -> Iterator[Engine]:
    made = Engine()
    yield made
    made.shut_down()


@pytest.fixture
def preferences(tmp_path: Path) -> Preferences:
    return Preferences(QSettings(str(tmp_path / "preferences.ini"), QSettings.Format.IniFormat))


@pytest.fixture
def theme(qapp: QApplication) -> Iterator[Theme]:
    made = Theme(qapp, "dark")
    yield made
    made.deleteLater()


@pytest.fixture
def window(qtbot: QtBot, preferences: Preferences, theme: Theme, tmp_path: Path) -> Iterator[MainWindow]:
    workspace = Workspace(preferences, tmp_path / "state")
    made = MainWindow(workspace, theme)
    qtbot.addWidget(made)
    made.show()
    qtbot.waitExposed(made)
    yield made
    made.close()
    workspace.deleteLater()


def _first_second(source: Path, path: Path) -> Path:
    """30 frames at 80x64, lossless, at 30 fps: the smallest thing that still is a video."""
    rate = Fraction(30)
    with VideoReader(source, size=(80, 64)) as reader:
        frames = list(islice(reader.frames(), 30))
    with VideoWriter(path, 80, 64, frame_rate=rate, time_base=1 / rate, colour=Colour()) as writer:
        for number, frame in enumerate(frames):
            writer.write(frame.pixels, number / rate)
    return path


@pytest.fixture(scope="session")
def short_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second full of texture and motion, which is dear to any codec."""
    return _first_second(DATA / "scene.mp4", tmp_path_factory.mktemp("clip") / "scene.mkv")


@pytest.fixture(scope="session")
def quiet_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real second, bottles on a table, on which the pocket prior reaches a quality."""
    return _first_second(SAMPLE, tmp_path_factory.mktemp("clip") / "bottles.mkv")
