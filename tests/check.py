"""One command for all checks: `python -m tests.check [--lint]`. All run, whatever fails; exit code 1 where one did."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

from tests.support import ROOT

LINTERS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("mypy",),
    ("lint-imports",),
    ("python", "-m", "benchmarks.tables", "--check"),
)
TESTS = (("python", "-m", "pytest", "-q"),)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lint", action="store_true", help="everything but the tests")
    lint = parser.parse_args().lint
    failed = [command for command in (*LINTERS, *(() if lint else TESTS)) if not _passes(command)]
    for command in failed:
        print("FAILED:", *command)
    return 1 if failed else 0


def _passes(command: tuple[str, ...]) -> bool:
    print("+", *command, flush=True)
    program, *arguments = command
    tools = Path(sysconfig.get_path("scripts"))
    run = [sys.executable] if program == "python" else [str(tools / program)]
    environment = {"PYTHONPATH": str(ROOT), "QT_QPA_PLATFORM": "offscreen", **os.environ}
    return subprocess.run([*run, *arguments], cwd=ROOT, env=environment, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
