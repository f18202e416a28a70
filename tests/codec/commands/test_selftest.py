"""`freegvc selftest`: passes where all is there, and names the part that isn't."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from codec.base.av1 import levels_may_change
from codec.cli import main
from codec.commands import selftest
from codec.commands.selftest import PARTS
from tests.support import ROOT


@pytest.mark.slow
def test_a_whole_installation_passes_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FREEGVC_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert main(["selftest"]) == 0
    told = capsys.readouterr()
    lines = told.out.splitlines()
    assert [line.split(":")[0] for line in lines] == [f"ok      {name}" for name in PARTS]
    # A package without SVT-AV1's own library would work, and worse.
    assert "own level" in told.out or not levels_may_change()
    assert told.err == ""
    assert not list(tmp_path.rglob("*.*"))


def test_a_broken_part_is_named_and_the_others_still_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    few = {name: PARTS[name] for name in ("resources", "entropy coder", "video and sound")}
    monkeypatch.setattr(selftest, "PARTS", few)
    monkeypatch.setattr(selftest, "SHIPPED_FILES", ("pocket.safetensors", "gone.bin"))
    monkeypatch.setitem(sys.modules, "constriction", None)
    assert main(["selftest"]) == 1
    told = capsys.readouterr()
    first, second, third = told.out.splitlines()
    assert first.startswith("FAILED  resources: ")
    assert first.endswith("not in this installation: gone.bin")
    assert second.startswith("FAILED  entropy coder: ModuleNotFoundError")
    assert third.startswith("ok      video and sound: 25 frames")
    assert told.err == "This installation is not whole (resources, entropy coder); install Free-GVC again.\n"


def test_programs_without_a_console_may_print() -> None:
    code = (
        "import sys; out = sys.stdout; sys.stdout = sys.stderr = None\n"
        "from codec.worker.streams import open_missing_streams; open_missing_streams()\n"
        "from tqdm import tqdm; list(tqdm([1])); print('gone')\n"
        "sys.stderr.write('gone'); out.write('done')"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert (run.stdout, run.stderr) == ("done", "")
