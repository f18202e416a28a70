"""What a benchmark measured, kept as JSON beside what it was measured with: benchmarks/results/NAME.json.

The tables of README and docs/measurements.md are made of these files (tables.py), so a figure there can be traced to a
commit, to weights and to a machine, and a test says when it is older than the weights.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from codec.files import write_whole
from codec.priors.catalog import POCKET_WEIGHTS, RESTORER_WEIGHTS

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "benchmarks" / "results"
WEIGHTS = [ROOT / "resources" / name for name in (POCKET_WEIGHTS, RESTORER_WEIGHTS)]


@dataclass(frozen=True)
class Results:
    """One benchmark's outcome.

    Attributes:
        benchmark: the name of its module, or of its package where that is run as a whole.
        commit: of the working tree that ran it; "+" behind it says that something else than outcomes was not committed.
        weights: 16 hexadecimal digits of the SHA-256 of the pocket prior's two files, "" where they don't matter.
        machine: what ran it, in words.
        figures: whatever the benchmark measures, as JSON has it.
    """

    benchmark: str
    commit: str
    weights: str
    machine: str
    figures: Any

    @property
    def outdated(self) -> bool:
        """Whether the weights have changed since."""
        return bool(self.weights) and self.weights != weights_hash()


def save(benchmark: str, figures: Any, uses_weights: bool, path: Path | None = None) -> Path:
    """Keep what `benchmark` has just measured, under its name or at a place of the user's."""
    found = Results(benchmark, commit_here(), weights_hash() if uses_weights else "", _machine(), figures)
    path = path or FOLDER / f"{benchmark}.json"
    write_whole(path, (json.dumps(asdict(found), indent=1) + "\n").encode())
    return path


def load(benchmark: str) -> Results:
    """What was kept."""
    return Results(**json.loads((FOLDER / f"{benchmark}.json").read_text("utf-8")))


def script(benchmark: str) -> str:
    """Where the one of this name lies in the checkout: `benchmarks/ROOM/NAME.py`, or `benchmarks/NAME/` for a package.

    Raises:
        LookupError: there is none of this name, or more than one.
    """
    places = [*(ROOT / "benchmarks").rglob(f"{benchmark}.py"), *(ROOT / "benchmarks").glob(f"{benchmark}/__main__.py")]
    if len(places) != 1:
        raise LookupError(f"{len(places)} benchmarks are called {benchmark}; one should be")
    return places[0].relative_to(ROOT).as_posix().removesuffix("__main__.py")


def weights_hash() -> str:
    """Of the weights in resources, as a file's header names them."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in WEIGHTS)).hexdigest()[:16]


def commit_here() -> str:
    """The working tree's commit, as `Results.commit` has it."""

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()

    try:
        changed = git("status", "--porcelain", "-uno", "--", ".", ":!benchmarks/*.txt", ":!benchmarks/results")
        return git("rev-parse", "--short=12", "HEAD") + ("+" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _machine() -> str:
    return f"{_processor()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
