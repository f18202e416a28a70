"""Seeks in a source whose frames come unevenly lead to the very frame, and don't decode all that lies before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.core.playing.pictures.original import OriginalReader
from codec.video import Frame, VideoReader
from tests.support.films.flashing import frame_times, remuxed, write_flashing
from tests.support.films.synthetic import write_video
from tests.support.windows import PATIENCE

FRAMES = 240
JUMPS = (200, 6, 120, 236, 60, 150, 1, 90)


def phone(folder: Path) -> Path:
    """As phones record: each frame some milliseconds early or late."""
    jitter = np.random.default_rng(0).integers(-6, 7, FRAMES)
    times = [max(0, 40 * number + int(off)) for number, off in enumerate(jitter)]
    return write_video(folder / "phone.mp4", _pictures(), times=times)


def dropped(folder: Path) -> Path:
    """An AVI that leaves out frames."""
    times = [40 * (number + (number > 30) + 3 * (number > 100)) for number in range(FRAMES)]
    return write_video(folder / "dropped.avi", _pictures(), times=times)


def reordered(folder: Path) -> Path:
    """The same, its pictures stored out of order."""
    coding = {"preset": "fast", "bf": "2", "g": "12"}
    whole = write_flashing(folder / "whole.avi", sound=None, times=frame_times(seconds=10.0), coding=coding)
    return remuxed(whole, folder / "gap.avi", lambda number, packet: None if 24 <= number < 36 else packet)


def _pictures() -> list[np.ndarray]:
    return [np.full((64, 96, 3), number, np.uint8) for number in range(FRAMES)]


@pytest.mark.parametrize("made", [phone, dropped, reordered])
@pytest.mark.parametrize("start", [0.0, 0.5])
def test_a_seek_leads_to_the_very_frame(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: Callable[[Path], Path], start: float
) -> None:
    source, decoded = made(tmp_path), [0]
    with VideoReader(source, start=start) as reader:
        wanted = [frame.pixels for frame in reader.frames()]

    class Counting(VideoReader):
        def frames(self) -> Iterator[Frame]:
            for frame in super().frames():
                decoded[0] += 1
                yield frame

    monkeypatch.setattr("app.core.playing.pictures.original.VideoReader", Counting)
    original = OriginalReader(source, None, start)
    original.start()
    for number in JUMPS:
        if number >= len(wanted):
            continue
        decoded[0] = 0
        qtbot.waitUntil(lambda number=number: original.has(number), timeout=PATIENCE)
        picture = original.frame(number)
        assert picture is not None
        assert np.array_equal(picture, wanted[number])
        assert decoded[0] < 60
    original.close()
