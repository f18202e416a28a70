"""A real file beside a real peer, through the command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codec.cli import main


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
