"""Why a base has its level, as the window tells it."""

from __future__ import annotations

import shutil
from pathlib import Path

from pytestqt.qtbot import QtBot

from app.ui.main_window import MainWindow
from codec.settings import EncodeSettings, Quality
from tests.support import PATIENCE
from tests.support.windows import drop


def test_a_finished_encode_still_tells_what_was_tried(
    qtbot: QtBot, window: MainWindow, short_clip: Path, tmp_path: Path
) -> None:
    goal = Quality(0.6, "ms-ssim")
    window.workspace.preferences.encode = EncodeSettings(prior="gaussian", goal=goal, base="av1", gop_frames=16)
    drop(window, Path(shutil.copy(short_clip, tmp_path / "a.mkv")))
    with qtbot.waitSignal(window.workspace.ended, timeout=PATIENCE):
        window.actions_["start"].trigger()
    name, tried, *_, reason = window.plots.perception.caption.splitlines()
    assert name.startswith("GOP 1")
    assert "was tried: MS-SSIM" in tried
    assert reason.endswith(".")
