"""What whoever calls SVT-AV1 must heed, by its own interface or through FFmpeg: the rates it takes, and its threads."""

from __future__ import annotations

import os
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

MOST_RATE = Fraction(240)


def told_rate(frame_rate: Fraction) -> Fraction:
    """The frame rate to tell it, which only steers its decisions: it refuses to start at more than `MOST_RATE`."""
    return min(frame_rate, MOST_RATE)


def leave_real_time() -> None:
    """Puts this process's threads back to ordinary scheduling.

    Where it may (as root, in most containers), SVT-AV1 gives its threads real-time priority: they starve everything
    else on the machine, the window that shows the progress included.
    """
    if not hasattr(os, "sched_setscheduler"):
        return
    for task in Path("/proc/self/task").glob("*"):
        # A thread may have ended meanwhile, or belong to a sandbox that forbids asking.
        with suppress(OSError):
            if os.sched_getscheduler(int(task.name)) == os.SCHED_FIFO:
                os.sched_setscheduler(int(task.name), os.SCHED_OTHER, os.sched_param(0))
