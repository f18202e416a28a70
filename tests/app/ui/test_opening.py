"""Files that are opened: several at once, good ones among bad ones, and names that look like something else."""

from __future__ import annotations

import shutil
from pathlib import Path

from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QApplication, QLabel, QToolTip
from pytestqt.qtbot import QtBot

from app.ui.main_window import MainWindow
from tests.support.windows import PATIENCE, drop

ODD = "100% R&D <b>cut<b>.mkv"


def test_a_folder_without_videos_costs_no_other_file(window: MainWindow, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    drop(window, tmp_path / "empty", clip)
    assert [job.source for job in window.workspace.queue] == [clip]
    assert "empty holds no videos" in window.banner.message


def test_a_name_that_looks_like_markup_is_shown_letter_by_letter(
    qtbot: QtBot, window: MainWindow, clip: Path, tmp_path: Path
) -> None:
    odd = Path(shutil.copy(clip, tmp_path / ODD))
    drop(window, tmp_path / "<i>gone</i>.mkv", odd)
    written = [label for label in window.findChildren(QLabel) if "<i>" in label.text()]
    assert [label.textFormat() for label in written] == [Qt.TextFormat.PlainText]

    recent = window.actions_.recent.actions()[0]
    assert recent.text() == "100% R&&D <b>cut<b>.mkv"
    assert "&lt;b&gt;" in recent.toolTip()

    view = window.queue_panel.view
    at = view.visualRect(view.model().index(0, 0)).center()
    QApplication.sendEvent(view.viewport(), QHelpEvent(QEvent.Type.ToolTip, at, view.viewport().mapToGlobal(at)))
    qtbot.waitUntil(lambda: "R&amp;D &lt;b&gt;cut&lt;b&gt;.mkv" in QToolTip.text(), timeout=PATIENCE)
    QToolTip.showText(QPoint(), "")
    qtbot.waitUntil(lambda: not QToolTip.isVisible(), timeout=PATIENCE)
