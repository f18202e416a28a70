"""Files are written whole, on file systems of any kind."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from codec.errors import OutputError
from codec.files import finish, part_path, sole_writer, write_whole
from tests.support import ROOT, skips


@skips.posix
def test_a_file_system_that_syncs_no_folders_still_takes_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync, synced = os.fsync, list[int]()

    def refusing(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        synced.append(handle)
        sync(handle)

    monkeypatch.setattr(os, "fsync", refusing)
    write_whole(tmp_path / "a", b"whole")
    assert (tmp_path / "a").read_bytes() == b"whole"
    part_path(tmp_path / "b").write_bytes(b"finished")
    finish(part_path(tmp_path / "b"), tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"finished"
    # The files' own contents are on disk all the same.
    assert len(synced) == 2


WRITING = """
import sys
from pathlib import Path
from codec.files import sole_writer
with sole_writer(Path(sys.argv[1])):
    print("alone", flush=True)
    sys.stdin.read()
"""


@skips.posix
def test_a_file_has_one_writer_until_that_one_has_gone(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITING, str(tmp_path / "a")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes, cwd=ROOT) as other:
        assert other.stdout is not None
        assert other.stdout.readline().strip() == b"alone"
        with pytest.raises(OutputError, match="a is being written by another process"), sole_writer(tmp_path / "a"):
            pass
        with sole_writer(tmp_path / "b"):
            other.kill()
    with sole_writer(tmp_path / "a"):
        assert list(tmp_path.iterdir()) == []


def test_where_nothing_can_be_locked_work_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    with sole_writer(tmp_path / "a"):
        (tmp_path / "a").touch()
