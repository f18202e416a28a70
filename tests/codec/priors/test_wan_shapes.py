"""The benchmark for the day there is a GPU runs, on a small model, from one end to the other."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

from tests.support import ROOT

SCRIPT = ROOT / "benchmarks" / "networks" / "wan_shapes.py"


def test_benchmark_runs_on_a_cpu(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    told = ["--small", "--device", "cpu", "--repeat", "1", "--steps", "2", "--output", str(tmp_path / "out.json")]
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *told])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    shown = capsys.readouterr().out
    for part in (
        "encode: ",
        "decode: ",
        "VAE encoder",
        "VAE decoder",
        "transformer",
        "channel coder",
        "GiB on the CPU",
    ):
        assert part in shown
    assert (tmp_path / "out.json").exists()
