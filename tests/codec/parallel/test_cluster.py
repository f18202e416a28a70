"""A real Ray cluster of two nodes makes the files that one process makes, whatever becomes of its nodes."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import pytest

from codec.batch.sources import batch_files
from codec.batch.table import FILE
from codec.cli import main
from codec.decoder import decode
from codec.encoder import encode
from codec.events import Finished
from codec.files import part_path
from codec.parallel.here import Here
from codec.reproduce.points import Point
from codec.settings import DecodeSettings
from tests.support import skips
from tests.support.by_command import refused
from tests.support.codec_runs import cut_film
from tests.support.workers import two_nodes
from tests.support.workers.two_nodes import SETTINGS

OPTED_IN = "FREEGVC_CLUSTER_TESTS"
thorough = pytest.mark.skipif(os.environ.get(OPTED_IN) != "1", reason=skips.CLUSTER_RUN)


@pytest.fixture(scope="module")
def command() -> tuple[str, ...]:
    """What runs a program with a loopback network of its own."""
    if importlib.util.find_spec("ray") is None:
        pytest.skip(skips.NO_RAY)
    command = two_nodes.alone()
    if command is None:
        pytest.skip(skips.NO_NAMESPACE)
    return command


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three films and something that is none."""
    folder = tmp_path_factory.mktemp("sources")
    for number in range(3):
        cut_film(folder / f"{number}.mp4", [20, 14, 8 + number])
    (folder / "damaged.mp4").write_bytes(bytes(5000))
    return folder


@pytest.fixture(scope="module")
def serial(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each film as one process encodes it."""
    folder = tmp_path_factory.mktemp("serial")
    for source in sources.glob("[0-9].mp4"):
        for _ in encode(source, folder / f"{source.stem}.fgvc", SETTINGS):
            pass
    return folder


@pytest.mark.slow
def test_a_cluster_makes_the_same_bytes(command: tuple[str, ...], sources: Path, serial: Path, tmp_path: Path) -> None:
    rows = two_nodes.run(command, sources, tmp_path)
    assert {row["output"]: row["status"] for row in rows} == {
        "0.fgvc": "done",
        "1.fgvc": "done",
        "2.fgvc": "done",
        "damaged.fgvc": "failed",
    }
    _same_files(tmp_path, serial, 3)


@thorough
@pytest.mark.slow
def test_what_a_lost_node_did_is_done_again(
    command: tuple[str, ...], sources: Path, serial: Path, tmp_path: Path
) -> None:
    rows = two_nodes.run(command, sources, tmp_path, "--lose-a-node")
    assert [row["status"] for row in rows].count("done") == 3
    _same_files(tmp_path, serial, 3)


@thorough
@pytest.mark.slow
def test_a_lost_nodes_scenes_are_coded_again(
    command: tuple[str, ...], sources: Path, serial: Path, tmp_path: Path
) -> None:
    two_nodes.run(command, sources / "2.mp4", tmp_path / "2.fgvc", "--lose-a-node")
    _same_files(tmp_path, serial, 1)


@thorough
@pytest.mark.slow
def test_a_cancelled_batch_leaves_parts_that_play_and_are_gone_on_with(
    command: tuple[str, ...], sources: Path, serial: Path, tmp_path: Path
) -> None:
    assert all(row["status"] == "failed" for row in two_nodes.run(command, sources, tmp_path, "--stop-after", 2))
    begun = [file.output for file in batch_files([sources], tmp_path) if part_path(file.output).exists()]
    played = [end.frames for output in begun if (end := _played(part_path(output), tmp_path / "out.mkv"))]
    assert played
    two_nodes.run(command, sources, tmp_path)
    _same_files(tmp_path, serial, 3)


@thorough
@pytest.mark.slow
def test_one_damaged_source_of_twenty_fails_alone(command: tuple[str, ...], tmp_path: Path) -> None:
    many = tmp_path / "many"
    many.mkdir()
    for number in range(20):
        cut_film(many / f"{number:02}.mp4", [8])
    whole = (many / "11.mp4").read_bytes()
    (many / "11.mp4").write_bytes(whole[: len(whole) // 2])
    rows = two_nodes.run(command, many, tmp_path / "out")
    assert {row["output"] for row in rows if row["status"] == "failed"} == {"11.fgvc"}
    assert len((tmp_path / "out" / FILE).read_text().splitlines()) == 20


@thorough
@pytest.mark.slow
def test_nodes_measure_what_one_process_does(command: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "films").mkdir()
    for number in range(2):
        cut_film(tmp_path / "films" / f"{number}.mp4", [8])
    rows = two_nodes.run(command, tmp_path / "films", tmp_path / "there", "--reproduce")
    here = [e for e in two_nodes.measured(tmp_path / "films", tmp_path / "here", Here()) if isinstance(e, Point)]
    assert len(here) == 10
    assert sorted((*row["key"], row["bytes"], row["metrics"]["psnr"]) for row in rows) == sorted(
        (*point.key, point.bytes, point.metrics["psnr"]) for point in here
    )


def test_without_a_cluster_a_sentence_says_so(
    sources: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    said = refused(capsys, "batch", sources, "-o", tmp_path, "--cluster", "auto")
    assert "freegvc[cluster]" in said
    assert main(["batch", str(tmp_path), "-o", str(tmp_path)]) == 1


def _played(part: Path, output: Path) -> Finished | None:
    """What decoding a part ends with; None where it holds no GOP yet."""
    if part.stat().st_size < 400:
        return None
    *_, last = decode(part, output, DecodeSettings())
    assert isinstance(last, Finished)
    return last


def _same_files(folder: Path, serial: Path, count: int) -> None:
    made = sorted(folder.glob("*.fgvc"))
    assert len(made) == count
    assert [path.read_bytes() for path in made] == [(serial / path.name).read_bytes() for path in made]
