"""A part whose first write failed is no obstacle: the encode starts over."""

from __future__ import annotations

from pathlib import Path

import pytest

from codec.files import own_part, part_path, remove_own_parts
from codec.format.reader import BitstreamReader, pack_file_header
from codec.format.writer import BitstreamWriter
from tests.support.codec_runs import film, run_decode, run_encode


@pytest.mark.parametrize("kept", [0, 1, 30])
def test_a_part_without_a_whole_header_is_begun_anew(tmp_path: Path, kept: int) -> None:
    source, output = film(tmp_path / "in.mp4", 3), tmp_path / "a.fgvc"
    run_encode(source, output)
    whole = output.read_bytes()
    output.unlink()
    part_path(output).write_bytes(whole[:kept])
    assert run_encode(source, output, resume=True).finished.frames == 3
    assert output.read_bytes() == whole


def test_a_part_of_nothing_keeps_its_place(tmp_path: Path) -> None:
    run_encode(film(tmp_path / "in.mp4", 3), tmp_path / "a.fgvc")

    with BitstreamReader(tmp_path / "a.fgvc") as reader:
        header = reader.header
    part_path(tmp_path / "b.fgvc").write_bytes(b"")
    writer, point = BitstreamWriter.resume(tmp_path / "b.fgvc", header)
    writer.close()
    assert (point.gop, point.frame, point.audio_pts) == (0, 0, None)
    assert part_path(tmp_path / "b.fgvc").read_bytes() == pack_file_header(header)


@pytest.mark.parametrize("name", ["n" * 244 + ".mkv", "n" * 251 + ".mkv", "ä" * 125 + ".mkv"])
def test_long_names_have_parts_that_fit_and_differ(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    for part in (part_path(path), own_part(path)):
        part.touch()
        assert part.name.endswith(".part")
    assert part_path(path) == part_path(path) != part_path(path.with_name("n" + name[1:-5] + "x.mkv"))


@pytest.mark.parametrize("name", ["a.mkv", "n" * 251 + ".mkv"])
def test_what_a_killed_process_left_hidden_is_removed_and_nothing_else(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    kept = [path, part_path(path), own_part(tmp_path / "b.mkv"), tmp_path / ".a.mkv.notes.part"]
    for file in (*kept, own_part(path), own_part(path)):
        file.touch()
    remove_own_parts(path)
    assert sorted(tmp_path.iterdir()) == sorted(kept)


@pytest.mark.parametrize("length", [244, 250, 255])
def test_long_output_names_work(tmp_path: Path, length: int) -> None:
    coded, decoded = (tmp_path / ("n" * (length - len(suffix)) + suffix) for suffix in (".fgvc", ".mkv"))
    run_encode(film(tmp_path / "in.mp4", 3), coded)
    assert run_decode(coded, decoded).finished.frames == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["in.mp4", coded.name, decoded.name])
