"""A window as small as the screens of small machines are."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QSlider, QToolButton
from pytestqt.qtbot import QtBot

from app.ui.main_window import MainWindow

SMALL, LARGE = QSize(800, 500), QSize(1360, 900)


def test_a_small_window_has_the_size_that_it_is_given_and_room_for_the_position(
    qtbot: QtBot, window: MainWindow
) -> None:
    for size, roomy in ((LARGE, True), (SMALL, False), (LARGE, True)):
        window.resize(size)
        qtbot.waitUntil(lambda roomy=roomy: window.volume.slider.isVisible() is roomy)
        assert window.size() == size
        assert window.transport.play.isVisible()
        bar = next(slider for slider in window.findChildren(QSlider) if slider.objectName() == "scrub")
        assert bar.width() > 60
        assert bar.geometry().right() < window.transport.width()


def test_what_the_tool_bar_has_no_room_for_is_seen_to_be_there(qtbot: QtBot, window: MainWindow) -> None:
    window.resize(SMALL)
    more = window.findChild(QToolButton, "qt_toolbar_ext_button")
    assert isinstance(more, QToolButton)
    qtbot.waitUntil(more.isVisible)
    picture = more.grab().toImage()
    colours = {picture.pixel(x, y) for x in range(picture.width()) for y in range(picture.height())}
    assert len(colours) > 1
