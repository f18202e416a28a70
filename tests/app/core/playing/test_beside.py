"""A file beside the open one tells what it lacks as the open one does."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.ui.main_window import MainWindow
from codec.encoder import encode
from codec.settings import Bitrate, EncodeSettings
from tests.support.format_cases import with_header
from tests.support.windows import PATIENCE, film

LACKING = "wan2.1-t2v-1.3b"


@pytest.fixture
def coded(tmp_path: Path) -> Path:
    source = film(tmp_path / "film.mkv", 96, 64, scenes=3)
    settings = EncodeSettings(prior="gaussian", base="none", goal=Bitrate(60_000), short_side=64, gop_frames=16)
    for _ in encode(source, tmp_path / "film.fgvc", settings):
        pass
    return tmp_path / "film.fgvc"


def _by_another_prior(path: Path, target: Path) -> Path:
    """The same file as if a prior had made it whose weights aren't here."""
    return with_header(path, target, prior_id=LACKING)


def _damaged(path: Path, target: Path) -> Path:
    """The same file with a byte turned over in its midst."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    target.write_bytes(data)
    return target


def test_a_model_that_the_file_beside_needs_is_offered(qtbot: QtBot, window: MainWindow, coded: Path) -> None:
    workspace = window.workspace
    workspace.open([coded])
    workspace.compare_with(_by_another_prior(coded, coded.with_name("other.fgvc")))
    qtbot.waitUntil(lambda: LACKING in window.banner.message, timeout=PATIENCE)
    assert window.banner.button.text() == "Models"


def test_damage_of_the_file_beside_is_told(qtbot: QtBot, window: MainWindow, coded: Path) -> None:
    workspace = window.workspace
    workspace.open([coded])
    with qtbot.waitSignal(workspace.viewer.warned, timeout=PATIENCE) as warned:
        workspace.compare_with(_damaged(coded, coded.with_name("other.fgvc")))
    assert warned.args[0] in window.banner.message


def test_a_cut_file_is_told_once_and_in_plain_words(qtbot: QtBot, window: MainWindow, coded: Path) -> None:
    workspace, told = window.workspace, []
    workspace.told.connect(lambda notice: told.append(notice.message))
    cut = coded.with_name("cut.fgvc")
    cut.write_bytes(coded.read_bytes()[: coded.stat().st_size * 3 // 4])
    with qtbot.waitSignal(workspace.viewer.warned, timeout=PATIENCE):
        workspace.open([cut])
    qtbot.waitUntil(lambda: len(workspace.player.store) > 0, timeout=PATIENCE)
    assert len(told) == 1
    assert told[0].startswith("The end of cut.fgvc is missing")
    assert "is lost" in workspace.log.text
