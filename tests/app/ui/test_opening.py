"""Files that are opened: several at once, good ones among bad ones."""

from __future__ import annotations

from pathlib import Path

from app.ui.main_window import MainWindow
from tests.support.windows import drop


def test_a_folder_without_videos_costs_no_other_file(window: MainWindow, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    drop(window, tmp_path / "empty", clip)
    assert [job.source for job in window.workspace.queue] == [clip]
    assert "empty holds no videos" in window.banner.message
