"""The one program of a bundle for Linux and macOS: the window under its name, the command under every other.

Two programs would each hold a copy of all modules, 50 MB. On Windows the window's must be one without a console.
"""

from __future__ import annotations

import sys
from multiprocessing import freeze_support
from pathlib import Path

WINDOW = "freegvc-gui"

if __name__ == "__main__":
    # First of all: the engine's child is this program again.
    freeze_support()
    if Path(sys.argv[0]).stem == WINDOW:
        from app.__main__ import main
    else:
        from codec.cli import main
    sys.exit(main())
