"""A real file beside a real peer, through the command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codec.cli import main
from codec.errors import FormatError
from codec.format.reader import BitstreamReader
from codec.metrics.psnr import Psnr
from codec.peers import compare as module
from codec.peers.compare import compare
from codec.peers.events import Compared
from codec.settings import Quality
from tests.support.codec_runs import cut_film, run_encode


@pytest.fixture(scope="module")
def coded(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("compare") / "scene.fgvc"
    source = str(data / "scene.mp4")
    arguments = ["--prior", "gaussian", "--short-side", "72", "--bitrate", "60k", "--base", "av1", "--start", "1"]
    assert main(["encode", source, "-o", str(path), *arguments, "--duration", "0.5", "--json"]) == 0
    return path


def test_rows_are_of_about_the_same_size(coded: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = str(data / "scene.mp4")
    assert main(["compare", source, str(coded), "--peers", "x265", "--start", "1", "--json"]) == 0
    ours, peer = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (ours["codec"], peer["codec"]) == ("fgvc", "x265")
    assert 0.5 * ours["bytes"] < peer["bytes"] <= ours["bytes"]
    assert peer["metrics"]["psnr"] > 20


def test_another_source_is_refused(coded: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    short = str(data / "three_frames.mkv")
    assert main(["compare", short, str(coded), "--json"]) == 1
    assert "fewer frames" in capsys.readouterr().err


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A film of two scenes, of two GOPs each, and its file."""
    folder = tmp_path_factory.mktemp("damaged")
    source = cut_film(folder / "in.mp4", [20, 20])
    run_encode(source, folder / "in.fgvc", base="av1", goal=Quality(0.6, "ms-ssim"), gop_frames=12)
    return source, folder / "in.fgvc"


def _without(coded: Path, gop: int, target: Path) -> Path:
    """The file with one GOP damaged."""
    with BitstreamReader(coded) as reader:
        index = reader.index()
    assert len(index) == 4
    data = bytearray(coded.read_bytes())
    data[(index[gop].offset + index[gop + 1].offset) // 2] ^= 0x40
    target.write_bytes(bytes(data))
    return target


def _ours(source: Path, coded: Path) -> Compared:
    found = [event for event in compare(source, coded, [], [Psnr()], 0.0) if isinstance(event, Compared)]
    assert len(found) == 1
    return found[0]


def test_a_file_that_is_damaged_is_compared_up_to_there(film: tuple[Path, Path], tmp_path: Path) -> None:
    source, coded = film
    whole = _ours(source, coded)
    assert len(whole.frames) == 40
    damaged = _ours(source, _without(coded, 1, tmp_path / "bad.fgvc"))
    assert 0 < len(damaged.frames) <= 12
    assert (damaged.frames[:8] == whole.frames[:8]).all()


def test_of_large_pictures_fewer_are_held(film: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    source, coded = film
    height, width = _ours(source, coded).frames.shape[1:3]
    monkeypatch.setattr(module, "MAX_PIXELS", 10 * height * width + 1)
    few = _ours(source, coded)
    assert len(few.frames) == 10
    monkeypatch.setattr(module, "MAX_PIXELS", 1)
    assert len(_ours(source, coded).frames) == 1


def test_the_command_tells_what_is_not_compared(
    film: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, coded = film
    damaged = _without(coded, 1, tmp_path / "bad.fgvc")
    capsys.readouterr()
    assert main(["compare", str(source), str(damaged), "--peers", "svtav1", "--json"]) == 0
    told = capsys.readouterr()
    assert [json.loads(line)["codec"] for line in told.out.splitlines()] == ["fgvc", "svtav1"]
    (sentence,) = told.err.splitlines()
    assert sentence.startswith("Group of pictures 1 ")
    assert sentence.endswith("Only what comes before it is compared.")


def test_a_file_without_its_first_frames_is_refused(film: tuple[Path, Path], tmp_path: Path) -> None:
    source, coded = film
    with pytest.raises(FormatError, match="has lost its first frames; compare a whole file"):
        _ours(source, _without(coded, 0, tmp_path / "bad.fgvc"))
