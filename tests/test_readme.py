"""The README's example runs as it is written, and its commands name what is there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.results import load
from codec.metrics.measure import measure
from codec.metrics.psnr import Psnr
from tests.support import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / "docs" / "sample.mp4", tmp_path / "docs")
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(example.splitlines()) <= 12
    exec(compile(example, "README.md", "exec"), {})
    assert (tmp_path / "sample.mkv").stat().st_size > (tmp_path / "sample.fgvc").stat().st_size > 0
    assert "GOP 0: t* = " in capsys.readouterr().out
    measured = measure(Path("docs/sample.mp4"), Path("sample.mkv"), [Psnr()])
    assert (len(measured.times), measured.notes) == (60, ())
    assert measured.times[-1] == pytest.approx(59 * 6 / 179, abs=0.001)


DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/*.md")), ROOT / "benchmarks" / "README.md"]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_files_that_documents_link_to_exist(document: Path) -> None:
    links = re.findall(r"\]\(([\w./-]+)(?:#[\w-]+)?\)", document.read_text(encoding="utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_the_sample_it_encodes_exists() -> None:
    (named,) = set(re.findall(r"encode (docs/[\w./-]+)", README))
    assert (ROOT / named).is_file()


def test_its_tables_are_those_of_the_benchmarks_results() -> None:
    """Also where the weights have changed since: then a table has to say that it is of older ones."""
    command = [sys.executable, "-m", "benchmarks.tables", "--check"]
    run = subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


DATED = re.compile(r"(earlier|older) (weights|state)")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_figures_of_older_weights_say_so(document: Path) -> None:
    """Where they are cited: in the same paragraph, item or row of a table."""
    text = document.read_text(encoding="utf-8")
    for part in re.split(r"\n\s*\n|\n(?=[-*|] )", text):
        cited = [name for name in re.findall(r"results/(\w+)\.json", part) if load(name).outdated]
        # Printed before figures were kept as JSON (benchmarks/README.md).
        cited += re.findall(r"benchmarks/\w+\.txt", part)
        assert not cited or DATED.search(part), f"{document.name} cites {cited[0]} without saying of when it is: {part}"


def test_every_benchmark_keeps_what_it_measures() -> None:
    """But those that draw pictures, make tables or are another's worker."""
    other = {"contact_sheet", "screenshots", "tables", "mutants"}
    scripts = [path for path in (ROOT / "benchmarks").rglob("*.py") if path.stem not in other]
    texts = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in scripts}
    measuring = {name: text for name, text in texts.items() if "def main" in text}
    assert len(measuring) > 14
    assert [name for name, text in measuring.items() if "save(" not in text] == []
