"""Frames for the metric tests."""

from __future__ import annotations

import pytest

from codec.arrays import Frames
from tests.support import DATA
from tests.support.metric_cases import read_frames


@pytest.fixture(scope="session")
def talking() -> Frames:
    """Four frames that move, 176x144."""
    return read_frames(DATA / "scene.mp4", 4, 176, 144)


@pytest.fixture(scope="session")
def leaves() -> Frames:
    """Two frames full of texture, 256x192: large enough for all five scales of MS-SSIM."""
    return read_frames(DATA / "scene.mp4", 2, 256, 192)
