"""Helpers shared by tests: where things lie, films, servers, record makers."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden"
DATA = ROOT / "tests" / "data"
"""Small clips that tests/data/make.py made: footage enough for whatever needs no real one."""
SAMPLE = ROOT / "docs" / "sample.mp4"
"""Two real seconds, 426x240: bottles on a table, a camera in a hand."""
PATIENCE = 10_000_000
"""Milliseconds to wait for what must come: pytest-timeout ends a test that hangs, and says where."""
