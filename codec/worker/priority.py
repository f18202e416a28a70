"""Giving way: work that may take an hour steps back behind what somebody watches."""

from __future__ import annotations

import contextlib
import os
import sys

_NICE = 10


def step_back() -> None:
    """Let other processes go first, for as long as this one lives."""
    if sys.platform == "win32":
        import ctypes

        below_normal = 0x4000
        kernel = ctypes.windll.kernel32
        kernel.SetPriorityClass(kernel.GetCurrentProcess(), below_normal)
    else:
        with contextlib.suppress(OSError):
            os.nice(_NICE)
