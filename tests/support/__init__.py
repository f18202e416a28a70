"""Helpers shared by tests: where things lie, films, servers, record makers."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden"
