"""Standard streams where a program has none: without a console, Windows gives `None` for both."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def open_missing_streams() -> None:
    """Let what others print go nowhere; a progress bar of a library would fail on `None`."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            # Open until the process ends, as the streams it stands for.
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
