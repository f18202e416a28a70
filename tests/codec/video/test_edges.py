"""Inputs at the edge: pipes, unknown codecs, two programmes, fields, pictures that change, and animated pictures."""

from __future__ import annotations

import json
import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from codec.cli import main
from codec.errors import InputError
from codec.video import VideoReader, probe, read_timeline
from codec.video.container.programmes import programme_of
from tests.support import skips
from tests.support.by_command import TINY, refused, through
from tests.support.codec_runs import moving
from tests.support.films.fields import combing, interlaced
from tests.support.films.flashing import FLASHES, watch, write_flashing
from tests.support.films.synthetic import quadrants, set_display_matrix, write_video

Output = pytest.CaptureFixture[str]


# --- Pipes ----------------------------------------------------------------------------------------------------------


@skips.posix
def test_a_pipe_is_refused_at_once(tmp_path: Path, capsys: Output) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert "is a pipe" in refused(capsys, "encode", pipe, "-o", tmp_path / "a.fgvc", *TINY)
    assert "is a pipe" in refused(capsys, "measure", pipe, pipe, "--metrics", "psnr")
    assert "no ordinary file" in refused(capsys, "decode", pipe, "-o", tmp_path / "a.mkv")
    assert "no ordinary file" in refused(capsys, "info", pipe)
    assert "is a device" in refused(capsys, "encode", os.devnull, "-o", tmp_path / "a.fgvc", *TINY)


# --- Codecs and programmes ------------------------------------------------------------------------------------------


def forged(path: Path, old: bytes, new: bytes) -> Path:
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new))
    return path


@pytest.mark.parametrize(
    ("name", "old", "new"), [("a.mov", b"sowt", b"xyz1"), ("a.mkv", b"A_PCM/INT/LIT", b"A_XXX/INT/LIT")]
)
def test_sound_in_an_unknown_codec_is_silence(
    tmp_path: Path, capsys: Output, name: str, old: bytes, new: bytes
) -> None:
    source = forged(write_flashing(tmp_path / name, sound="pcm_s16le"), old, new)
    made = through(source, tmp_path, capsys)
    assert watch(made.decoded).beeps == []
    assert "no sound" in made.notes[0]
    assert probe(source).audio is None
    assert through(source, tmp_path, capsys, "--audio", "none").notes == []


@pytest.mark.parametrize(
    ("name", "old", "new"), [("a.mp4", b"avc1", b"xyz1"), ("a.mkv", b"V_MPEG4/ISO/AVC", b"V_XXXXX/ISO/AVC")]
)
def test_a_picture_in_an_unknown_codec_is_one_sentence(
    tmp_path: Path, capsys: Output, name: str, old: bytes, new: bytes
) -> None:
    source = forged(write_flashing(tmp_path / name), old, new)
    assert "codec that can't be decoded" in refused(capsys, "encode", source, "-o", tmp_path / "a.fgvc", *TINY)
    with pytest.raises(InputError, match="convert it to H"):
        probe(source)


def two_programmes(path: Path) -> Path:
    """The packets of a radio and of a film in one transport stream, whose tables say which belong together."""
    film = write_flashing(path.with_name("film.ts"), sound="mp2")
    radio = write_flashing(
        path.with_name("radio.ts"),
        times=[Fraction(0)],
        options={"mpegts_start_pid": "0x200", "mpegts_service_id": "2", "mpegts_pmt_start_pid": "0x1100"},
    )
    packets = [file.read_bytes()[at : at + 188] for file in (radio, film) for at in range(0, file.stat().st_size, 188)]
    path.write_bytes(b"".join(packets))
    return path


def test_programmes_are_told_from_their_tables(tmp_path: Path) -> None:
    path = two_programmes(tmp_path / "two.ts")
    members = programme_of(path, 0x200)
    assert members is not None
    assert 0x200 in members
    assert 0x100 not in members
    assert programme_of(path, 0x999) is None
    (tmp_path / "noise.ts").write_bytes(np.random.default_rng(0).bytes(20_000))
    assert programme_of(tmp_path / "noise.ts", 0x100) is None


# --- Rates ----------------------------------------------------------------------------------------------------------


