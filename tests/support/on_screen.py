"""Programs that tests/app/test_real_window.py runs on a display of its own, and that tell what happens, a line each.

`window FOLDER` is the window itself; `source FILE` is another program's window, out of which a file can be dragged.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from PySide6.QtCore import QEvent, QMimeData, QPoint, QSettings, Qt, QTimer, QUrl
from PySide6.QtGui import QDrag, QMouseEvent
from PySide6.QtWidgets import QApplication, QWidget

# Whoever reads the lines sees their end instead of waiting for ever.
LIFE_MS = 1_200_000


def tell(**values: object) -> None:
    print(json.dumps(values), flush=True)


def centre(widget: QWidget) -> list[int]:
    point = widget.mapToGlobal(widget.rect().center())
    return [point.x(), point.y()]


class Source(QWidget):
    """Starts a drag as soon as the mouse is pressed and moved."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def mouseMoveEvent(self, _: QMouseEvent) -> None:  # noqa: N802
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(self._path))])
        drag = QDrag(self)
        drag.setMimeData(data)
        tell(dragging=True)
        tell(dropped=drag.exec() is not Qt.DropAction.IgnoreAction)


def show_source(path: Path) -> QWidget:
    source = Source(path)
    source.setGeometry(1450, 100, 120, 120)
    source.show()
    return source


def show_window(folder: Path) -> QWidget:
    from app.core.settings.preferences import Preferences
    from app.core.workspace import Workspace
    from app.ui.canvas.sides import Mode
    from app.ui.main_window import MainWindow
    from app.ui.theme import Theme
    from codec.events import PreviewReady

    application = QApplication.instance()
    assert isinstance(application, QApplication)
    preferences = Preferences(QSettings(str(folder / "preferences.ini"), QSettings.Format.IniFormat))
    workspace = Workspace(preferences, folder / "state")
    window = MainWindow(workspace, Theme(application, "dark"))
    window.setGeometry(0, 0, 1060, 860)
    view, slider = window.view, window.settings.slider

    def opened() -> None:
        document = workspace.document
        assert document is not None
        workspace.player.show_result(expected=True)
        width, height = document.size
        workspace.player.take(PreviewReady(0, 0, np.full((1, height, width, 3), 255, np.uint8)))
        view.set_mode(Mode.WIPE)
        # Once everything has its place.
        QTimer.singleShot(0, window, lambda: tell_opened(str(document.source)))

    def tell_opened(name: str) -> None:
        line = view.mapToGlobal(QPoint(view.width() // 2, view.height() // 2))
        tell(opened=name, line=[line.x(), line.y()], view=view.width())

    class Watch(QWidget):
        """Tells of the wipe and of what is dragged over the window, which have no signals."""

        def eventFilter(self, _: object, event: QEvent) -> bool:  # noqa: N802
            if event.type() is QEvent.Type.DragEnter:
                tell(entered=True)
            if isinstance(event, QMouseEvent) and event.buttons():
                QTimer.singleShot(0, lambda: tell(wipe=view.wipe))
            return False

    window.watch = Watch(window)  # type: ignore[attr-defined]
    for watched in (view, window):
        watched.installEventFilter(window.watch)  # type: ignore[attr-defined]
    workspace.viewer.opened.connect(opened)
    slider.valueChanged.connect(lambda value: tell(slider=value))
    window.show()
    QTimer.singleShot(0, window, lambda: tell(view=centre(view), handle=handle(window), most=slider.maximum()))
    return window


def handle(window: QWidget) -> list[int]:
    """Where the slider's handle is, and its right end, on the screen: [x, y, x of the end]."""
    slider = window.settings.slider  # type: ignore[attr-defined]
    share = (slider.value() - slider.minimum()) / (slider.maximum() - slider.minimum())
    left = slider.mapToGlobal(QPoint(9, slider.height() // 2))
    width = slider.width() - 18
    return [left.x() + round(share * width), left.y(), left.x() + width]


def main() -> None:
    kind, path = sys.argv[1], Path(sys.argv[2])
    application = QApplication(sys.argv[:1])
    shown = show_window(path) if kind == "window" else show_source(path)
    if kind == "source":
        QTimer.singleShot(0, shown, lambda: tell(source=centre(shown)))
    QTimer.singleShot(LIFE_MS, shown, shown.close)
    application.exec()


if __name__ == "__main__":
    main()
