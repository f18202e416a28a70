"""How many processes a command takes of its own accord."""

from __future__ import annotations

from types import SimpleNamespace

import psutil
import pytest
import torch

from codec.parallel.opening import suited_workers

GB = 1_000_000_000


@pytest.fixture(autouse=True)
def _machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight cores, 10 GB free."""
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=10 * GB))


@pytest.mark.parametrize(
    ("units", "threads", "memory", "processes"),
    [(100, 2, GB, 4), (3, 2, GB, 3), (100, 1, GB, 8), (100, 1, 3 * GB, 3)],
    ids=["cores", "units", "threads", "memory"],
)
def test_as_many_as_cores_memory_and_work_allow(units: int, threads: int, memory: int, processes: int) -> None:
    with suited_workers(units, threads, memory) as workers:
        assert workers is not None
        assert workers.count == processes


@pytest.mark.parametrize(
    ("units", "threads", "memory"), [(1, 2, GB), (0, 1, GB), (100, 5, GB), (100, 1, 6 * GB)], ids=lambda _: ""
)
def test_none_where_this_process_will_do(units: int, threads: int, memory: int) -> None:
    with suited_workers(units, threads, memory) as workers:
        assert workers is None
