"""Is the window quick? `python -m benchmarks.speed.window CLIP` prints three figures of this machine.

1. From the start of the process to the first painted window, by the clock and in CPU time.
2. How late the event loop is while the engine loads and encodes: the 99th percentile and the worst of a 5 ms beat.
3. How fast two panes of 1920x1080 are painted.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject, QSettings, Qt, QThread, QTimer, Slot
from PySide6.QtWidgets import QApplication

from app.core.playing.clock import FrameClock
from app.core.playing.pictures.original import OriginalReader
from app.core.playing.player import Player
from app.core.settings.preferences import Preferences
from app.core.timing import Timing
from app.core.workspace import Workspace
from app.ui.canvas.compare_view import CompareView
from app.ui.main_window import MainWindow
from app.ui.theme import Theme
from benchmarks.results import save
from codec.events import PreviewReady
from codec.settings import EncodeSettings, Quality

BEAT_MS = 5
PAINTS = 120
SETTINGS = EncodeSettings(goal=Quality(0.1), short_side=96, gop_frames=16, duration=1.0)
START = """
import sys, time
from PySide6.QtCore import QEvent, QObject, QSettings
from PySide6.QtWidgets import QApplication
from pathlib import Path
from app.ui.main_window import MainWindow
from app.core.settings.preferences import Preferences
from app.ui.theme import Theme
from app.core.workspace import Workspace

class FirstPaint(QObject):
    def eventFilter(self, watched, event):
        if event.type() == QEvent.Type.Paint:
            self.at = time.time(), time.process_time()
        return False

a = QApplication([])
w = Workspace(Preferences(QSettings(sys.argv[1] + "/p.ini", QSettings.Format.IniFormat)), Path(sys.argv[1]))
m = MainWindow(w, Theme(a)); f = FirstPaint(); a.installEventFilter(f); m.show()
# The plots are built right after the whole window was painted once.
m.plots.built.connect(m.close)
a.exec()
print(f.at[0] - float(sys.argv[2]), f.at[1])
"""


class Beat(QObject):
    """Notes how late each tick of a timer is."""

    def __init__(self) -> None:
        super().__init__()
        self.late: list[float] = []
        self._last = time.perf_counter()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._timer.start(BEAT_MS)

    @Slot()
    def _tick(self) -> None:
        now = time.perf_counter()
        self.late.append(max(0.0, 1000 * (now - self._last) - BEAT_MS))
        self._last = now


def start_time(runs: int = 3) -> tuple[float, float]:
    """(seconds, seconds of CPU time), the best of some runs: the first one fills the disk cache."""
    times = []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-c", START, folder, str(time.time())]
            told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
            times.append((float(told[0]), float(told[1])))
    return min(times)


def stalls(application: QApplication, clip: Path) -> list[float]:
    """Milliseconds of lateness from the engine's start to the end of an encode that is shown while it plays."""
    with tempfile.TemporaryDirectory() as folder:
        preferences = Preferences(QSettings(folder + "/p.ini", QSettings.Format.IniFormat))
        workspace = Workspace(preferences, Path(folder))
        window = MainWindow(workspace, Theme(application, "dark"))
        window.show()
        application.processEvents()
        ended: list[str] = []
        workspace.ended.connect(ended.append)
        beat = Beat()
        workspace.start()
        preferences.encode = SETTINGS
        workspace.open([Path(shutil.copy(clip, folder))])
        workspace.orders.start_queue()
        workspace.clock.play()
        while not ended:
            application.processEvents()
            time.sleep(0.0005)
        window.close()
        return beat.late


def paint_rate(application: QApplication) -> tuple[float, float]:
    """(frames a second by the clock, milliseconds of CPU time a frame) of two different 1080p pictures."""
    player = Player(FrameClock())
    view = CompareView(player, Theme(application, "dark"))
    view.resize(3846, 1080)
    noise = np.random.default_rng(0).integers(0, 256, (2, 1080, 1920, 3), np.uint8)
    player.clock.set_video(2, Timing(Fraction(60)))
    player.show_result(expected=True)
    player.take(PreviewReady(0, 0, noise))
    # The same store serves both panes: what is measured is the painting.
    player.show_original(_Still(noise))
    view.show()
    application.processEvents()
    wall, cpu = time.perf_counter(), time.process_time()
    for n in range(PAINTS):
        player.clock.seek(n % 2)
        view.repaint()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    view.close()
    return PAINTS / wall, 1000 * cpu / PAINTS


class _Still(OriginalReader):
    """Two frames that are there already; no thread is started."""

    def __init__(self, frames: np.ndarray) -> None:
        QThread.__init__(self)
        self._frames = frames

    def frame(self, number: int) -> np.ndarray:
        """See OriginalReader."""
        return np.asarray(self._frames[1 - number])

    def close(self) -> None:
        """Nothing runs."""


def main() -> None:
    """Print the figures, and keep them."""
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    load = os.getloadavg()[0]
    print(f"load average of this machine: {load:.1f} on {os.cpu_count()} cores")
    wall, used = start_time()
    print(f"window painted {wall:.2f} s after the process began, {used:.2f} s of CPU time")
    application = QApplication(sys.argv[:1])
    late = np.array(stalls(application, Path(sys.argv[1])))
    print(
        f"event loop while encoding: 99th percentile {np.percentile(late, 99):.0f} ms late, worst {late.max():.0f} ms"
    )
    rate, cpu = paint_rate(application)
    print(f"two 1080p panes: {rate:.0f} paints a second, {cpu:.1f} ms of CPU time each")
    figures = {
        "load_average": load,
        "painted_s": wall,
        "painted_cpu_s": used,
        "late_99_ms": float(np.percentile(late, 99)),
        "late_worst_ms": float(late.max()),
        "paints_a_second": rate,
        "paint_cpu_ms": cpu,
    }
    save("window", figures, uses_weights=False)


if __name__ == "__main__":
    main()
