"""The benchmark for the day there is a GPU runs, on a small model, from one end to the other."""

from __future__ import annotations

import runpy
import sys

import pytest

from tests.support import ROOT

SCRIPT = ROOT / "benchmarks" / "networks" / "wan_shapes.py"


def test_benchmark_runs_on_a_cpu(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), "--small", "--device", "cpu", "--repeat", "1", "--steps", "2"])
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
