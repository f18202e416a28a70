"""Files come back as videos: on other threads, cut off, damaged or forged."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codec.base.av1 import BaseReader
from codec.base.pictures import base_size
from codec.decoder import decode
from codec.decoding.sound import CodedSound, sound_of_coded
from codec.errors import FormatError, FreeGvcError, PriorError, SettingsError
from codec.events import GopDone
from codec.format.header import AudioHeader, Header
from codec.format.reader import BitstreamReader
from codec.format.records import AudioPacket, AudioRecord, GopRecord
from codec.format.writer import BitstreamWriter
from codec.settings import Bitrate, DecodeSettings, Quality
from tests.support import GOLDEN, format_cases, skips
from tests.support.codec_runs import Run, cut_film, film, moving, run_decode, run_encode, shown
from tests.support.films.synthetic import write_video

DECODED = GOLDEN / "decoded"
BASE_HASHES = {
    "version-1": "5f11ddda8b58634fa2f49d2bfa4dd0bb31e42fdaf37b8b8d48b8066e8efdfdb6",
    "version-2": "9d96e31343d3cb35ee8fbbf21abcd60686190e33e2794005be4339b278b93c6f",
}
VARIABLE = [0, 40, 90, 100, 180, 200, 240, 300, 310, 350, *range(400, 1700, 43)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("decode")


@pytest.fixture(scope="module")
def source(folder: Path) -> Path:
    return film(folder / "in.mp4", 40)


@pytest.fixture(scope="module")
def plain(source: Path, folder: Path) -> Path:
    """Seven GOPs of which each can be decoded alone."""
    run_encode(source, folder / "plain.fgvc", overlap="plain", gop_frames=8)
    return folder / "plain.fgvc"


@pytest.fixture(scope="module")
def guided(source: Path, folder: Path) -> Path:
    """Seven GOPs in one chain over a base layer."""
    run_encode(source, folder / "guided.fgvc", base="av1", gop_frames=8)
    return folder / "guided.fgvc"


@pytest.mark.parametrize("name", BASE_HASHES)
def test_golden_files_of_every_version_are_decoded(name: str, tmp_path: Path) -> None:
    run = run_decode(DECODED / f"{name}.fgvc", tmp_path / "out.mkv")
    assert run.warnings == []
    frames, times = shown(tmp_path / "out.mkv")
    assert (len(frames), frames[0].shape) == (24, (240, 426, 3))
    assert times[-1] == pytest.approx(23 * 6 / 179, abs=0.001)


@pytest.mark.parametrize("name", BASE_HASHES)
def test_the_golden_files_base_is_the_same_on_every_machine(name: str) -> None:
    digest = hashlib.sha256()
    with BitstreamReader(DECODED / f"{name}.fgvc") as reader:
        base = BaseReader(*base_size(reader.header.coding_width, reader.header.coding_height, 1))
        for record in reader.records():
            assert isinstance(record, GopRecord)
            assert record.base is not None
            for picture in base.read(record.base, record.frames - record.overlap):
                digest.update(picture.tobytes())
    assert digest.hexdigest() == BASE_HASHES[name]


def _flip(path: Path, gop: int, target: Path) -> Path:
    """Damages a byte in the middle of one GOP."""
    with BitstreamReader(path) as reader:
        index = reader.index()
    data = bytearray(path.read_bytes())
    data[(index[gop].offset + index[gop + 1].offset) // 2] ^= 0x40
    target.write_bytes(bytes(data))
    return target


def _refused(path: Path, output: Path, **more: Any) -> str:
    with pytest.raises(FreeGvcError) as caught:
        run_decode(path, output, **more)
    assert not output.exists()
    assert not list(output.parent.glob(f".{output.name}*"))
    return str(caught.value)


DECODE = """
import sys
from pathlib import Path
import torch
torch.set_num_threads(int(sys.argv[3]))
from codec.decoder import decode
from codec.decoding.sound import CodedSound, sound_of_coded
from codec.settings import DecodeSettings
for event in decode(Path(sys.argv[1]), Path(sys.argv[2]), DecodeSettings()):
    pass
