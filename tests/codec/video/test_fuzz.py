"""Damaged files are read or refused: no crash, no hang, no hunger for memory (`tests.support.films.mutations`)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support import ROOT, skips

COUNT = 2000


@skips.posix
def test_damaged_files_are_read_or_refused(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.support.films.mutations", str(tmp_path), "0", str(COUNT)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    last = done.stdout.splitlines()[-1:]
    assert (last, done.returncode) == (["all read"], 0), f"mutation {last}: {done.stderr[-2000:]}"
    assert len(done.stdout.splitlines()) == COUNT + 1
