"""A window as small as the screens of small machines are."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from PySide6.QtCore import QSize
from PySide6.QtWidgets import QLabel, QSlider, QToolButton
from pytestqt.qtbot import QtBot

from app.ui.main_window import MainWindow
from tests.support.windows import labels

GOLDEN = Path(__file__).parents[2] / "golden" / "full-3.fgvc"

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


def test_the_zoom_that_is_told_is_that_of_the_panes(qtbot: QtBot, window: MainWindow) -> None:
    window.resize(LARGE)
    window.workspace.open([GOLDEN])
    document = window.workspace.document
    assert document is not None
    window.workspace.viewer.show_beside(document)
    qtbot.waitUntil(lambda: len(window.view.sides()) == 2)

    def told() -> str:
        return next(text for text in labels(window.transport) if "%" in text)

    for action in ("wipe", "side", "hide first", "hide first"):
        window.actions_[action].trigger()
        assert window.view.zoom is not None
        assert told() == f"{window.view.zoom:.0%}, fits"
    wide = told()
    window.actions_["alone"].trigger()
    assert told() != wide


LONG = "There is no file /home/somebody/" + "a_folder_whose_name_takes_up_room/" * 6 + "holiday.mp4; check its name."


@pytest.mark.parametrize("text", ["There is no file here.", LONG])
def test_a_message_covers_nothing_and_is_read_whole_in_its_tooltip(qtbot: QtBot, window: MainWindow, text: str) -> None:
    window.resize(SMALL)
    window.banner.tell(text, "Begin anew", lambda: None)
    shown = [window.banner, window.view, window.transport]

    def fits() -> bool:
        apart = all(above.geometry().bottom() < below.geometry().top() for above, below in pairwise(shown))
        return apart and all(part.height() >= part.minimumSizeHint().height() for part in shown)

    qtbot.waitUntil(fits)
    said = next(label for label in window.banner.findChildren(QLabel) if label.toolTip())
    assert text in said.toolTip()
    lines = said.text().splitlines()
    assert all(said.fontMetrics().horizontalAdvance(line) <= said.width() for line in lines)
    assert said.height() >= len(lines) * said.fontMetrics().lineSpacing()
    # It grows as little as it can, and is no taller than it must be.
    assert window.height() < SMALL.height() + 80
    assert len(lines) <= 4
