"""Fixtures shared by all tests."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    # Two OpenMP threads spin against each other on a shared two-core machine and run slower than one.
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of real clips and networks that developers and CI have beside the checkout."""
    path = Path(__file__).resolve().parents[2] / "shared"
    if not path.is_dir():
        pytest.skip("no ../shared folder with the real clips and networks beside this checkout")
    return path


@pytest.fixture(scope="session")
def clips(shared: Path) -> Path:
    return shared / "data" / "clips"


@pytest.fixture(scope="session")
def malformed(shared: Path) -> Path:
    return shared / "data" / "malformed"