def test_a_slow_motion_recording_is_coded_played_and_compared(tmp_path: Path, capsys: Output) -> None:
    # 500 frames a second; SVT-AV1 takes no more than 240.
    source = write_video(tmp_path / "slow.mp4", moving(24, 96, 64), times=range(0, 48, 2))
    made = through(source, tmp_path, capsys, "--base", "av1", extension=".webm")
    with VideoReader(made.decoded) as reader:
        assert [1000 * frame.pts for frame in reader.frames()] == list(range(0, 48, 2))
    assert main(["compare", str(source), str(made.coded), "--peers", "svtav1", "--json"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


# --- Fields ---------------------------------------------------------------------------------------------------------


def test_fields_are_joined_or_left_and_a_note_says_which(tmp_path: Path, capsys: Output) -> None:
    source = interlaced(tmp_path / "fields.ts")
    timeline = read_timeline(source)
    assert timeline.interlaced > 0
    with VideoReader(source) as plain, VideoReader(source, deinterlace=True) as joined:
        before, after = list(plain.frames()), list(joined.frames())
    assert [frame.pts for frame in before] == [frame.pts for frame in after]
    assert combing([frame.pixels for frame in before]) > 5
    assert combing([frame.pixels for frame in after]) < 1
    made = through(source, tmp_path, capsys)
    assert "is deinterlaced by bwdif" in made.notes[0]
    assert len(watch(made.decoded).times) == timeline.frames
    assert "coded as it is" in through(source, tmp_path, capsys, "--deinterlace", "off").notes[0]
    capsys.readouterr()
    assert main(["measure", str(source), str(source), "--metrics", "psnr"]) == 0
    assert "deinterlaced first" in "".join(capsys.readouterr())


def test_frames_are_joined_that_need_it_wherever_the_first_one_is(tmp_path: Path, capsys: Output) -> None:
    plain, fields = interlaced(tmp_path / "plain.m2v", whole=True), interlaced(tmp_path / "fields.m2v")
    source = tmp_path / "mixed.m2v"
    source.write_bytes(plain.read_bytes() + fields.read_bytes())
    with VideoReader(source) as as_it_is, VideoReader(source, deinterlace=True) as joined:
        before, after = ([frame.pixels for frame in reader.frames()] for reader in (as_it_is, joined))
    np.testing.assert_array_equal(after[:12], before[:12])
    assert combing(before[12:]) > 5
    assert combing(after[12:]) < 1
    made = through(source, tmp_path, capsys)
    assert "is deinterlaced by bwdif" in made.notes[0]
    assert main(["measure", str(source), str(source), "--metrics", "psnr"]) == 0
    assert "deinterlaced first" in "".join(capsys.readouterr())
    quality = {}
    for choice in ("auto", "off"):
        told = ["compare", str(source), str(made.coded), "--peers", "x265", "--deinterlace", choice, "--json"]
        assert main(told) == 0
        quality[choice] = json.loads(capsys.readouterr().out.splitlines()[0])["metrics"]["psnr"]
    assert quality["auto"] > quality["off"]


def test_progressive_video_is_not_touched(tmp_path: Path, capsys: Output) -> None:
    source = write_video(tmp_path / "a.mp4", [quadrants(64, 32)] * 3)
    with VideoReader(source) as plain, VideoReader(source, deinterlace=True) as joined:
        for before, after in zip(plain.frames(), joined.frames(), strict=True):
            np.testing.assert_array_equal(before.pixels, after.pixels)
    assert through(source, tmp_path, capsys).notes == []


# --- Pictures that change -------------------------------------------------------------------------------------------


def changing(path: Path, forms: list[tuple[int, int, str]]) -> Path:
    """Twelve frames of each (width, height, pixel format), one coded stream after the other in one track."""
    parts = []
    for number, (width, height, pixels) in enumerate(forms):
        part = path.with_name(f"part{number}.h264")
        parts.append(write_video(part, [quadrants(width, height)] * 12, pixels=pixels, muxer="h264"))
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


@pytest.mark.parametrize(
    "forms",
    [
        [(64, 32, "yuv420p"), (128, 64, "yuv420p")],
        [(64, 32, "yuv420p"), (64, 32, "yuv444p")],
        [(64, 32, "yuv420p"), (32, 64, "yuv422p"), (64, 32, "yuv420p")],
    ],
    ids=str,
)
def test_size_and_pixel_format_may_change_in_mid_stream(
    tmp_path: Path, capsys: Output, forms: list[tuple[int, int, str]]
) -> None:
    source = changing(tmp_path / "changing.h264", forms)
    for deinterlace in (False, True):
        with VideoReader(source, deinterlace=deinterlace) as reader:
            pictures = [frame.pixels for frame in reader.frames()]
        assert len(pictures) == 12 * len(forms)
        assert {picture.shape for picture in pictures} == {(32, 64, 3)}
        for picture in pictures:
            assert np.abs(picture.astype(int) - quadrants(64, 32)).mean() < 12
    assert len(watch(through(source, tmp_path, capsys).decoded).times) == 12 * len(forms)


@pytest.mark.parametrize("turn", [(0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0), (-1, 0, 0, 1)], ids=str)
@pytest.mark.parametrize("aspect", [Fraction(2), Fraction(1, 2), Fraction(16, 11)], ids=str)
def test_turned_pictures_with_oblong_pixels(tmp_path: Path, turn: tuple[int, int, int, int], aspect: Fraction) -> None:
    path = write_video(tmp_path / "turned.mp4", [quadrants(64, 64)], aspect=aspect)
    set_display_matrix(path, *turn)
    info = probe(path)
    wide, high = round(64 * max(1, aspect)), round(64 / min(1, aspect))
    transposed = turn[0] == 0
    assert (info.width, info.height) == ((high, wide) if transposed else (wide, high))
    with VideoReader(path) as reader:
        (frame,) = reader.frames()
    assert frame.pixels.shape == (info.height, info.width, 3)
    stored = quadrants(wide, high)
    upright = reader.info.orientation.apply(stored)
    assert np.abs(frame.pixels.astype(int) - upright).mean() < 8


# --- Animated pictures ----------------------------------------------------------------------------------------------


def test_animated_webp_keeps_its_times(tmp_path: Path, capsys: Output) -> None:
    path = tmp_path / "moving.webp"
    pictures = [Image.fromarray(np.roll(quadrants(64, 32), 8 * n, 1)) for n in range(5)]
    durations = [100, 100, 40, 200, 3000]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=durations, lossless=True)
    with VideoReader(path) as reader:
        frames = list(reader.frames())
    np.testing.assert_array_equal(frames[1].pixels, np.asarray(pictures[1]))
    seen = watch(through(path, tmp_path, capsys).decoded)
    assert seen.times == pytest.approx([0, 0.1, 0.2, 0.24, 0.44], abs=0.001)
    assert seen.duration == pytest.approx(3.44, abs=0.001)


@pytest.mark.parametrize("suffix", ["webp", "jpg", "png", "bmp", "gif.png"])
def test_one_picture_is_no_video(tmp_path: Path, capsys: Output, suffix: str) -> None:
    path = tmp_path / f"still.{suffix}"
    Image.fromarray(quadrants(64, 32)).save(path)
    assert "is a picture" in refused(capsys, "encode", path, "-o", tmp_path / "a.fgvc", *TINY)


def test_a_broken_animation_is_one_sentence(tmp_path: Path, capsys: Output) -> None:
    path = tmp_path / "moving.webp"
    pictures = [Image.fromarray(np.roll(quadrants(64, 32), 8 * n, 1)) for n in range(3)]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=100)
    path.write_bytes(path.read_bytes()[:200])
    assert path.name in refused(capsys, "encode", path, "-o", tmp_path / "a.fgvc", *TINY)


def test_raw_motion_jpeg_is_read(tmp_path: Path, capsys: Output) -> None:
    source = write_flashing(tmp_path / "raw.mjpeg", codec="mjpeg", sound=None, muxer="mjpeg")
    seen = watch(through(source, tmp_path, capsys).decoded)
    assert seen.times == pytest.approx([n / 25 for n in range(60)], abs=0.001)
    assert seen.flashes == pytest.approx(FLASHES, abs=0.001)
