"""When frames are shown, told from packets alone: what a player needs at once."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from codec.video import VideoReader
from codec.video.timeline import constant_rate, is_constant_rate, read_timeline, shown_times
from tests.support.films.flashing import remuxed, write_flashing

RATE = 25


def _film(path: Path, stamps: Sequence[int]) -> Path:
    """One grey frame per time, in 25ths of a second, written as it is: also where times don't rise."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", RATE)
        stream.width, stream.height, stream.pix_fmt = 48, 32, "yuvj420p"
        for number, stamp in enumerate(stamps):
            frame = av.VideoFrame.from_ndarray(np.full((32, 48, 3), 5 * number, np.uint8), format="rgb24")
            for packet in stream.encode(frame):
                packet.pts = packet.dts = round(stamp / RATE / packet.time_base)
                container.mux(packet)
    return path


def test_frames_of_one_time_have_no_rate() -> None:
    assert constant_rate([Fraction(3)] * 5, Fraction(RATE)) is None


def test_a_film_whose_frames_all_have_one_time_is_played_evenly(tmp_path: Path) -> None:
    film = _film(tmp_path / "still.mkv", [0] * 30)
    known = shown_times(film, Fraction(RATE))
    assert known is not None
    assert known.even
    # It can't be sought in by time, though.
    assert not is_constant_rate(film, Fraction(RATE))


@pytest.mark.parametrize("stamps", [[0, 1, 2, 2, 2, 6, 7, 8], [0, 0, 0, 9, 10, 11], [0, 1, 2, 7, 8, 30]])
def test_times_from_packets_are_those_that_frames_are_read_with(tmp_path: Path, stamps: list[int]) -> None:
    film = _film(tmp_path / "uneven.mkv", stamps)
    rate = Fraction(RATE)
    with VideoReader(film) as reader:
        read = [float(frame.pts) for frame in reader.frames()]
    known = shown_times(film, rate)
    assert known is not None
    assert not known.even
    assert known.starts == pytest.approx(read, abs=1e-3)
    assert known.end == pytest.approx(float(read_timeline(film).duration), abs=1e-3)
    assert read_timeline(film).frames == len(stamps)


@pytest.mark.parametrize(("codec", "coding"), [("mjpeg", {}), ("libx264", {"preset": "fast", "bf": "2", "g": "12"})])
def test_a_gap_in_a_file_that_only_counts_its_packets_is_kept(
    tmp_path: Path, codec: str, coding: dict[str, str]
) -> None:
    whole = write_flashing(tmp_path / "whole.avi", codec=codec, sound=None, coding=coding)
    rate = Fraction(RATE)
    assert is_constant_rate(whole, rate)
    even = shown_times(whole, rate)
    assert even is not None
    assert (even.even, len(even.starts)) == (True, 60)
    film = remuxed(whole, tmp_path / "gap.avi", lambda number, packet: None if 24 <= number < 36 else packet)
    assert not is_constant_rate(film, rate)
    known, timeline = shown_times(film, rate), read_timeline(film)
    assert known is not None
    assert not known.even
    with VideoReader(film) as reader:
        assert known.starts == pytest.approx([float(frame.pts) for frame in reader.frames()], abs=1e-3)
    assert known.end == pytest.approx(float(timeline.duration), abs=1e-3)
