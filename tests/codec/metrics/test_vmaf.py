"""VMAF through a real ffmpeg."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from codec.arrays import Frames
from codec.errors import SettingsError
from codec.metrics.vmaf import Vmaf
from tests.support import skips
from tests.support.metric_cases import box_blur


def test_equal_frames_score_high_and_blur_lower(talking: Frames) -> None:
    metric = Vmaf.load()
    equal, blurred = metric(talking, talking.copy()), metric(talking, box_blur(talking, 2))
    assert equal.shape == (4,)
    assert equal.min() > 90
    assert blurred.max() < 60


def test_no_ffmpeg_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(SettingsError, match="there is no ffmpeg"):
        Vmaf.load()


@skips.posix
def test_an_ffmpeg_that_fails_is_quoted(tmp_path: Path, talking: Frames) -> None:
    broken = tmp_path / "ffmpeg"
    broken.write_text("#!/bin/sh\necho out of luck >&2\nexit 3\n")
    broken.chmod(0o755)
    with pytest.raises(SettingsError, match="out of luck"):
        Vmaf(broken)(talking, talking)
