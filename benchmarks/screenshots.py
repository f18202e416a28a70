"""Pictures of the window for docs/screenshots: `python -m benchmarks.screenshots CLIP`.

Drives the real window with the real engine through all that a user does with a clip: drop, compress, compare, let other
codecs try, export. Each state is taken in both looks. Under a display server (for instance Xvfb) the fonts
are those of that machine; with QT_QPA_PLATFORM=offscreen it needs none.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QMimeData, QPoint, QPointF, QSettings, QSize, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QWidget

from app.core.playing.player import ORIGINAL, RESULT
from app.core.settings.preferences import Preferences
from app.core.workspace import Workspace
from app.ui.canvas.sides import Mode
from app.ui.main_window import SIZE, MainWindow
from app.ui.theme import Theme
from codec.settings import EncodeSettings, Quality
from codec.video import VideoReader

FOLDER = Path("docs", "screenshots")
SETTINGS = EncodeSettings(goal=Quality(0.15), short_side=240, duration=4.0)
# What a desktop leaves of a screen of 1024 by 700.
SMALL = QSize(1008, 652)
PATIENCE = 3000.0


@dataclass(frozen=True)
class Stage:
    """The window, and what is needed to wait for it and to take its picture."""

    application: QApplication
    window: MainWindow
    theme: Theme

    def wait(self, condition: Callable[[], bool]) -> None:
        """Run the event loop until something is true."""
        end = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > end:
                raise SystemExit("The window did not get there in time.")
            self.application.processEvents()
            time.sleep(0.01)

    def shoot(self, name: str, widget: QWidget | None = None) -> None:
        """Save the window, or one over it, in both looks."""
        FOLDER.mkdir(parents=True, exist_ok=True)
        for mode in ("light", "dark"):
            self.theme.set_mode(mode)
            self.application.processEvents()
            (widget or self.window).grab().save(str(FOLDER / f"{name}-{mode}.png"))
        print(f"{time.process_time():.0f} s of CPU time: {name}", flush=True)

    def drop(self, path: Path) -> None:
        """Let a file fall onto the picture."""
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(path))])
        where, copy = QPoint(500, 300), Qt.DropAction.CopyAction
        buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        QApplication.sendEvent(self.window, QDragEnterEvent(where, copy, data, buttons, keys))
        QApplication.sendEvent(self.window, QDropEvent(QPointF(where), copy, data, buttons, keys))


def take(stage: Stage, clip: Path, folder: Path) -> None:
    """All states, one after the other."""
    workspace = stage.window.workspace
    machines: list[object] = []
    workspace.machine.connect(machines.append)
    workspace.start()
    stage.wait(lambda: bool(machines))
    stage.shoot("empty")
    # By a relative name, since the message shows it.
    broken = Path("holiday.mp4")
    broken.write_bytes(b"no video")
    workspace.open([broken])
    broken.unlink()
    stage.shoot("error")
    source = Path(shutil.copy(clip, folder / clip.name))
    source.chmod(0o644)
    workspace.preferences.encode = SETTINGS
    stage.drop(source)
    stage.wait(lambda: workspace.player.original is not None and stage.window.filmstrip.pictures > 10)
    stage.shoot("waiting")
    workspace.orders.start_queue()
    stage.wait(lambda: workspace.document is not None and len(workspace.document.gops) >= 2)
    stage.wait(lambda: bool(workspace.player.store.ranges()))
    _show_frame(stage, 12)
    stage.shoot("encoding")
    _models(stage)
    _keys(stage)
    stage.wait(lambda: workspace.document is not None and workspace.document.result is not None)
    _compare(stage)
    _small(stage)
    _export(stage, folder / "small.mp4")


def _show_frame(stage: Stage, frame: int) -> None:
    player = stage.window.workspace.player
    stage.window.workspace.clock.seek(frame)
    stage.wait(lambda: player.original is not None and player.result is not None)


def _models(stage: Stage) -> None:
    stage.window.commands.file.show_models()
    dialog = stage.window.commands.file.models_dialog
    assert dialog is not None
    stage.wait(lambda: bool(dialog.cards))
    stage.shoot("models", dialog)
    dialog.close()


def _keys(stage: Stage) -> None:
    stage.window.actions_["keys"].trigger()
    keys = stage.window.commands.help.keys_window
    assert keys is not None
    stage.shoot("keys", keys)
    keys.close()


def _compare(stage: Stage) -> None:
    """Ours beside the original under the wipe, with this frame's metrics; then beside x265 at the same size."""
    window, workspace = stage.window, stage.window.workspace
    _show_frame(stage, 24)
    window.view.set_mode(Mode.WIPE)
    workspace.frame_metrics.measure()
    stage.wait(lambda: bool(window.view.metrics_text))
    stage.shoot("comparing")
    window.view.set_mode(Mode.SIDE)
    workspace.compare_peers()
    stage.wait(lambda: not workspace.peers.running)
    workspace.player.choose("x265", RESULT)
    window.reveal(window.peers)
    stage.shoot("peers")
    workspace.player.choose(ORIGINAL, RESULT)


def _small(stage: Stage) -> None:
    """As it fits a small screen."""
    before = stage.window.size()
    stage.window.resize(SMALL)
    stage.window.reveal(stage.window.settings)
    stage.shoot("small")
    stage.window.resize(before)


def _export(stage: Stage, video: Path) -> None:
    workspace = stage.window.workspace
    ended: list[str] = []
    workspace.ended.connect(ended.append)
    workspace.orders.export(video)
    stage.wait(lambda: bool(ended))
    with VideoReader(video) as reader:
        count = sum(1 for _ in reader.frames())
    document = workspace.document
    size = document.info.bytes if document is not None and document.info is not None else 0
    print(f"{size} bytes of .fgvc; {count} frames exported to {video.name}")


def main() -> None:
    """Take all of them."""
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    application = QApplication(sys.argv[:1])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        preferences = Preferences(QSettings(str(folder / "preferences.ini"), QSettings.Format.IniFormat))
        theme = Theme(application, "dark")
        window = MainWindow(Workspace(preferences, folder / "state"), theme)
        window.resize(SIZE)
        window.show()
        try:
            take(Stage(application, window, theme), Path(sys.argv[1]), folder)
        finally:
            window.close()


if __name__ == "__main__":
    main()
