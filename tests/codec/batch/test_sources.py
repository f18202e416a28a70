"""What is named becomes the files that are meant, and each has an output of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from codec.batch.sources import batch_files
from codec.errors import InputError

OUT = Path("out")


def _touched(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_folders_are_opened_and_keep_their_shape(tmp_path: Path) -> None:
    _touched(tmp_path, "a.mp4", "sub/b.MKV", "sub/notes.md", "sub/deep/c.webm")
    found = batch_files([tmp_path], OUT)
    assert [file.output for file in found] == [OUT / "a.fgvc", OUT / "sub/b.fgvc", OUT / "sub/deep/c.fgvc"]
    assert [file.source.relative_to(tmp_path).as_posix() for file in found] == ["a.mp4", "sub/b.MKV", "sub/deep/c.webm"]


def test_lists_name_files_and_folders_beside_them(tmp_path: Path) -> None:
    _touched(tmp_path, "films/a.mp4", "films/b.mp4", "odd.bin")
    (tmp_path / "list.txt").write_text(f"# two folders\n\nfilms\n odd.bin \n{tmp_path / 'films' / 'a.mp4'}\nlist.txt\n")
    found = batch_files([tmp_path / "list.txt"], OUT)
    assert [file.output.name for file in found] == ["a.fgvc", "b.fgvc", "odd.fgvc"]


def test_a_list_as_windows_saves_it(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("a.mp4\r\nb.mp4\r\n", "utf-8-sig")
    assert [file.source for file in batch_files([tmp_path / "list.txt"], OUT)] == [
        tmp_path / "a.mp4",
        tmp_path / "b.mp4",
    ]


def test_what_is_named_is_taken_once_whatever_it_is_called(tmp_path: Path) -> None:
    _touched(tmp_path, "odd.bin", "a.mp4")
    found = batch_files([tmp_path / "odd.bin", tmp_path / "a.mp4", tmp_path, tmp_path / "missing.mp4"], OUT)
    assert [file.source.name for file in found] == ["odd.bin", "a.mp4", "missing.mp4"]


def test_no_two_files_share_an_output(tmp_path: Path) -> None:
    _touched(tmp_path, "x/a.mp4", "x/a.mkv", "y/a.mp4", "z/A.mp4")
    outputs = [file.output.name for file in batch_files([tmp_path / name for name in "xyz"], OUT)]
    assert outputs == ["a.fgvc", "a.mp4.fgvc", "a.mp4-2.fgvc", "A.mp4-3.fgvc"]


def test_nothing_at_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no video in what was named"):
        batch_files([tmp_path], OUT)
    with pytest.raises(InputError, match="can't be read as a list"):
        batch_files([tmp_path / "missing.txt"], OUT)
