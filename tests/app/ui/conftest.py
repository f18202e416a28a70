"""What the window's tests share."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from codec.settings import EncodeSettings, Quality


@pytest.fixture
def clip(quiet_clip: Path, tmp_path: Path) -> Path:
    """A copy that output may lie beside."""
    return Path(shutil.copy(quiet_clip, tmp_path / "bottles.mkv"))


@pytest.fixture(scope="session")
def quick() -> EncodeSettings:
    """An encode that takes a second."""
    return EncodeSettings(goal=Quality(0.33), short_side=64, gop_frames=16, base="none")
