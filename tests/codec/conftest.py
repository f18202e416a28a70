"""What the engine's tests share."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest


@pytest.fixture
def no_thread_stays() -> Iterator[None]:
    """Fails a test that leaves one of Python's threads running."""
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before
