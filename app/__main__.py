"""Start the window: `python -m app [FILE ...]`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from multiprocessing import freeze_support
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from app.core.process.instance import Instance
    from app.core.workspace import Workspace


def main(argv: Sequence[str] | None = None) -> int:
    """Run the application until its window closes."""
    # Here and not above: the engine's child imports this module and needs none of it.
    from PySide6.QtWidgets import QApplication

    from app.core.process.instance import Instance
    from app.core.settings.preferences import state_folder
    from codec.worker.streams import open_missing_streams

    open_missing_streams()
    files = [Path(name).resolve() for name in (sys.argv[1:] if argv is None else argv)]
    application = QApplication(sys.argv[:1])
    application.setOrganizationName("Free-GVC")
    application.setApplicationName("Free-GVC")
    try:
        state_folder().mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return _refuse(
            f"{state_folder()} can't be made ({error.strerror}); it keeps the queue: check the rights there."
        )
    instance = Instance(state_folder())
    if not instance.claim():
        if instance.hand_over(files):
            return 0
        return _refuse("Another window of Free-GVC is open and does not answer; end it and start this one again.")
    status = _run(application, instance, files)
    instance.release()
    return status


def _run(application: QApplication, instance: Instance, files: Sequence[Path]) -> int:
    """The only window of its user, until it closes."""
    import signal

    from PySide6.QtCore import QTimer

    from app.core.process.failures import Failures
    from app.core.process.garbage import GarbageCollector
    from app.core.settings.preferences import Preferences, open_store, state_folder
    from app.core.workspace import Workspace
    from app.ui.main_window import MainWindow
    from app.ui.theme import Theme, picture

    garbage = GarbageCollector()
    preferences = Preferences(open_store())
    theme = Theme(application, preferences.theme)
    application.setWindowIcon(picture("app", theme.colours.accent, 64))
    workspace = Workspace(preferences, state_folder())
    window = MainWindow(workspace, theme)
    window.show()
    instance.called.connect(window.come_forward)
    failures = Failures()
    failures.failed.connect(workspace.fail)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # The window is up before anything that takes time begins.
    QTimer.singleShot(0, window, lambda: _begin(workspace))
    if files:
        QTimer.singleShot(0, window, lambda: workspace.open(files))
    status = application.exec()
    failures.stop()
    garbage.stop()
    return status


def _refuse(reason: str) -> int:
    """There can be no window."""
    from PySide6.QtWidgets import QMessageBox

    QMessageBox.warning(None, "Free-GVC", reason)
    return 1


def _begin(workspace: Workspace) -> None:
    import faulthandler
    from contextlib import suppress

    workspace.start()
    # After the last session's report was read, which the next start offers anew; without a place for it there is none.
    with suppress(OSError):
        faulthandler.enable(workspace.crash_log.open("a", encoding="utf-8"))


if __name__ == "__main__":
    # First of all: a packaged application is also the program that its engine's child runs.
    freeze_support()
    sys.exit(main())
