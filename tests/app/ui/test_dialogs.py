"""Dialogs: what is made of the names that people type into them, and how they fit screen and theme."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest
from PySide6.QtCore import QSize
from PySide6.QtWidgets import QCompleter, QDialog, QFileDialog, QLineEdit
from pytestqt.qtbot import QtBot

from app.ui.dialogs.files import with_ending
from app.ui.main_window import MainWindow
from app.ui.theme import Theme
from app.ui.widgets import resize_within_screen
from codec.version import program_version
from tests.support.windows import PATIENCE, labels

GOLDEN = Path(__file__).parents[2] / "golden" / "full-3.fgvc"
KINDS = "Plays everywhere (*.mp4 *.m4v *.mov);;Smaller (*.webm);;Lossless (*.mkv)"


@pytest.mark.parametrize(
    ("typed", "kind", "name"),
    [
        ("film.mp4", "Plays everywhere (*.mp4 *.m4v *.mov)", "film.mp4"),
        ("film.MOV", "Smaller (*.webm)", "film.MOV"),
        ("film", "Smaller (*.webm)", "film.webm"),
        ("film", "", "film.mp4"),
        ("film 24.12.2026", "Lossless (*.mkv)", "film 24.12.2026.mkv"),
        ("film.avi", "Plays everywhere (*.mp4 *.m4v *.mov)", "film.avi.mp4"),
    ],
)
def test_a_typed_name_ends_as_its_kind_does(tmp_path: Path, typed: str, kind: str, name: str) -> None:
    assert with_ending(tmp_path / typed, kind, KINDS) == tmp_path / name


def test_an_ending_that_was_added_replaces_no_file(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").touch()
    assert with_ending(tmp_path / "film", "", KINDS) == tmp_path / "film (2).mp4"


@pytest.mark.parametrize(
    ("action", "name"),
    [
        ("report", "mine.html"),
        ("png", "mine.png"),
        ("rate png", "mine.png"),
        ("csv", "mine.csv"),
        ("rate csv", "mine.csv"),
    ],
)
def test_whatever_is_written_gets_its_ending(
    window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, action: str, name: str
) -> None:
    window.workspace.open([Path(shutil.copy(GOLDEN, tmp_path))])
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "mine"), ""))
    window.actions_[action].trigger()
    assert (tmp_path / name).stat().st_size > 0
    assert not window.banner.message
    assert window.status.text == f"Saved {tmp_path / name}."


@pytest.mark.parametrize("size", [QSize(300, 200), QSize(5000, 4000)])
def test_a_window_is_as_large_as_its_screen_has_room_for(qtbot: QtBot, size: QSize) -> None:
    dialog = QDialog()
    qtbot.addWidget(dialog)
    resize_within_screen(dialog, size)
    room = dialog.screen().availableSize()
    assert dialog.height() == min(size.height(), room.height() - 48)
    assert dialog.width() == min(size.width(), room.width() - 16)


def test_a_list_that_opens_by_itself_has_a_background(qtbot: QtBot, theme: Theme) -> None:
    field = QLineEdit()
    qtbot.addWidget(field)
    field.setCompleter(QCompleter(["holiday.mp4"]))
    field.show()
    popup = field.completer().popup()
    field.completer().complete()
    qtbot.waitUntil(popup.isVisible)
    corner = popup.grab().toImage().pixelColor(popup.width() - 3, popup.height() // 2)
    assert corner.name() == theme.colours.panel
    popup.hide()


def test_about_tells_the_version_and_the_terms(window: MainWindow) -> None:
    window.actions_["about"].trigger()
    shown = window.commands.help.about_window
    assert shown is not None
    text = "\n".join(labels(shown))
    assert program_version() in text
    assert "Apache-2.0" in text
    assert "CC-BY-SA-4.0" in text
    window.close()
    assert not shown.isVisible()


def test_what_can_t_be_written_is_one_sentence_and_leaves_what_was_there(
    qtbot: QtBot, window: MainWindow, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tmp_path / "before.csv"
    before.write_text("before")

    def full(_: Path, __: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(before), ""))
    for action, opened in (("csv", Path(shutil.copy(GOLDEN, tmp_path))), ("pair", clip)):
        window.workspace.open([opened])
        if action == "pair":
            qtbot.waitUntil(lambda: window.workspace.player.original is not None, timeout=PATIENCE)
        with monkeypatch.context() as patch:
            patch.setattr(Path, "write_bytes", full)
            window.actions_[action].trigger()
        assert "can't be written (No space left on device)" in window.banner.message
        window.banner.pass_on()
    assert before.read_text() == "before"
    assert sorted(path.name for path in tmp_path.glob("*.png*")) == []
