"""Kinds of files that people really have, made on the spot, through `encode` and `decode` by command."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from av.packet import Packet

from tests.support.by_command import refused, through
from tests.support.films.flashing import FLASHES, SECONDS, beeping, frame_times, remuxed, watch, write_flashing

Output = pytest.CaptureFixture[str]
MILLISECOND = 0.001
IN_STEP = 0.02


def assert_flashing(path: Path, parts: int = 1, *, frames: int = 60, seconds: float = SECONDS) -> None:
    """Frames at 25 a second, each flash with its beep, `parts` recordings one after the other."""
    seen = watch(path)
    assert seen.times == pytest.approx([n / 25 for n in range(frames * parts)], abs=MILLISECOND)
    wanted = [seconds * part + flash for part in range(parts) for flash in FLASHES]
    assert seen.flashes == pytest.approx(wanted, abs=MILLISECOND)
    assert seen.beeps == pytest.approx(wanted, abs=IN_STEP)


def joined(folder: Path, *parts: Path) -> Path:
    path = folder / f"joined{parts[0].suffix}"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def shifted(folder: Path, seconds: float, name: str = "part") -> Path:
    return write_flashing(folder / f"{name}{seconds:g}.ts", options={"output_ts_offset": str(seconds)})


@pytest.mark.parametrize("starts", [(0, 0), (0, 3600), (50, 0), (0, 0, 0), (95430, 0)], ids=str)
def test_joined_transport_streams_are_one_recording(tmp_path: Path, capsys: Output, starts: tuple[int, ...]) -> None:
    parts = [shifted(tmp_path, start, f"{n}-") for n, start in enumerate(starts)]
    made = through(joined(tmp_path, *parts), tmp_path, capsys)
    assert_flashing(made.decoded, len(starts))
    assert "jump" in made.notes[0]
    assert sum("jump" in note for note in made.notes) == 1


@pytest.mark.parametrize("audio", ["opus", "copy"])
def test_joined_sound_is_carried_as_it_is_too(tmp_path: Path, capsys: Output, audio: str) -> None:
    source = joined(tmp_path, shifted(tmp_path, 0), shifted(tmp_path, 1000))
    made = through(source, tmp_path, capsys, "--audio", audio, extension=".mp4")
    assert_flashing(made.decoded, 2)


def test_a_wrap_of_the_clock_is_none_of_the_users_business(tmp_path: Path, capsys: Output) -> None:
    made = through(shifted(tmp_path, 2**33 / 90000 - 2.5), tmp_path, capsys)
    assert_flashing(made.decoded)
    assert made.notes == []


def test_joined_programme_streams_are_one_recording(tmp_path: Path, capsys: Output) -> None:
    part = write_flashing(tmp_path / "a.vob", codec="mpeg2video", sound="mp2", muxer="vob")
    made = through(joined(tmp_path, part, part), tmp_path, capsys)
    once, seen = watch(part), watch(made.decoded)
    assert len(seen.times) == 2 * len(once.times)
    assert seen.flashes == pytest.approx([*once.flashes, *(time + 2.44 for time in once.flashes)], abs=IN_STEP)
    assert seen.beeps == pytest.approx([*once.beeps, *(time + 2.44 for time in once.beeps)], abs=IN_STEP)
    assert max(after - before for before, after in pairwise(seen.times)) < 0.1


def test_joined_live_recordings_are_one(tmp_path: Path, capsys: Output) -> None:
    part = write_flashing(tmp_path / "a.webm", codec="libvpx-vp9", sound="libopus", options={"live": "1"})
    made = through(joined(tmp_path, part, part), tmp_path, capsys)
    seen = watch(made.decoded)
    assert len(seen.times) == 120
    assert seen.flashes == pytest.approx(seen.beeps, abs=IN_STEP)
    assert len(seen.flashes) == 4


CONTAINERS = {
    ".mp4": ("libx264", "aac"),
    ".mov": ("libx264", "alac"),
    ".mkv": ("libx264", "flac"),
    ".webm": ("libvpx-vp9", "libopus"),
    ".ts": ("mpeg2video", "mp2"),
    ".m2ts": ("libx264", "ac3"),
    ".flv": ("libx264", "aac"),
    ".avi": ("mjpeg", "pcm_s16le"),
    ".vob": ("mpeg2video", "ac3"),
    ".wmv": ("wmv2", "libmp3lame"),
}


@pytest.mark.parametrize("extension", CONTAINERS)
def test_ordinary_files_of_any_container(tmp_path: Path, capsys: Output, extension: str) -> None:
    codec, sound = CONTAINERS[extension]
    source = write_flashing(tmp_path / f"a{extension}", codec=codec, sound=sound)
    made = through(source, tmp_path, capsys)
    wanted, seen = watch(source), watch(made.decoded)
    assert seen.times == pytest.approx(wanted.times, abs=MILLISECOND)
    assert seen.flashes == pytest.approx(wanted.flashes, abs=MILLISECOND)
    assert seen.beeps == pytest.approx(wanted.beeps, abs=IN_STEP)
    assert len(seen.beeps) == 2
    assert made.notes == []


@pytest.mark.parametrize("gap", [0.08, 0.3, 1.0])
@pytest.mark.parametrize("sound", ["aac", "flac"])
def test_sound_with_a_hole_is_in_step_behind_it(tmp_path: Path, capsys: Output, gap: float, sound: str) -> None:
    samples = beeping()
    begin, end = round(0.5 * 48000), round((0.5 + gap) * 48000)
    pieces = [(Fraction(0), samples[:begin]), (Fraction(end, 48000), samples[end:])]
    made = through(write_flashing(tmp_path / "a.mkv", sound=sound, pieces=pieces), tmp_path, capsys)
    assert_flashing(made.decoded)


def test_many_small_holes_add_up_to_nothing(tmp_path: Path, capsys: Output) -> None:
    samples = beeping()
    # Of every tenth of a second the last 6 ms are missing.
    pieces = [(Fraction(begin, 48000), samples[begin : begin + 4512]) for begin in range(0, len(samples), 4800)]
    made = through(write_flashing(tmp_path / "a.mkv", sound="flac", pieces=pieces), tmp_path, capsys)
    assert_flashing(made.decoded)


@pytest.mark.parametrize("drift", [-0.02, 0.005, 0.05])
def test_a_sound_clock_that_drifts_is_followed(tmp_path: Path, capsys: Output, drift: float) -> None:
    samples, block = beeping(4.0), 960
    pieces = [
        (Fraction(round(at * (1 + drift)), 48000), samples[at : at + block]) for at in range(0, len(samples), block)
    ]
    source = write_flashing(tmp_path / "a.mkv", sound="pcm_s16le", pieces=pieces)
    seen = watch(through(source, tmp_path, capsys).decoded)
    assert seen.beeps == pytest.approx([flash * (1 + drift) for flash in FLASHES], abs=IN_STEP)


@pytest.mark.parametrize("delay", [-0.5, -0.2, 0.2, 0.7])
@pytest.mark.parametrize("extension", [".mp4", ".mkv", ".ts"])
def test_sound_may_begin_before_or_after_the_picture(
    tmp_path: Path, capsys: Output, delay: float, extension: str
) -> None:
    source = write_flashing(tmp_path / "plain.mkv")

    def later(_: int, packet: Packet) -> Packet:
        kind = "audio" if delay > 0 else "video"
        if packet.stream.type == kind:
            ticks = round(Fraction(abs(delay)).limit_denominator(1000) / packet.time_base)
            packet.pts += ticks
            packet.dts = None if packet.dts is None else packet.dts + ticks
        return packet

    moved = remuxed(source, tmp_path / f"moved{extension}", later)
    seen = watch(through(moved, tmp_path, capsys).decoded)
    assert seen.flashes == pytest.approx(FLASHES, abs=MILLISECOND)
    wanted = [flash + delay for flash in FLASHES if flash + delay > 0]
    assert seen.beeps == pytest.approx(wanted, abs=IN_STEP)


def test_sound_whose_rate_and_channels_change(tmp_path: Path, capsys: Output) -> None:
    parts = [
        write_flashing(tmp_path / f"{n}.ts", sound="ac3", layout=layout, sound_rate=rate)
        for n, (layout, rate) in enumerate([("stereo", 48000), ("5.1", 48000), ("mono", 32000)])
    ]
    made = through(joined(tmp_path, *parts), tmp_path, capsys)
    assert_flashing(made.decoded, 3)


def test_aac_that_changes_is_not_carried_as_it_is(tmp_path: Path, capsys: Output) -> None:
    parts = [write_flashing(tmp_path / f"{layout}.ts", layout=layout) for layout in ("mono", "stereo")]
    source = joined(tmp_path, *parts)
    command = "encode", source, "-o", tmp_path / "a.fgvc", "--audio", "copy", "--prior", "gaussian", "--base", "none"
    assert "changes in mid-stream" in refused(capsys, *command)
    assert_flashing(through(source, tmp_path, capsys).decoded, 2)


@pytest.mark.parametrize(("extension", "rate"), [(".mkv", Fraction(24000, 1001)), (".mkv", Fraction(60000, 1001))])
def test_rates_that_a_coarse_clock_rounds_stay_constant(
    tmp_path: Path, capsys: Output, extension: str, rate: Fraction
) -> None:
    times = frame_times(rate)
    source = write_flashing(tmp_path / f"a{extension}", times=times, time_base=Fraction(1, 1000))
    made = through(source, tmp_path, capsys, extension=".mp4")
    assert watch(made.decoded).times == pytest.approx([float(time) for time in times], abs=MILLISECOND)
    from codec.format.info import describe

    assert describe(made.coded).header.frame_rate == rate
    assert not describe(made.coded).header.variable_timing


@pytest.mark.parametrize("extension", [".mkv", ".mp4", ".mov"])
@pytest.mark.parametrize("written", [".mkv", ".mp4"])
def test_a_picture_that_stays_is_shown_for_its_time(
    tmp_path: Path, capsys: Output, extension: str, written: str
) -> None:
    times = [time if time < 1 else time + 90 for time in frame_times()]
    source = write_flashing(tmp_path / f"a{extension}", times=times, shown=times, sound=None)
    made = through(source, tmp_path, capsys, extension=written)
    seen = watch(made.decoded)
    assert seen.times == pytest.approx([float(time) for time in times], abs=MILLISECOND)
    assert seen.duration == pytest.approx(92.4, abs=0.005)
    from codec.format.info import describe

    assert describe(made.coded).seconds == pytest.approx(92.4, abs=0.005)


@pytest.mark.parametrize("written", [".mkv", ".mp4", ".mov"])
@pytest.mark.parametrize("rate", [Fraction(10), Fraction(2, 5)])
def test_a_last_picture_that_stays_keeps_its_time(tmp_path: Path, capsys: Output, written: str, rate: Fraction) -> None:
    path = tmp_path / "held.gif"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("gif", rate)
        context = stream.codec_context
        context.width, context.height, context.pix_fmt, context.time_base = 32, 32, "rgb8", Fraction(1, 100)
        stream.time_base = Fraction(1, 100)
        packets = []
        for number in range(5):
            frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 40 * number, np.uint8), format="rgb24")
            frame = frame.reformat(format="rgb8")
            frame.pts, frame.time_base = round(100 * number / rate), Fraction(1, 100)
            packets += stream.encode(frame)
        packets += stream.encode(None)
        for packet, duration in zip(packets, [*([round(100 / rate)] * 4), 700], strict=True):
            packet.duration = duration
            container.mux(packet)
    seen = watch(through(path, tmp_path, capsys, extension=written).decoded)
    assert seen.times == pytest.approx([n / float(rate) for n in range(5)], abs=MILLISECOND)
    assert seen.duration == pytest.approx(4 / float(rate) + 7, abs=0.015)


def test_subtitles_that_outlast_the_picture_are_no_damage(tmp_path: Path, capsys: Output) -> None:
    source = write_flashing(tmp_path / "a.mkv")
    target = tmp_path / "titled.mkv"
    with av.open(str(source)) as container, av.open(str(target), "w") as made:
        streams = {s.index: made.add_stream_from_template(s) for s in container.streams}
        titles = made.add_mux_stream("subrip")
        for packet in container.demux():
            if packet.size:
                packet.stream = streams[packet.stream.index]
                made.mux(packet)
        title = Packet(b"Goodbye")
        title.stream, title.time_base = titles, Fraction(1, 1000)
        title.pts = title.dts = 9000
        title.duration = 4000
        made.mux(title)
    made_of = through(target, tmp_path, capsys)
    assert_flashing(made_of.decoded)
    assert watch(made_of.decoded).duration < 3


def test_raw_streams_keep_the_rate_that_they_tell(tmp_path: Path, capsys: Output) -> None:
    path = tmp_path / "raw.h264"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", 30, options={"preset": "fast"})
        stream.width, stream.height, stream.pix_fmt = 48, 32, "yuv420p"
        for number in range(30):
            picture = np.full((32, 48, 3), 5 * number, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    seen = watch(through(path, tmp_path, capsys, extension=".mp4").decoded)
    assert seen.times == pytest.approx([n / 30 for n in range(30)], abs=MILLISECOND)
    assert seen.duration == pytest.approx(1.0, abs=MILLISECOND)


@pytest.mark.parametrize("dropped", [5, 10, 29])
def test_avi_with_a_dropped_frame_keeps_its_times(tmp_path: Path, capsys: Output, dropped: int) -> None:
    whole = write_flashing(tmp_path / "whole.avi", codec="mjpeg", sound="pcm_s16le")
    source = remuxed(
        whole,
        tmp_path / "dropped.avi",
        lambda number, packet: None if packet.stream.type == "video" and number == dropped else packet,
    )
    seen = watch(through(source, tmp_path, capsys).decoded)
    assert seen.times == pytest.approx([n / 25 for n in range(60) if n != dropped], abs=MILLISECOND)
    assert seen.beeps == pytest.approx(FLASHES, abs=IN_STEP)


def test_avi_with_reordered_pictures_and_a_gap(tmp_path: Path, capsys: Output) -> None:
    whole = write_flashing(tmp_path / "whole.avi", sound=None, coding={"preset": "fast", "bf": "2", "g": "12"})
    source = remuxed(whole, tmp_path / "gap.avi", lambda n, packet: None if 24 <= n < 36 else packet)
    seen = watch(through(source, tmp_path, capsys).decoded)
    # One gap of twelve frames, and all others a frame apart.
    steps = [round(25 * (after - before)) for before, after in pairwise(seen.times)]
    assert sorted(steps) == [1] * (len(steps) - 1) + [13]


def test_cover_art_beside_a_film_is_passed_over(tmp_path: Path, capsys: Output) -> None:
    source = write_flashing(tmp_path / "a.mp4")
    target = tmp_path / "covered.mp4"
    with av.open(str(source)) as container, av.open(str(target), "w") as made:
        cover = made.add_stream("png", 1)
        cover.width, cover.height, cover.pix_fmt = 200, 200, "rgb24"
        cover.disposition = av.stream.Disposition.attached_pic
        streams = {s.index: made.add_stream_from_template(s) for s in container.streams}
        picture = np.zeros((200, 200, 3), np.uint8)
        made.mux(cover.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        made.mux(cover.encode(None))
        for packet in container.demux():
            if packet.size:
                packet.stream = streams[packet.stream.index]
                made.mux(packet)
    assert_flashing(through(target, tmp_path, capsys).decoded)
