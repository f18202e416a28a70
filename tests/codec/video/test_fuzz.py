"""Damaged files are read or refused: no crash, no hang, no hunger for memory (`tests.support.films.mutations`)."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support import ROOT, skips

COUNT, PROCESSES = 2000, 2


@skips.posix
@pytest.mark.slow
def test_damaged_files_are_read_or_refused(tmp_path: Path) -> None:
    each = COUNT // PROCESSES

    def read(part: int) -> subprocess.CompletedProcess[str]:
        folder = tmp_path / str(part)
        folder.mkdir()
        command = [sys.executable, "-m", "tests.support.films.mutations", folder, str(part * each), str(each)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    with ThreadPoolExecutor(PROCESSES) as processes:
        for done in processes.map(read, range(PROCESSES)):
            *numbers, last = done.stdout.splitlines() or [""]
            assert (last, done.returncode) == ("all read", 0), f"mutation {last}: {done.stderr[-2000:]}"
            assert len(numbers) == each
