"""Whether a result may be written where the user wants it, told before any work is done."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from codec.errors import OutputError

_ANY_WRITE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


def check_output(source: Path, output: Path) -> None:
    """Refuse an `output` that can't become a file of its own.

    A result is renamed over `output` when it is complete. A rename asks neither for the target's own rights nor what
    it is, so it would replace the source itself, a write-protected file or a device without a word.

    Raises:
        OutputError: it is the source, a folder, no ordinary file, write-protected, or its folder is missing or closed.
    """
    try:
        reason = _reason(source, output)
    except OSError as error:
        reason = f"can't be written: {error.strerror}; choose another place"
    if reason is not None:
        raise OutputError(f"{output} {reason}.")


def _reason(source: Path, output: Path) -> str | None:
    folder = output.parent
    if not folder.is_dir():
        return "can't be written, since its folder doesn't exist; create that or choose another place"
    if output.is_dir():
        return "is a folder; give the output a file name"
    if output.exists():
        if source.exists() and output.samefile(source):
            return "is the source itself; give the output another name"
        mode = output.stat().st_mode
        if not stat.S_ISREG(mode):
            return "is not an ordinary file; choose another name"
        if not mode & _ANY_WRITE:
            return "is write-protected; choose another name or allow writing"
    if not os.access(folder, os.W_OK | os.X_OK):
        return "can't be written, since its folder is write-protected; choose another place"
    return None
