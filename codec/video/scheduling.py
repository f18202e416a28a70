"""SVT-AV1's threads beside everything else that runs on a machine."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


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
