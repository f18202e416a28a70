"""Writing video: what comes back from the file is what went in, and a failure leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from codec.errors import OutputError
from codec.video import AudioPacket, AudioTrack, Colour, VideoReader, VideoWriter
from tests.support import ROOT, skips
from tests.support.films.synthetic import quadrants

RATE = Fraction(25)
TICK = Fraction(1, 12800)
BT709 = Colour(1, 1, 1, 1)


def _write(
    path: Path, pictures: list[np.ndarray], times: list[Fraction], size: tuple[int, int], colour: Colour
) -> None:
    with VideoWriter(path, *size, frame_rate=RATE, time_base=TICK, colour=colour) as writer:
        for picture, time in zip(pictures, times, strict=True):
            writer.write(picture, time)


def _every(count: int) -> list[Fraction]:
    return [index / RATE for index in range(count)]


@pytest.mark.parametrize("size", [(64, 32), (33, 17), (1, 1)])
def test_matroska_is_lossless_to_the_bit(tmp_path: Path, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(3)
    pictures = [rng.integers(0, 256, (size[1], size[0], 3), np.uint8) for _ in range(4)]
    path = tmp_path / "lossless.mkv"
    _write(path, pictures, _every(4), size, BT709)
    with VideoReader(path) as reader:
        frames = list(reader.frames())
    np.testing.assert_array_equal([frame.pixels for frame in frames], pictures)
    assert [frame.pts for frame in frames] == _every(4)
    assert (reader.info.colour.primaries, reader.info.colour.transfer) == (1, 1)


@pytest.mark.parametrize("extension", [".mp4", ".mov", ".m4v"])
def test_uneven_times_are_exact(tmp_path: Path, extension: str) -> None:
    times = [Fraction(tick, 12800) for tick in (0, 512, 513, 2000, 12801)]
    path = tmp_path / f"vfr{extension}"
    _write(path, [quadrants(64, 32)] * 5, times, (64, 32), BT709)
    with VideoReader(path) as reader:
        assert [frame.pts for frame in reader.frames()] == times


@pytest.mark.parametrize(
    "colour", [BT709, Colour(6, 6, 6, 1), Colour(9, 16, 9, 1), Colour(1, 1, 1, 2), Colour(2, 2, 5, 2)]
)
def test_colour_is_tagged_as_it_is_coded(tmp_path: Path, colour: Colour) -> None:
    path = tmp_path / "tagged.mp4"
    _write(path, [quadrants(64, 32)], [Fraction(0)], (64, 32), colour)
    with VideoReader(path) as reader:
        (frame,) = reader.frames()
    assert reader.info.colour == colour
    assert np.abs(frame.pixels.astype(int) - quadrants(64, 32)).mean() < 5


def test_unspecified_colour_gets_the_matrix_it_was_coded_with(tmp_path: Path) -> None:
    path = tmp_path / "untagged.mp4"
    _write(path, [quadrants(64, 32)], [Fraction(0)], (64, 32), Colour())
    with VideoReader(path) as reader:
        assert reader.info.colour == Colour(2, 2, 6, 1)


def test_a_clip_goes_through_almost_unchanged(data: Path, tmp_path: Path) -> None:
    path = tmp_path / "again.mp4"
    with VideoReader(data / "portrait.mp4", duration=0.5) as reader:
        info, frames = reader.info, list(reader.frames())
    settings = {"frame_rate": info.frame_rate, "time_base": info.time_base, "colour": info.colour}
    with VideoWriter(path, info.width, info.height, **settings) as writer:
        for frame in frames:
            writer.write(frame.pixels, frame.pts)
    with VideoReader(path) as reader:
        again = list(reader.frames())
    assert (reader.info.width, reader.info.height, reader.info.colour) == (136, 240, info.colour)
    assert reader.info.frame_rate == info.frame_rate
    assert [frame.pts for frame in again] == [frame.pts for frame in frames]
    error = np.mean([np.mean((a.pixels.astype(float) - b.pixels) ** 2) for a, b in zip(frames, again, strict=True)])
    assert 10 * np.log10(255**2 / error) > 38


def test_frames_are_scaled_back_to_the_source_size(tmp_path: Path) -> None:
    path = tmp_path / "scaled.mkv"
    _write(path, [quadrants(32, 16)], [Fraction(0)], (64, 32), BT709)
    with VideoReader(path) as reader:
        (frame,) = reader.frames()
    assert np.abs(frame.pixels.astype(int) - quadrants(64, 32)).mean() < 6


def test_odd_sides_are_made_even_by_repeating_the_edge(tmp_path: Path) -> None:
    path = tmp_path / "odd.mp4"
    _write(path, [quadrants(97, 65)] * 3, _every(3), (97, 65), BT709)
    with VideoReader(path) as reader:
        frames = list(reader.frames())
    assert frames[0].pixels.shape == (66, 98, 3)
    assert np.abs(frames[0].pixels[:65, :97].astype(int) - quadrants(97, 65)).mean() < 3
    assert np.abs(frames[0].pixels[:, 97].astype(int) - frames[0].pixels[:, 96]).max() < 4


def test_h264_is_the_kind_every_player_takes(tmp_path: Path) -> None:
    path = tmp_path / "plain.mp4"
    _write(path, [quadrants(64, 32)], [Fraction(0)], (64, 32), BT709)
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.pix_fmt, context.profile) == ("h264", "yuv420p", "High")


def test_the_target_appears_only_when_complete(tmp_path: Path) -> None:
    path = tmp_path / "late.mp4"
    writer = VideoWriter(path, 64, 32, frame_rate=RATE, time_base=TICK, colour=BT709)
    writer.write(quadrants(64, 32), Fraction(0))
    assert not path.exists()
    writer.close()
    assert [entry.name for entry in tmp_path.iterdir()] == ["late.mp4"]


def test_an_abort_leaves_nothing_and_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "kept.mp4"
    path.write_bytes(b"old")
    wrong_shape = np.zeros((32, 64), np.uint8)
    with pytest.raises(ValueError, match="array"):
        _write(path, [quadrants(64, 32), wrong_shape], _every(2), (64, 32), BT709)
    assert [entry.name for entry in tmp_path.iterdir()] == ["kept.mp4"]
    assert path.read_bytes() == b"old"


def test_targets_that_cannot_be_written_are_refused(tmp_path: Path) -> None:
    settings = {"frame_rate": RATE, "time_base": TICK, "colour": BT709}
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder.mp4").mkdir()
    refused = {
        tmp_path / "absent" / "a.mp4": "folder exists",
        tmp_path / "file" / "a.mp4": "folder exists",
        tmp_path / "folder.mp4": "is a folder",
        tmp_path / "a.avi": "no extension that can be written",
    }
    for path, reason in refused.items():
        with pytest.raises(OutputError, match=reason):
            VideoWriter(path, 64, 32, **settings)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "folder.mp4"]


def test_audio_the_container_cannot_hold_is_refused_at_once(tmp_path: Path) -> None:
    track = AudioTrack("ac3", b"", 48000, 2, "stereo", Fraction(1, 48000), None)
    with pytest.raises(OutputError, match="ac3 audio"):
        VideoWriter(tmp_path / "a.webm", 64, 32, frame_rate=RATE, time_base=TICK, colour=BT709, audio=track)
    assert list(tmp_path.iterdir()) == []


def test_times_must_rise_and_audio_needs_a_track(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "a.mp4", 64, 32, frame_rate=RATE, time_base=TICK, colour=BT709)
    writer.write(quadrants(64, 32), Fraction(0))
    with pytest.raises(ValueError, match="doesn't follow"):
        writer.write(quadrants(64, 32), Fraction(0))
    with pytest.raises(ValueError, match="without an audio track"):
        writer.write_audio(AudioPacket(0, 1024, b"x"))
    writer.abort()


@skips.posix
def test_a_full_disk_is_reported_and_leaves_nothing(tmp_path: Path) -> None:
    script = (
        "import resource, signal, sys, pathlib, numpy as np\n"
        "from fractions import Fraction as F\n"
        "from codec.video import VideoWriter, Colour\n"
        "from codec.errors import OutputError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
        "rng = np.random.default_rng(0)\n"
        "try:\n"
        "    path = pathlib.Path(sys.argv[1])\n"
        "    with VideoWriter(path, 256, 256, frame_rate=F(25), time_base=F(1, 25), colour=Colour()) as writer:\n"
        "        for i in range(30): writer.write(rng.integers(0, 256, (256, 256, 3), np.uint8), F(i, 25))\n"
        "except OutputError as error: print(error)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "full.mkv")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "free space" in done.stdout
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []


@skips.linux_disk
def test_writing_av1_leaves_no_thread_with_real_time_priority(tmp_path: Path) -> None:
    settings = {"frame_rate": Fraction(25), "time_base": Fraction(1, 25), "colour": Colour()}
    with VideoWriter(tmp_path / "a.webm", 64, 48, **settings) as writer:
        policies = {os.sched_getscheduler(int(task.name)) for task in Path("/proc/self/task").iterdir()}
        writer.write(np.zeros((48, 64, 3), np.uint8), Fraction(0))
    assert os.SCHED_FIFO not in policies


def test_a_picture_that_stays_too_long_for_a_file_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    path, half_a_day = tmp_path / "slides.mp4", Fraction(43_200)
    # Seen by whoever closes the file: the muxer gets the last frames then.
    writer = VideoWriter(path, 64, 32, frame_rate=RATE, time_base=Fraction(1, 90_000), colour=BT709)
    writer.write(quadrants(64, 32), Fraction(0))
    writer.write(quadrants(64, 32), 2 * half_a_day)
    with pytest.raises(OutputError, match=r"slides\.mp4 can't hold pictures at these times; write an \.mkv file"):
        writer.close()
    assert list(tmp_path.iterdir()) == []


def test_what_matroska_does_not_hold_is_not_sent_to_matroska(tmp_path: Path) -> None:
    # Matroska wants the header of AAC, which MP4 writes without.
    track = AudioTrack("aac", b"", 48000, 2, "stereo", Fraction(1, 48000), None)
    path = tmp_path / "a.mkv"
    writer = VideoWriter(path, 64, 32, frame_rate=RATE, time_base=TICK, colour=BT709, audio=track)
    writer.write(quadrants(64, 32), Fraction(0))
    writer.write_audio(AudioPacket(0, 1024, b"x" * 20))
    with pytest.raises(OutputError, match=r"a\.mkv can't hold this sound, .*; encode the source again\."):
        writer.close()
    assert list(tmp_path.iterdir()) == []