"""


@pytest.mark.slow
def test_another_process_and_thread_count_show_the_same(source: Path, tmp_path: Path) -> None:
    made = run_encode(source, tmp_path / "a.fgvc", preview=True, base="av1")
    command = [sys.executable, "-c", DECODE, tmp_path / "a.fgvc", tmp_path / "out.mkv", "2"]
    subprocess.run(command, check=True)
    pictures, _ = shown(tmp_path / "out.mkv")
    error = np.mean((np.stack(pictures).astype(float) - _scaled(made, tmp_path)) ** 2)
    assert 10 * np.log10(255**2 / max(error, 1e-9)) >= 45


def _scaled(made: Run, folder: Path) -> np.ndarray:
    """What the encoder saw, through the same writer."""
    run_decode(folder / "a.fgvc", folder / "here.mkv")
    pictures, _ = shown(folder / "here.mkv")
    assert len(pictures) == len(made.pictures)
    return np.stack(pictures).astype(float)


def test_a_truncated_file_gives_its_whole_gops(plain: Path, tmp_path: Path) -> None:
    data = plain.read_bytes()
    (tmp_path / "cut.fgvc").write_bytes(data[: len(data) // 2])
    run = run_decode(tmp_path / "cut.fgvc", tmp_path / "out.mkv")
    assert 8 <= run.finished.frames < 40
    assert any("is lost" in warning or "without its index" in warning for warning in run.warnings)
    whole = run_decode(plain, tmp_path / "whole.mkv")
    for cut, complete in zip(run.pictures[:-2], whole.pictures, strict=False):
        assert np.array_equal(cut, complete)


@pytest.mark.parametrize("gop", [0, 3])
def test_a_lost_gop_costs_its_own_frames(plain: Path, tmp_path: Path, gop: int) -> None:
    damaged = _flip(plain, gop, tmp_path / "bad.fgvc")
    run = run_decode(damaged, tmp_path / "out.mkv")
    assert any(f"Group of pictures {gop}" in warning for warning in run.warnings)
    _, times = shown(tmp_path / "out.mkv")
    assert run.finished.frames == len(times) == 40 - (6 if gop == 0 else 4)
    assert all(before < after for before, after in pairwise(times))
    if gop:
        assert times[-1] == Fraction(39, 25)


def test_a_lost_gop_ends_its_chain_and_no_other(tmp_path: Path) -> None:
    source = cut_film(tmp_path / "in.mp4", [20, 20])
    run_encode(source, tmp_path / "a.fgvc", gop_frames=8)
    damaged = _flip(tmp_path / "a.fgvc", 1, tmp_path / "bad.fgvc")
    run = run_decode(damaged, tmp_path / "out.mkv")
    assert any("can't be decoded without the lost one before it" in warning for warning in run.warnings)
    _, times = shown(tmp_path / "out.mkv")
    assert times[:8] == [Fraction(frame, 25) for frame in range(8)]
    assert times[-20:] == [Fraction(frame, 25) for frame in range(20, 40)]


def test_variable_times_survive_a_lost_gop(tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mkv", moving(40), times=VARIABLE[:40])
    run_encode(source, tmp_path / "a.fgvc", overlap="plain", gop_frames=8)
    whole = shown(source)[1]
    run_decode(_flip(tmp_path / "a.fgvc", 2, tmp_path / "bad.fgvc"), tmp_path / "out.mkv")
    times = shown(tmp_path / "out.mkv")[1]
    assert set(times) < set(whole)
    assert times[-1] == whole[-1]
    assert len(times) == 40 - 6


def test_any_flipped_byte_is_a_sentence_or_a_video(guided: Path, tmp_path: Path) -> None:
    data = guided.read_bytes()
    rng = np.random.default_rng(4)
    places = [*range(0, 40, 5), *rng.integers(40, len(data), 10).tolist(), len(data) - 3]
    for place in places:
        damaged = bytearray(data)
        damaged[place] ^= 1 << int(rng.integers(8))
        (tmp_path / "bad.fgvc").write_bytes(bytes(damaged))
        told = _told(tmp_path / "bad.fgvc", tmp_path / "out.mkv")
        assert told
        assert all(sentence.endswith(".") for sentence in told)


def _told(path: Path, output: Path) -> list[str]:
    """What a decode says, whether it refuses the file or plays what is left of it."""
    try:
        warnings = run_decode(path, output).warnings
    except FreeGvcError as refusal:
        return [str(refusal)] if not output.exists() else []
    output.unlink()
    return warnings


def _forge(
    path: Path, target: Path, header: dict[str, Any], gop: dict[str, Any], audio: Sequence[AudioPacket] = ()
) -> Path:
    """A file whose checksums are right and whose content no encoder writes."""
    with BitstreamReader(path) as reader:
        first = next(record for record in reader.records() if isinstance(record, GopRecord))
        made: Header = replace(reader.header, **header)
    with BitstreamWriter(target, made) as writer:
        writer.append_gop(replace(first, **gop))
        if audio:
            writer.append_audio(AudioRecord(tuple(audio)))
        writer.finish()
    return target


@pytest.mark.parametrize(
    ("header", "gop", "error", "sentence"),
    [
        ({"coding_width": 8192, "coding_height": 4096}, {"frames": 1024}, FormatError, "contradicts the file's header"),
        ({"base_codec": "av1"}, {}, FormatError, "contradicts the file's header"),
        ({"variable_timing": True}, {"pts": tuple(range(2**61, 2**61 + 8))}, FormatError, "at an impossible time"),
        ({"prior_id": "oracle-9"}, {}, PriorError, "no prior named 'oracle-9'"),
        ({"weights_hash": bytes(8)}, {}, PriorError, "other weights of the prior gaussian"),
    ],
    ids=["huge", "no base", "far future", "unknown prior", "other weights"],
)
def test_a_forged_file_is_refused(
    plain: Path, tmp_path: Path, header: dict[str, Any], gop: dict[str, Any], error: type[Exception], sentence: str
) -> None:
    forged = _forge(plain, tmp_path / "forged.fgvc", header, gop)
    with pytest.raises(error, match=sentence):
        run_decode(forged, tmp_path / "out.mkv")
    assert [path.name for path in tmp_path.iterdir()] == ["forged.fgvc"]


def test_a_base_that_changes_its_size_inside_a_chain_is_refused(tmp_path: Path) -> None:
    film(tmp_path / "in.mp4", 20)
    run_encode(tmp_path / "in.mp4", tmp_path / "a.fgvc", base="av1", gop_frames=8)
    with (
        BitstreamReader(tmp_path / "a.fgvc") as reader,
        BitstreamWriter(tmp_path / "forged.fgvc", reader.header) as writer,
    ):
        for record in reader.records():
            assert isinstance(record, GopRecord)
            assert record.base is not None
            other = replace(record, base=replace(record.base, scale=3 - record.base.scale))
            writer.append_gop(other if record.index == 1 else record)
        writer.finish()
    with pytest.raises(FormatError, match="GOP 1 contradicts the GOPs before it"):
        run_decode(tmp_path / "forged.fgvc", tmp_path / "out.mkv")


OPUS = AudioHeader("opus", b"", 48000, 2, Fraction(1, 48000))


@pytest.mark.parametrize(
    ("track", "pts", "sentence"),
    [
        (replace(OPUS, codec="h264"), [0], r"names sound that can't be decoded \(h264 of 2 channels\)"),
        (replace(OPUS, codec="libopus"), [0], r"\(libopus of 2 channels\); leave it out \(--no-audio\)"),
        (replace(OPUS, channels=255), [0], r"\(opus of 255 channels\)"),
        (OPUS, [0, 48000 * 90_000], "holds sound at an impossible time"),
        (replace(OPUS, time_base=Fraction(10**9)), [1], "holds sound at an impossible time"),
    ],
    ids=["of pictures", "an encoder", "channels", "a day of silence", "far future"],
)
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_forged_sound_is_refused(
    plain: Path, tmp_path: Path, track: AudioHeader, pts: list[int], sentence: str, suffix: str
) -> None:
    forged = _forge(plain, tmp_path / "forged.fgvc", {"audio": track}, {}, [AudioPacket(at, 960, b"x") for at in pts])
    with pytest.raises(FormatError, match=rf"forged\.fgvc .*{sentence}"):
        run_decode(forged, tmp_path / f"out{suffix}")
    assert [path.name for path in tmp_path.iterdir()] == ["forged.fgvc"]
    assert run_decode(forged, tmp_path / f"out{suffix}", audio=False).finished.frames == 8


@pytest.mark.parametrize("change", [{"codec": "h264"}, {"codec": "nonsense"}, {"channels": 255}])
def test_forged_sound_is_not_played(plain: Path, tmp_path: Path, change: dict[str, Any]) -> None:
    forged = _forge(plain, tmp_path / "forged.fgvc", {"audio": replace(OPUS, **change)}, {})
    with pytest.raises(FormatError, match="names sound that can't be decoded"):
        sound_of_coded(forged)
    with pytest.raises(FormatError, match="names sound that can't be decoded"):
        list(CodedSound(forged).read(Fraction(0), 48000))


def test_equal_times_do_not_crash(plain: Path, tmp_path: Path) -> None:
    forged = _forge(plain, tmp_path / "forged.fgvc", {"variable_timing": True}, {"pts": (0, 0, 1, 1, 5, 5, 5, 9)})
    assert run_decode(forged, tmp_path / "out.mkv").finished.frames == 4


@pytest.mark.parametrize(
    ("header", "pts", "frames"),
    [
        ({"frame_rate": Fraction(270_000)}, None, 3),
        ({"frame_rate": Fraction(2**31 - 1)}, None, 1),
        ({"variable_timing": True, "time_base": Fraction(1, 10**6)}, (0, 1, 2, 3, 30, 31, 60, 10**6), 4),
    ],
    ids=["three times the clock", "the highest rate", "close times"],
)
def test_frames_of_one_tick_are_one_picture(
    plain: Path, tmp_path: Path, header: dict[str, Any], pts: tuple[int, ...] | None, frames: int
) -> None:
    forged = _forge(plain, tmp_path / "forged.fgvc", header, {"pts": pts})
    assert run_decode(forged, tmp_path / "out.mkv").finished.frames == frames
    assert len(shown(tmp_path / "out.mkv")[1]) == frames


CLOSE = st.lists(st.integers(0, 2**20), min_size=8, max_size=8)


@settings(max_examples=40)
@given(
    rate=format_cases.ratios,
    base=format_cases.ratios,
    pts=st.none() | CLOSE.map(sorted).map(tuple),
    extension=st.sampled_from([".mkv", ".mp4", ".webm"]),
)
def test_whatever_a_file_says_of_its_times_is_a_video_or_a_sentence(
    plain: Path, rate: Fraction, base: Fraction, pts: tuple[int, ...] | None, extension: str
) -> None:
    header = {"frame_rate": rate, "time_base": base, "variable_timing": pts is not None}
    with TemporaryDirectory() as folder:
        forged, output = Path(folder) / "forged.fgvc", Path(folder) / f"out{extension}"
        _forge(plain, forged, header, {"pts": pts})
        with suppress(FreeGvcError):
            assert 1 <= run_decode(forged, output).finished.frames <= 8
        assert set(output.parent.iterdir()) <= {forged, output}


def test_a_bitrate_plays_fewer_steps(plain: Path, tmp_path: Path) -> None:
    whole = run_decode(plain, tmp_path / "whole.mkv")
    less = run_decode(plain, tmp_path / "less.mkv", goal=Bitrate(3000))
    assert less.warnings == []
    assert less.finished.frames == whole.finished.frames
    assert less.finished.kbps < 0.8 * whole.finished.kbps
    assert all(a.t_star < b.t_star for a, b in zip(less.gops, whole.gops, strict=True))
    assert all(gop.bits <= 3000 / 25 * 8 for gop in less.gops)


def test_a_quality_plays_fewer_steps_or_says_why_not(source: Path, plain: Path, tmp_path: Path) -> None:
    run_encode(source, tmp_path / "q.fgvc", goal=Quality(0.6, "ms-ssim"), keep_steps=2, duration=0.4)
    whole = run_decode(tmp_path / "q.fgvc", tmp_path / "whole.mkv")
    less = run_decode(tmp_path / "q.fgvc", tmp_path / "less.mkv", goal=Quality(0.05, "ms-ssim"))
    assert less.gops[0].t_star < whole.gops[0].t_star
    with pytest.raises(SettingsError, match="was not measured; give"):
        run_decode(plain, tmp_path / "no.mkv", goal=Quality(0.2, "dists"))


def test_a_closed_decode_leaves_nothing(plain: Path, tmp_path: Path) -> None:
    events = decode(plain, tmp_path / "out.mkv", DecodeSettings())
    for event in events:
        if isinstance(event, GopDone):
            break
    events.close()  # type: ignore[attr-defined]
    assert list(tmp_path.iterdir()) == []


def test_an_output_that_can_not_be_is_refused_before_the_prior_loads(plain: Path, tmp_path: Path) -> None:
    forged = _forge(plain, tmp_path / "forged.fgvc", {"prior_id": "oracle-9"}, {})
    assert "no extension that can be written" in _refused(forged, tmp_path / "out.avi")
    assert "is the source itself" in _refused_self(forged)
    assert "its folder doesn't exist" in _refused(forged, tmp_path / "no" / "out.mp4")


@skips.posix
def test_an_output_that_is_no_file_is_refused_before_the_prior_loads(plain: Path, tmp_path: Path) -> None:
    forged = _forge(plain, tmp_path / "forged.fgvc", {"prior_id": "oracle-9"}, {})
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(FreeGvcError, match="not an ordinary file"):
        run_decode(forged, tmp_path / "pipe.mp4")


def _refused_self(path: Path) -> str:
    before = path.read_bytes()
    with pytest.raises(FreeGvcError) as caught:
        run_decode(path, path)
    assert path.read_bytes() == before
    return str(caught.value)


def test_the_rates_are_those_of_the_encoder(source: Path, tmp_path: Path) -> None:
    made = run_encode(source, tmp_path / "a.fgvc", base="av1", gop_frames=8)
    played = run_decode(tmp_path / "a.fgvc", tmp_path / "out.mkv")
    for name in ("bytes", "audio_bytes", "base_bytes", "frames", "bpp", "kbps", "coding_width", "coding_height"):
        assert getattr(played.finished, name) == pytest.approx(getattr(made.finished, name)), name
    assert [gop.frames_total for gop in played.gops] == [40] * len(played.gops)


def test_the_pocket_prior_round_trips(data: Path, tmp_path: Path) -> None:
    source = data / "scene.mp4"
    more: dict[str, Any] = {"prior": "pocket", "base": "av1", "channel": "trellis", "short_side": 64}
    made = run_encode(source, tmp_path / "a.fgvc", preview=True, duration=0.4, **more)
    played = run_decode(tmp_path / "a.fgvc", tmp_path / "out.mkv")
    assert played.warnings == []
    lower = run_decode(tmp_path / "a.fgvc", tmp_path / "lower.mkv", goal=Bitrate(1000))
    assert lower.warnings == ["a.fgvc is played as it is: it holds no steps that could be left out for a lower goal."]
    difference = np.stack(made.pictures).astype(float) - np.stack(played.pictures)
    assert 10 * np.log10(255**2 / max(float(np.mean(difference**2)), 1e-9)) >= 45
