"""Files are written whole, on file systems of any kind."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from codec.files import finish, part_path, write_whole
from tests.support import skips


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
