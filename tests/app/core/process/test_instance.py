from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtNetwork import QLocalServer
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.core.process.instance import Instance
from app.ui.main_window import MainWindow
from tests.support import PATIENCE

SECOND = """
import sys
from pathlib import Path
from PySide6.QtCore import QCoreApplication
from app.core.process.instance import Instance

application = QCoreApplication([])
instance = Instance(Path(sys.argv[1]))
assert not instance.claim(), "two windows have one queue"
sys.exit(0 if instance.hand_over([Path(name) for name in sys.argv[2:]]) else 3)
"""


@pytest.fixture
def first(qapp: QApplication, tmp_path: Path) -> Iterator[Instance]:
    del qapp
    made = Instance(tmp_path / "state")
    assert made.claim()
    yield made
    made.release()


def test_a_second_start_hands_its_files_to_the_first_and_raises_it(
    qtbot: QtBot, first: Instance, window: MainWindow, short_clip: Path, tmp_path: Path
) -> None:
    first.called.connect(window.come_forward)
    window.showMinimized()
    command = [sys.executable, "-c", SECOND, str(tmp_path / "state"), str(short_clip)]
    with subprocess.Popen(command) as second:
        qtbot.waitUntil(lambda: second.poll() is not None, timeout=PATIENCE)
        assert second.returncode == 0
    assert [job.source for job in window.workspace.queue] == [short_clip]
    assert not window.windowState() & Qt.WindowState.WindowMinimized


def test_what_a_crashed_window_left_is_taken_over(qapp: QApplication, tmp_path: Path) -> None:
    del qapp
    code = SECOND.split("assert")[0] + "import os; assert instance.claim(); os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "state")], check=False)
    again = Instance(tmp_path / "state")
    assert again.claim()
    again.release()


def test_two_folders_are_two_queues(first: Instance, tmp_path: Path) -> None:
    del first
    other = Instance(tmp_path / "other")
    assert other.claim()
    other.release()


def test_nonsense_is_not_answered(qtbot: QtBot, first: Instance) -> None:
    calls: list[object] = []
    first.called.connect(calls.append)
    from PySide6.QtNetwork import QLocalSocket

    socket = QLocalSocket()
    socket.connectToServer(first.name)
    assert socket.waitForConnected(3000)
    with qtbot.waitSignal(socket.disconnected):
        socket.write(b"no json\n")
        socket.flush()
    assert not calls
    assert isinstance(first.server, QLocalServer)
