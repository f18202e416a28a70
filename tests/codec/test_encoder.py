"""Videos become files that play, whatever the source is like and wherever the encode was stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from codec.encoder import encode
from codec.errors import FreeGvcError, InputError, OutputError, SettingsError
from codec.events import GopDone
from codec.files import part_path
from codec.format.info import describe
from codec.format.reader import BitstreamReader
from codec.format.records import GopRecord
from codec.settings import Bitrate, Quality, Size
from tests.support import skips
from tests.support.codec_runs import cut_film, film, moving, run_decode, run_encode, shown, tiny
from tests.support.films.synthetic import write_video


def _records(path: Path) -> list[GopRecord]:
    with BitstreamReader(path) as reader:
        return [record for record in reader.records() if isinstance(record, GopRecord)]


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("base", ["none", "av1"])
def test_a_few_frames_are_enough(tmp_path: Path, count: int, base: str) -> None:
    source = film(tmp_path / "in.mp4", count)
    run = run_encode(source, tmp_path / "a.fgvc", base=base)
    assert run.finished.frames == count
    assert run_decode(tmp_path / "a.fgvc", tmp_path / "out.mkv").finished.frames == count
    assert shown(tmp_path / "out.mkv")[1] == shown(source)[1]


@pytest.mark.parametrize(("width", "height"), [(49, 33), (20, 90), (33, 20)])
def test_odd_sizes_come_back_as_they_were(tmp_path: Path, width: int, height: int) -> None:
    source = write_video(tmp_path / "in.mp4", moving(3, width, height))
    run_encode(source, tmp_path / "a.fgvc", base="av1")
    run_decode(tmp_path / "a.fgvc", tmp_path / "out.mkv")
    assert shown(tmp_path / "out.mkv")[0][0].shape == (height, width, 3)


@pytest.mark.parametrize("overlap", ["guided", "plain"])
@pytest.mark.parametrize("channel", ["trellis", "greedy", "pfr"])
def test_previews_are_the_decoders_frames(tmp_path: Path, overlap: str, channel: str) -> None:
    source = film(tmp_path / "in.mp4", 22)
    more: dict[str, Any] = {"overlap": overlap, "channel": channel, "short_side": 16, "goal": Bitrate(4000)}
    encoded = run_encode(source, tmp_path / "a.fgvc", preview=True, gop_frames=8, **more)
    decoded = run_decode(tmp_path / "a.fgvc", tmp_path / "out.mkv")
    assert len(encoded.gops) >= 3
    assert np.array_equal(np.stack(encoded.pictures), np.stack(decoded.pictures))
    assert len(decoded.pictures) == 22


def test_previews_are_the_decoders_frames_over_a_base_and_a_cut(tmp_path: Path) -> None:
    source = cut_film(tmp_path / "in.mp4", [20, 12])
    encoded = run_encode(source, tmp_path / "a.fgvc", preview=True, base="av1", gop_frames=8)
    decoded = run_decode(tmp_path / "a.fgvc", tmp_path / "out.mkv")
    assert np.array_equal(np.stack(encoded.pictures), np.stack(decoded.pictures))
    assert [record.start_frame for record in _records(tmp_path / "a.fgvc") if record.overlap == 0] == [0, 20]


def test_variable_times_are_kept_to_the_tick(data: Path, tmp_path: Path) -> None:
    source = data / "variable.mkv"
    run = run_encode(source, tmp_path / "a.fgvc", duration=1.0)
    run_decode(tmp_path / "a.fgvc", tmp_path / "out.mkv")
    times = shown(source)[1][: run.finished.frames]
    assert shown(tmp_path / "out.mkv")[1] == times
    assert len({after - before for before, after in pairwise(times)}) > 1


def test_hdr_colour_and_orientation_are_kept(data: Path, tmp_path: Path) -> None:
    run_encode(data / "pq_10bit.mp4", tmp_path / "a.fgvc", duration=0.1)
    colour = describe(tmp_path / "a.fgvc").header.colour
    assert (colour.transfer, colour.bit_depth) == (16, 10)
    run_encode(data / "portrait.mp4", tmp_path / "b.fgvc", duration=0.1)
    header = describe(tmp_path / "b.fgvc").header
    assert (header.source_width, header.source_height) == (136, 240)
    assert header.coding_width < header.coding_height


def test_samples_in_floating_point_are_taken(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "in.nut"), "w") as container:
        stream = container.add_stream("rawvideo", 25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "gbrpf32le"
        for number, picture in enumerate(moving(8, 64, 48)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="gbrpf32le")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert run_encode(tmp_path / "in.nut", tmp_path / "a.fgvc").finished.frames == 8
    assert describe(tmp_path / "a.fgvc").header.colour.bit_depth == 16


@pytest.mark.parametrize("audio", ["opus", "copy", "none"])
def test_audio_is_carried_counted_or_left_out(data: Path, tmp_path: Path, audio: str) -> None:
    source = data / "portrait.mp4"
    run = run_encode(source, tmp_path / "a.fgvc", duration=0.4, audio=audio)
    assert (run.finished.audio_bytes > 0) is (audio != "none")
    assert run.finished.bpp * run.finished.frames * 32 * 56 == pytest.approx(
        8 * (run.finished.bytes - run.finished.audio_bytes), rel=0.03
    )
    decoded = run_decode(tmp_path / "a.fgvc", tmp_path / "out.mp4")
    assert decoded.finished.audio_bytes == run.finished.audio_bytes
    assert decoded.finished.bpp == pytest.approx(run.finished.bpp)
    assert describe(tmp_path / "a.fgvc").bpp == pytest.approx(run.finished.bpp)


@pytest.mark.parametrize("base", ["none", "av1"])
@pytest.mark.parametrize("size", [1500, 4000])
def test_a_size_is_not_exceeded(tmp_path: Path, size: int, base: str) -> None:
    source = cut_film(tmp_path / "in.mp4", [20, 14])
    run = run_encode(source, tmp_path / "a.fgvc", goal=Size(size), base=base, gop_frames=8)
    reached = (tmp_path / "a.fgvc").stat().st_size
    assert reached == run.finished.bytes <= size
    assert reached >= 0.5 * size


def _dissolves(still: int, count: int, per: int = 6) -> list[np.ndarray]:
    """A still picture, then others that dissolve into one another without a cut: far dearer."""
    scenes = [moving(1, seed=seed)[0].astype(np.float64) for seed in range(count // per + 2)]
    shares = [(number // per, number % per / per) for number in range(count)]
    mixed = [((1 - share) * scenes[k] + share * scenes[k + 1]).astype(np.uint8) for k, share in shares]
    return [*mixed[:1] * still, *mixed]


def test_a_size_holds_where_a_scene_begins_quietly(tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mp4", _dissolves(24, 40))
    run = run_encode(source, tmp_path / "a.fgvc", goal=Size(3500), base="av1", gop_frames=16)
    assert run.gops[0].base_bits < 2 * run.gops[2].base_bits
    assert 0.5 * 3500 <= run.finished.bytes <= 3500


def test_a_size_holds_the_audio_too(data: Path, tmp_path: Path) -> None:
    source = data / "portrait.mp4"
    run = run_encode(source, tmp_path / "a.fgvc", goal=Size(7000), duration=1.0, audio="copy")
    assert run.finished.audio_bytes > 0
    assert run.finished.bytes <= 7000
    with pytest.raises(SettingsError, match=r"no room for \d+ bytes of audio"):
        run_encode(source, tmp_path / "b.fgvc", goal=Size(900), duration=1.0, audio="copy")
    assert [path.name for path in tmp_path.iterdir()] == ["a.fgvc"]


@pytest.mark.parametrize("rate", [4_000, 10_000])
def test_a_bitrate_is_held(tmp_path: Path, rate: int) -> None:
    run = run_encode(film(tmp_path / "in.mp4", 60), tmp_path / "a.fgvc", goal=Bitrate(rate))
    assert 0.8 * rate <= 1000 * run.finished.kbps <= 1.05 * rate + 8 * 400 / 2.4


def test_a_gop_that_sends_nothing_keeps_no_points_of_steps_that_it_lacks(tmp_path: Path) -> None:
    # Whatever looks bad enough is reached without a step, and steps that were measured on the way are not stored.
    source = film(tmp_path / "in.mp4", 20)
    run = run_encode(source, tmp_path / "a.fgvc", goal=Quality(0.01, "ms-ssim"), short_side=176)
    assert any(probe.step > gop.t_star for gop in run.gops for probe in gop.probes)
    assert all(step <= len(gop.steps) for gop in _records(tmp_path / "a.fgvc") for step, _ in gop.measured())


def test_an_unreachable_goal_is_told_in_words(tmp_path: Path) -> None:
    source = film(tmp_path / "in.mp4", 3)
    run = run_encode(source, tmp_path / "a.fgvc", goal=Bitrate(10.0))
    assert run.warnings == ["GOP 0 doesn't stay within 0.01 kbit/s; it stays at the nearest that was found, t* = 0."]
    run = run_encode(source, tmp_path / "b.fgvc", goal=Quality(0.999, "ms-ssim"))
    assert [warning.split(";")[0] for warning in run.warnings] == ["GOP 0 doesn't reach MS-SSIM 0.999"]


def test_over_a_base_a_rate_is_missed_where_it_is_exceeded_however_the_result_looks(tmp_path: Path) -> None:
    # Noise looks bad at any such rate.
    noise = np.random.default_rng(1).integers(0, 256, (12, 64, 96, 3), np.uint8)
    source = write_video(tmp_path / "in.mp4", list(noise))
    more = {"base": "av1", "prior": "pocket", "short_side": 64}
    held = run_encode(source, tmp_path / "a.fgvc", goal=Bitrate(30_000), **more)
    assert held.finished.quality is not None
    assert held.finished.quality > 0.2
    assert held.finished.kbps <= 31
    assert not any("doesn't stay within" in warning for warning in held.warnings)
    assert not any(gop.missed for gop in held.gops)
    over = run_encode(source, tmp_path / "b.fgvc", goal=Bitrate(500), **more)
    assert any("doesn't stay within 0.5 kbit/s" in warning for warning in over.warnings)


def _stopped(source: Path, output: Path, gops: int, **more: Any) -> None:
    """Closes the generator once so many GOPs are done."""
    events = encode(source, output, tiny(gop_frames=8, **more))
    done = 0
    for event in events:
        done += isinstance(event, GopDone)
        if done == gops:
            break
    events.close()  # type: ignore[attr-defined]


def test_a_closed_encode_leaves_whole_gops_playable(tmp_path: Path) -> None:
    source, output = film(tmp_path / "in.mp4", 40), tmp_path / "a.fgvc"
    _stopped(source, output, 2)
    assert not part_path(output).exists()
    assert not describe(output).complete
    assert run_decode(output, tmp_path / "out.mkv").finished.frames == 14


def test_a_closed_encode_without_a_gop_leaves_nothing(tmp_path: Path) -> None:
    source, output = film(tmp_path / "in.mp4", 10), tmp_path / "a.fgvc"
    _stopped(source, output, 0)
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


@pytest.mark.parametrize("more", [{"overlap": "plain"}, {"overlap": "guided"}, {"base": "av1"}], ids=str)
def test_a_stopped_encode_is_resumed(tmp_path: Path, more: dict[str, Any]) -> None:
    source, output = cut_film(tmp_path / "in.mp4", [20, 20]), tmp_path / "a.fgvc"
    _stopped(source, output, 5, **more)
    before = _records(output)
    run = run_encode(source, output, resume=True, gop_frames=8, **more)
    after = _records(output)
    kept = [old for old, new in zip(before, after, strict=False) if old == new]
    assert len(kept) >= 3
    assert [gop.index for gop in run.finished.gops] == list(range(len(after)))
    assert sum(gop.bits for gop in run.finished.gops) < 8 * run.finished.bytes
    assert describe(output).complete
    assert run_decode(output, tmp_path / "out.mkv").finished.frames == 40
    assert shown(tmp_path / "out.mkv")[1] == [Fraction(frame, 25) for frame in range(40)]


def test_a_resumed_encode_keeps_variable_times(data: Path, tmp_path: Path) -> None:
    source, output = data / "variable.mkv", tmp_path / "a.fgvc"
    _stopped(source, output, 2, overlap="plain", duration=1.0)
    run = run_encode(source, output, resume=True, gop_frames=8, overlap="plain", duration=1.0)
    run_decode(output, tmp_path / "out.mkv")
    assert shown(tmp_path / "out.mkv")[1] == shown(source)[1][: run.finished.frames]


def test_a_resumed_size_is_not_exceeded(tmp_path: Path) -> None:
    source, output = film(tmp_path / "in.mp4", 40), tmp_path / "a.fgvc"
    more: dict[str, Any] = {"goal": Size(3000), "overlap": "plain"}
    _stopped(source, output, 4, **more)
    assert run_encode(source, output, resume=True, gop_frames=8, **more).finished.bytes <= 3000


KILLED = """
import os, signal, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from codec.encoder import encode
from codec.events import GopDone
from codec.settings import Bitrate, EncodeSettings
settings = EncodeSettings(prior="gaussian", base="none", goal=Bitrate(20000), short_side=32, channel="greedy",
                          gop_frames=8, overlap="plain")
