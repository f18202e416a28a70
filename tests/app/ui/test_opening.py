"""Files that are opened: several at once, good ones among bad ones, and names that look like something else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QApplication, QFileDialog, QLabel, QToolTip
from pytestqt.qtbot import QtBot

from app.ui.main_window import MainWindow
from app.ui.widgets import label, left_to_right
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

    def written() -> list[QLabel]:
        # A message breaks where its line ends, and be it in a name.
        return [label for label in window.findChildren(QLabel) if "<i>gone</i>" in label.text().replace("\n", "")]

    qtbot.waitUntil(lambda: bool(written()), timeout=PATIENCE)
    assert [label.textFormat() for label in written()] == [Qt.TextFormat.PlainText]

    recent = window.actions_.recent.actions()[0]
    assert recent.text() == "100% R&&D <b>cut<b>.mkv"
    assert "&lt;b&gt;" in recent.toolTip()

    view = window.queue_panel.view
    at = view.visualRect(view.model().index(0, 0)).center()
    QApplication.sendEvent(view.viewport(), QHelpEvent(QEvent.Type.ToolTip, at, view.viewport().mapToGlobal(at)))
    qtbot.waitUntil(lambda: "R&amp;D &lt;b&gt;cut&lt;b&gt;.mkv" in QToolTip.text(), timeout=PATIENCE)
    QToolTip.showText(QPoint(), "")
    qtbot.waitUntil(lambda: not QToolTip.isVisible(), timeout=PATIENCE)


@pytest.mark.parametrize(("action", "asks"), [("open", "getOpenFileNames"), ("beside", "getOpenFileName")])
def test_files_are_looked_for_where_the_last_one_lay_and_may_be_of_any_kind(
    window: MainWindow, clip: Path, monkeypatch: pytest.MonkeyPatch, action: str, asks: str
) -> None:
    asked: list[tuple[str, str]] = []

    def ask(_: object, __: str, folder: str, kinds: str) -> tuple[str, str]:
        asked.append((folder, kinds))
        return "", ""

    monkeypatch.setattr(QFileDialog, asks, ask)
    drop(window, clip)
    window.actions_[action].trigger()
    assert asked[0][0] == str(clip.parent)
    assert "*.mp4" in asked[0][1]
    assert "(*)" in asked[0][1]


def test_a_camcorders_folder_is_full_of_videos(window: MainWindow, clip: Path, tmp_path: Path) -> None:
    folder = tmp_path / "STREAM"
    folder.mkdir()
    for name in ("00001.MTS", "phone.3gp", "notes.txt"):
        shutil.copy(clip, folder / name)
    drop(window, folder)
    assert [job.source.name for job in window.workspace.queue] == ["00001.MTS", "phone.3gp"]


def test_a_name_from_right_to_left_turns_no_sentence_round(qtbot: QtBot) -> None:
    seen = []
    for name in ("\u05e1\u05e8\u05d8\u05d5\u05df.fgvc", "film.fgvc"):
        shown = label(left_to_right(f"{name}: 12 %"))
        qtbot.addWidget(shown)
        shown.resize(600, 30)
        image = shown.grab().toImage()
        ink = [x for x in range(600) if any(image.pixel(x, y) != image.pixel(599, 0) for y in range(30))]
        seen.append((min(ink) < 20, max(ink) < 300))
        shown.close()
    assert seen == [(True, True)] * 2
    assert left_to_right("film.fgvc: \u05e1") == "film.fgvc: \u05e1"
    assert left_to_right("12 %") == "12 %"
