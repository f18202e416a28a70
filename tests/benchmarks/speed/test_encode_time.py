"""Where the benchmark says that an encode's time goes: into all rooms that it enters, each second once."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.speed import encode_time
from codec.settings import EncodeSettings, Quality


@pytest.mark.parametrize(("base", "entered"), [("auto", "base layer"), ("none", "channel")])
def test_every_room_of_an_encode_is_counted_and_none_twice(data: Path, base: str, entered: str) -> None:
    settings = EncodeSettings(goal=Quality(0.3), base=base, short_side=64, duration=0.4, audio="none")
    finished, spent = encode_time.run(data / "scene.mp4", settings)
    shares = encode_time.row("scene", base, 0.3, finished, spent).shares
    assert {room for room, share in shares.items() if share > 0} == {"networks", "metric", entered}
    assert sum(shares.values()) < 1
