"""The files of ../shared/data/field, each with its right outcome, by command."""

from __future__ import annotations

from pathlib import Path

import pytest

from codec.cli import main
from codec.format.info import describe
from tests.support.by_command import TINY, refused, through
from tests.support.films.flashing import watch

Output = pytest.CaptureFixture[str]
MILLISECOND = 0.001
IN_STEP = 0.02
AT_25 = [n / 25 for n in range(120)]
# File: times, duration, beeps; all in seconds.
WHOLE = {
    "back.ts": (AT_25, 4.8, [0.32, 1.6, 2.72, 4.0]),
    "fwd1h.ts": (AT_25, 4.8, [0.32, 1.6, 2.72, 4.0]),
    "catcc.ts": (AT_25, 4.8, [0.32, 1.6, 2.72, 4.0]),
    "dup.ts": (AT_25[:25], 1.0, []),
    "agap80.mp4": (AT_25[:60], 2.4, [0.32, 1.6]),
    "layout.ts": ([*AT_25[:60], *(time - 0.005333 for time in AT_25[60:])], 4.795, [0.32, 1.6, 2.72, 4.0]),
    "apac_first.mp4": (AT_25[:60], 2.4, [0.32, 1.6]),
    "unk_audio.mkv": (AT_25[:60], 2.4, []),
    "mkv_slides.mkv": ([0, 2.5, 5, 7.5], 10.0, []),
    "mkv_sub.mkv": (AT_25[:30], 1.2, [0.3, 0.9]),
    "vp9a_slow.webm": ([0, 1, 2, 3, 4], 5.0, []),
    "vfr_gap90.mkv": ([*AT_25[:25], *(time + 90 for time in AT_25[25:50])], 92.0, []),
    "vfr_gap90.mp4": ([*AT_25[:25], *(time + 90 for time in AT_25[25:50])], 92.0, []),
    "gif_last3s.gif": ([n / 10 for n in range(10)], 3.9, []),
    "avi_drop1.avi": ([time for n, time in enumerate(AT_25[:30]) if n != 10], 1.2, [0.3, 0.9]),
    "raw30.h264": ([n / 30 for n in range(30)], 1.0, []),
    "gapb.avi": ([*AT_25[:20], *(time + 0.4 for time in AT_25[20:40])], 2.0, [0.22, 0.82]),
    "mp3_8k.mp4": (AT_25[:30], 1.2, [0.3, 0.9]),
    "mpts.ts": (AT_25[:60], 2.4, [0.32, 1.6]),
    "raw.mjpeg": (AT_25[:30], 1.2, []),
}
TOLD = {
    "back.ts": "jump once",
    "fwd1h.ts": "jump once",
    "catcc.ts": "jump once",
    "apac_first.mp4": "another track is taken",
    "unk_audio.mkv": "there will be no sound",
}


@pytest.fixture
def field(shared: Path) -> Path:
    return shared / "data" / "field"


@pytest.mark.parametrize("name", WHOLE)
def test_the_file_comes_out_right(field: Path, tmp_path: Path, capsys: Output, name: str) -> None:
    times, duration, beeps = WHOLE[name]
    made = through(field / name, tmp_path, capsys, extension=".mp4")
    seen = watch(made.decoded)
    assert seen.times == pytest.approx(times, abs=MILLISECOND)
    assert seen.beeps == pytest.approx(beeps, abs=IN_STEP)
    assert seen.duration == pytest.approx(duration, abs=0.002)
    assert describe(made.coded).seconds == pytest.approx(duration, abs=0.002)
    if name in TOLD:
        assert TOLD[name] in " ".join(made.notes)
    else:
        assert made.notes == []


@pytest.mark.parametrize("name", ["back.ts", "fwd1h.ts", "catcc.ts", "mpts.ts"])
def test_its_sound_can_be_carried_as_it_is(field: Path, tmp_path: Path, capsys: Output, name: str) -> None:
    _, _, beeps = WHOLE[name]
    made = through(field / name, tmp_path, capsys, "--audio", "copy", extension=".mp4")
    assert watch(made.decoded).beeps == pytest.approx(beeps, abs=IN_STEP)


def test_sound_that_only_some_files_hold_is_told_at_once(field: Path, tmp_path: Path, capsys: Output) -> None:
    made = through(field / "mp3_8k.mp4", tmp_path, capsys, "--audio", "copy")
    assert ".mkv" in made.notes[0]
    assert watch(made.decoded).beeps == pytest.approx([0.3, 0.9], abs=IN_STEP)
    assert "write an .mkv file" in refused(capsys, "decode", made.coded, "-o", tmp_path / "a.mp4")
    assert main(["decode", str(made.coded), "-o", str(tmp_path / "a.mp4"), "--no-audio"]) == 0


def test_a_picture_that_nothing_decodes_is_one_sentence(field: Path, tmp_path: Path, capsys: Output) -> None:
    source = field / "unk_video.mp4"
    for audio in ("opus", "none", "copy"):
        command = "encode", source, "-o", tmp_path / "a.fgvc", *TINY, "--audio", audio
        assert "can't be decoded here" in refused(capsys, *command)
    assert "can't be decoded here" in refused(capsys, "measure", source, source, "--metrics", "psnr")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["apac_first.mp4", "unk_audio.mkv"])
def test_a_sound_that_nothing_decodes_is_no_matter_without_sound(
    field: Path, tmp_path: Path, capsys: Output, name: str
) -> None:
    assert through(field / name, tmp_path, capsys, "--audio", "none").notes == []
    assert main(["measure", str(field / name), str(field / name), "--metrics", "psnr"]) == 0


@pytest.mark.parametrize("name", ["vfr_gap90.mkv", "vfr_gap90.mp4"])
def test_rates_go_by_the_time_that_is_shown(field: Path, tmp_path: Path, name: str) -> None:
    source, sized, rated = field / name, tmp_path / "sized.fgvc", tmp_path / "rated.fgvc"
    # All that the prior can spend on so small a picture are 15 kB.
    prior = ["--prior", "gaussian", "--base", "none", "--short-side", "64"]
    assert main(["encode", str(source), "-o", str(sized), *prior, "--size", "10k"]) == 0
    assert 8_500 <= sized.stat().st_size <= 10_000
    assert main(["encode", str(source), "-o", str(rated), *prior, "--bitrate", "1k"]) == 0
    assert 10_000 <= rated.stat().st_size <= 12_500
    assert describe(rated).kbps == pytest.approx(8 * rated.stat().st_size / 92 / 1000, rel=0.01)
