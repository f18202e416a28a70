"""A finished file is made smaller without coding again, and plays as the whole one would at that goal."""

from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from codec.decoding.smaller import save_smaller, shortened
from codec.errors import FormatError, SettingsError
from codec.events import Event, Finished
from codec.format.info import describe
from codec.format.reader import BitstreamReader
from codec.format.records import GopRecord
from codec.settings import Bitrate, DecodeSettings, Quality
from tests.support import ROOT
from tests.support.codec_runs import film, run_decode, run_encode, shown
from tests.support.format_cases import FILMS, FULL, gop, write

WHOLE = Bitrate(20_000)
LESS = Bitrate(8_000)


def _save(source: Path, output: Path, **more: Any) -> list[Event]:
    return list(save_smaller(source, output, DecodeSettings(**more)))


@pytest.fixture(scope="module")
def coded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("smaller")
    run_encode(film(folder / "in.mp4", 90), folder / "in.fgvc", goal=WHOLE, gop_frames=16)
    return folder / "in.fgvc"


@pytest.mark.slow
def test_it_plays_as_the_whole_file_would_at_that_goal(coded: Path, tmp_path: Path) -> None:
    output = tmp_path / "less.fgvc"
    finished = _save(coded, output, goal=LESS)[-1]
    assert isinstance(finished, Finished)
    before, after = describe(coded), describe(output)
    assert finished.bytes == after.bytes == output.stat().st_size < before.bytes
    assert (after.frames, after.complete, after.damage) == (before.frames, True, ())
    assert after.header.target.kind == "bitrate"
    assert not list(tmp_path.glob("*.part"))

    played = run_decode(output, tmp_path / "less.mkv")
    retargeted = run_decode(coded, tmp_path / "re.mkv", goal=LESS)
    assert played.warnings == []
    pictures, again = shown(tmp_path / "less.mkv")[0], shown(tmp_path / "re.mkv")[0]
    assert len(pictures) == len(again) == 90
    np.testing.assert_array_equal(np.stack(pictures), np.stack(again))
    assert [(g.t_star, g.bits) for g in played.gops] == [(g.t_star, g.bits) for g in retargeted.gops]


def test_it_can_be_made_smaller_again_but_not_by_nothing(coded: Path, tmp_path: Path) -> None:
    _save(coded, tmp_path / "less.fgvc", goal=LESS)
    _save(tmp_path / "less.fgvc", tmp_path / "least.fgvc", goal=Bitrate(3_000))
    assert describe(tmp_path / "least.fgvc").bytes < describe(tmp_path / "less.fgvc").bytes
    for more in ({"goal": LESS}, {}):
        with pytest.raises(SettingsError, match=r"Nothing of .* can be left out"):
            _save(tmp_path / "less.fgvc", tmp_path / "none.fgvc", **more)
    assert not list(tmp_path.glob("none*"))


def test_the_sound_can_be_left_out(tmp_path: Path) -> None:
    source, output = tmp_path / "full.fgvc", tmp_path / "silent.fgvc"
    write(source, FILMS["full"])
    _save(source, output, audio=False)
    info = describe(output)
    assert (info.header.audio, info.audio_bytes) == (None, 0)
    with BitstreamReader(output) as reader, BitstreamReader(source) as whole:
        kept = list(reader.records())
        assert kept == [record for record in whole.records() if isinstance(record, GopRecord)]


def test_what_was_measured_of_what_is_left_stays() -> None:
    record = gop(0, 0, 16, 0, sent=4, steps=(bytes(9),) * 6, quality=0.1, probes=((0, 0.5), (2, 0.2), (6, 0.08)))
    less = shortened(record, 2)
    assert (less.sent, len(less.steps), less.quality, less.probes) == (2, 2, 0.2, ((0, 0.5),))
    assert (less.z_hash, less.fingerprint) == (b"", b"")
    assert shortened(record, 3).quality is None
    # Steps that were kept beyond the encoder's choice cost bits too.
    same = shortened(record, 4)
    assert (same.z_hash, same.quality) == (record.z_hash, 0.1)
    assert len(same.steps) == 4


def test_a_restored_gop_whose_steps_all_go_shows_all_of_its_restoration() -> None:
    record = dataclasses.replace(
        FILMS["full"][1][0], restoration=8, steps=(b"ab", b"cde"), sent=2, quality=0.2, probes=((4, 0.4), (8, 0.3))
    )
    assert isinstance(record, GopRecord)
    less = shortened(record, 0)
    assert (less.restoration, less.t_star, less.quality, less.probes) == (8, 8, 0.3, ((4, 0.4),))


def test_of_a_file_with_a_lost_gop_none_is_made(tmp_path: Path) -> None:
    source = tmp_path / "plain.fgvc"
    data = bytearray(write(source, FILMS["plain"]))
    with BitstreamReader(source) as reader:
        data[reader.index()[1].offset + 12] ^= 255
    source.write_bytes(data)
    with pytest.raises(FormatError, match="has lost GOP 1"):
        _save(source, tmp_path / "less.fgvc", goal=Bitrate(1))
    assert [path.name for path in tmp_path.iterdir()] == ["plain.fgvc"]


def test_of_a_file_that_lost_its_last_gop_none_is_made(tmp_path: Path) -> None:
    data = bytearray(write(tmp_path / "a.fgvc", FILMS["plain"]))
    with BitstreamReader(tmp_path / "a.fgvc") as reader:
        data[reader.index()[-1].offset + 12] ^= 1
    (tmp_path / "a.fgvc").write_bytes(data)
    with pytest.raises(FormatError, match="has lost GOP 2"):
        list(save_smaller(tmp_path / "a.fgvc", tmp_path / "b.fgvc", DecodeSettings(Bitrate(1.0))))
    assert not (tmp_path / "b.fgvc").exists()


def test_a_base_of_version_1_is_not_copied(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"full-1\.fgvc is in version 1 .* encode its source again"):
        list(save_smaller(ROOT / "tests/golden/full-1.fgvc", tmp_path / "b.fgvc", DecodeSettings(audio=False)))


def test_one_that_was_cut_off_stays_incomplete(tmp_path: Path) -> None:
    source = tmp_path / "plain.fgvc"
    source.write_bytes(write(source, FILMS["plain"])[:-20])
    _save(source, tmp_path / "less.fgvc", goal=Bitrate(1))
    assert not describe(tmp_path / "less.fgvc").complete


def test_stopping_leaves_nothing(coded: Path, tmp_path: Path) -> None:
    events = save_smaller(coded, tmp_path / "less.fgvc", DecodeSettings(goal=LESS))
    with contextlib.closing(events):
        next(events)
        next(events)
        assert list(tmp_path.iterdir())
    assert not list(tmp_path.iterdir())


def test_another_metric_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    source = tmp_path / "full.fgvc"
    write(source, (dataclasses.replace(FULL, metric="lpips"), FILMS["full"][1]))
    with pytest.raises(SettingsError, match="measured as LPIPS"):
        _save(source, tmp_path / "less.fgvc", goal=Quality(0.3))
    assert [path.name for path in tmp_path.iterdir()] == ["full.fgvc"]
