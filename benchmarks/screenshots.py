"""Pictures of the window for docs/screenshots: `python -m benchmarks.screenshots CLIP [light|dark ...]`.

Drives the real window with the real engine. Under a display server (for instance Xvfb) the fonts are those of that
machine; with QT_QPA_PLATFORM=offscreen it needs none.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication

from app.compare_view import Mode
from app.main_window import MainWindow
from app.preferences import Preferences
from app.theme import Theme
from app.workspace import Workspace
from codec.settings import EncodeSettings, Quality

FOLDER = Path("docs", "screenshots")
SETTINGS = EncodeSettings(goal=Quality(0.1), short_side=96, gop_frames=16, duration=2.0)
PATIENCE = 400.0


def wait_until(application: QApplication, condition: Callable[[], bool]) -> None:
    """Run the event loop until something is true."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise SystemExit("The window did not get there in time.")
        application.processEvents()
        time.sleep(0.01)


def shoot(application: QApplication, window: MainWindow, name: str, mode: str) -> None:
    """Save the window."""
    application.processEvents()
    FOLDER.mkdir(parents=True, exist_ok=True)
    window.grab().save(str(FOLDER / f"{name}-{mode}.png"))


def take(application: QApplication, clip: Path, mode: str, folder: Path) -> None:
    """All states in one look."""
    preferences = Preferences(QSettings(str(folder / "preferences.ini"), QSettings.Format.IniFormat))
    workspace = Workspace(preferences, folder / "state")
    window = MainWindow(workspace, Theme(application, mode))
    window.show()
    workspace.start()
    machines: list[object] = []
    workspace.machine.connect(machines.append)
    wait_until(application, lambda: bool(machines))
    shoot(application, window, "empty", mode)
    broken = Path("holiday.mp4")
    broken.write_bytes(b"no video")
    workspace.open([broken])
    broken.unlink()
    shoot(application, window, "error", mode)
    source = Path(shutil.copy(clip, folder / clip.name))
    source.chmod(0o644)
    window.settings.show_settings(replace(window.settings.settings, **vars(SETTINGS)))
    workspace.open([source])
    workspace.compress(window.settings.settings)
    wait_until(application, lambda: workspace.document is not None and len(workspace.document.gops) >= 3)
    workspace.clock.seek(12)
    wait_until(application, lambda: workspace.player.original is not None and workspace.player.result is not None)
    shoot(application, window, "encoding", mode)
    wait_until(application, lambda: workspace.document is not None and workspace.document.result is not None)
    workspace.clock.seek(24)
    wait_until(application, lambda: workspace.player.original is not None and workspace.player.result is not None)
    window.view.set_mode(Mode.WIPE)
    workspace.measure_frame()
    wait_until(application, lambda: bool(window.view.metrics_text))
    shoot(application, window, "comparing", mode)
    window.close()


def main() -> None:
    """Take all of them."""
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    application = QApplication(sys.argv[:1])
    for mode in sys.argv[2:] or ("dark", "light"):
        with tempfile.TemporaryDirectory() as folder:
            take(application, Path(sys.argv[1]), mode, Path(folder))


if __name__ == "__main__":
    main()