for event in encode(Path(sys.argv[1]), Path(sys.argv[2]), settings):
    if isinstance(event, GopDone) and event.index == 2:
        os.kill(os.getpid(), signal.SIGKILL)
"""


@skips.posix
@pytest.mark.slow
def test_a_killed_encode_is_resumed(tmp_path: Path) -> None:
    source, output = film(tmp_path / "in.mp4", 40), tmp_path / "a.fgvc"
    killed = subprocess.run([sys.executable, "-c", KILLED, source, output], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not output.exists()
    assert [record.index for record in _records(part_path(output))] == [0, 1, 2]
    run = run_encode(source, output, resume=True, gop_frames=8, overlap="plain")
    whole = run_encode(source, tmp_path / "b.fgvc", gop_frames=8, overlap="plain")
    assert run.finished.frames == whole.finished.frames == 40
    assert _records(output)[:3] == _records(tmp_path / "b.fgvc")[:3]


@skips.posix
def test_two_encodes_do_not_write_one_file(tmp_path: Path) -> None:
    source, output = film(tmp_path / "in.mp4", 20), tmp_path / "a.fgvc"
    first = encode(source, output, tiny(gop_frames=8))
    next(event for event in first if isinstance(event, GopDone))
    with pytest.raises(OutputError, match="is being written by another process"):
        run_encode(source, output, gop_frames=8)
    assert run_encode(source, tmp_path / "b.fgvc", gop_frames=8).finished.frames == 20
    assert len(list(first)) > 0
    assert output.read_bytes() == (tmp_path / "b.fgvc").read_bytes()
    run_encode(source, output, gop_frames=8)


def test_resuming_nothing_or_something_else_is_refused(tmp_path: Path) -> None:
    source, output = film(tmp_path / "in.mp4", 40), tmp_path / "a.fgvc"
    with pytest.raises(OutputError, match="no unfinished"):
        run_encode(source, output, resume=True)
    _stopped(source, output, 2)
    with pytest.raises(SettingsError, match="begun with another seed"):
        run_encode(source, output, resume=True, gop_frames=8, seed=9)


def _refused(source: Path, output: Path, **more: Any) -> str:
    with pytest.raises(FreeGvcError) as caught:
        run_encode(source, output, **more)
    return str(caught.value)


def test_a_source_whose_sound_is_refused_leaves_nothing(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise InputError("its first packet can't be read")

    monkeypatch.setattr("codec.encoder.AudioFeed", refused)
    with pytest.raises(InputError, match="first packet"):
        run_encode(data / "scene.mp4", tmp_path / "a.fgvc")
    assert list(tmp_path.iterdir()) == []


def test_an_output_that_would_destroy_something_is_refused(tmp_path: Path) -> None:
    source = film(tmp_path / "in.mp4", 3)
    original = source.read_bytes()
    (tmp_path / "link.mp4").hardlink_to(source)
    assert "is the source itself" in _refused(source, source)
    assert "is the source itself" in _refused(source, tmp_path / "link.mp4")
    locked = tmp_path / "locked.fgvc"
    locked.write_bytes(b"precious")
    locked.chmod(0o444)
    assert "write-protected" in _refused(source, locked)
    assert "is a folder" in _refused(source, tmp_path)
    assert "its folder doesn't exist" in _refused(source, tmp_path / "no" / "a.fgvc")
    assert source.read_bytes() == original
    assert locked.read_bytes() == b"precious"


@skips.posix
def test_an_output_that_is_no_file_is_refused(tmp_path: Path) -> None:
    # A pipe stands for devices: were it not refused, a test run as root would replace a real one.
    os.mkfifo(tmp_path / "pipe")
    assert "not an ordinary file" in _refused(film(tmp_path / "in.mp4", 3), tmp_path / "pipe")


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"start": 100.0}, "ends before 100 s"),
        ({"duration": 1e-9}, "No frame begins within the duration"),
        ({"gop_frames": 2}, "have 3 to 1024 frames, not 2"),
        ({"gop_frames": 5000}, "have 3 to 1024 frames, not 5000"),
        ({"base": "av1", "short_side": 2}, "too small for a base layer"),
        ({"prior": "oracle"}, "no prior named 'oracle'"),
        ({"goal": Size(50)}, "has no room for a video"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_can_not_be_done_leaves_nothing(tmp_path: Path, more: dict[str, Any], sentence: str) -> None:
    source = film(tmp_path / "in.mp4", 3)
    assert sentence in _refused(source, tmp_path / "a.fgvc", **more)
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_a_gop_beyond_the_bound_is_refused_before_it_is_allocated(tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mp4", [np.zeros((1024, 2048, 3), np.uint8)])
    assert "is too large; give a smaller --short-side" in _refused(
        source, tmp_path / "a.fgvc", short_side=1024, gop_frames=1000
    )


@pytest.fixture
def full_disk(tmp_path: Path) -> Path:
    """An output whose part lies on a device without space."""
    if not Path("/dev/full").is_char_device():
        pytest.skip(skips.LINUX_DISK)
    part_path(tmp_path / "a.fgvc").symlink_to("/dev/full")
    return tmp_path / "a.fgvc"


def test_a_full_disk_is_told_and_leaves_nothing_under_the_name(tmp_path: Path, full_disk: Path) -> None:
    source = film(tmp_path / "in.mp4", 3)
    assert "the disk is full" in _refused(source, full_disk)
    assert not full_disk.exists()
