"""Real frames for the metric tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from codec.metrics.base import Frames
from tests.support.metric_cases import read_frames


@pytest.fixture(scope="session")
def talking(clips: Path) -> Frames:
    """Four frames of a talking head, 176x144."""
    return read_frames(clips / "03_carphone_qcif_talkinghead.mp4", 4, 176, 144)


@pytest.fixture(scope="session")
def leaves(clips: Path) -> Frames:
    """Two frames of foliage, 256x192: large enough for all five scales of MS-SSIM."""
    return read_frames(clips / "14_flower_leaves_720p.mp4", 2, 256, 192)


@pytest.fixture(scope="session")
def models(shared: Path) -> Path:
    return shared / "models"
