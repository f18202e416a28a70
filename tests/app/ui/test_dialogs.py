"""What is made of the names that people type into file dialogs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PySide6.QtWidgets import QFileDialog

from app.ui.dialogs.files import with_ending
from app.ui.main_window import MainWindow

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
