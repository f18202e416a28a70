"""Keys: they work wherever the focus is, but for those that the focused widget needs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest
from PySide6.QtCore import QModelIndex, QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QComboBox, QSlider, QWidget
from pytestqt.qtbot import QtBot

from app.ui.canvas.sides import Mode
from app.ui.dialogs.files import parsed_time
from app.ui.layout import PANELS
from app.ui.main_window import MainWindow
from app.ui.theme import Theme
from tests.support.windows import PATIENCE, activate, drop, press


@pytest.fixture
def opened(qtbot: QtBot, window: MainWindow, short_clip: Path, tmp_path: Path) -> MainWindow:
    """Two jobs wait, the first is looked at, and the window has the keys."""
    drop(window, *(Path(shutil.copy(short_clip, tmp_path / f"{name}.mkv")) for name in "ab"))
    activate(qtbot, window)
    return window


def test_arrows_walk_the_queue_and_enter_opens(qtbot: QtBot, opened: MainWindow) -> None:
    first, second = opened.workspace.queue
    panel, workspace = opened.queue_panel, opened.workspace
    panel.choose(first.id)
    panel.view.setFocus(Qt.FocusReason.TabFocusReason)
    press(qtbot, opened, Qt.Key.Key_Down)
    assert panel.job == second
    assert workspace.document is not None
    assert workspace.document.job_id == first.id
    assert QApplication.focusWidget() is panel.view
    press(qtbot, opened, Qt.Key.Key_Return)
    assert workspace.document.job_id == second.id
    # The focus stays where it is, and the canvas has its keys all the same.
    assert QApplication.focusWidget() is panel.view
    press(qtbot, opened, Qt.Key.Key_Right)
    assert workspace.clock.frame == 1
    press(qtbot, opened, Qt.Key.Key_W)
    assert opened.view.mode is Mode.WIPE
    press(qtbot, opened, Qt.Key.Key_Delete)
    assert [job.id for job in workspace.queue] == [first.id]


@pytest.mark.parametrize("kind", [QSlider, QComboBox])
def test_a_slider_and_a_choice_keep_their_arrows(qtbot: QtBot, opened: MainWindow, kind: type) -> None:
    widget = opened.settings.slider if kind is QSlider else opened.settings.side
    widget.setFocus()
    value = widget.value if isinstance(widget, QSlider) else widget.currentIndex
    before = value()
    press(qtbot, opened, Qt.Key.Key_Up if kind is QSlider else Qt.Key.Key_Down)
    assert value() == before + 1
    assert opened.workspace.clock.frame == 0
    press(qtbot, opened, Qt.Key.Key_D)
    assert opened.workspace.clock.frame == 1


@pytest.mark.parametrize(
    ("keys", "preset"),
    [
        ((Qt.Key.Key_Down, Qt.Key.Key_Return), "Close to the original"),
        ((Qt.Key.Key_Home, Qt.Key.Key_Enter), "Smallest"),
        ((Qt.Key.Key_C, Qt.Key.Key_Return), "Close to the original"),
        ((Qt.Key.Key_Down, Qt.Key.Key_Escape), "Balanced"),
    ],
)
def test_an_open_list_of_choices_has_all_keys(
    qtbot: QtBot, opened: MainWindow, keys: tuple[Qt.Key, ...], preset: str
) -> None:
    choice, size = opened.settings.preset, opened.workspace.viewer.at_coding_size
    opened.settings.aim_at(0.12)
    assert choice.currentText() == "Balanced"
    opened.workspace.clock.seek(3)
    choice.showPopup()
    for key in keys:
        # Where the system sends them while a popup is open.
        qtbot.keyClick(choice.view(), key)
    qtbot.waitUntil(lambda: not choice.view().isVisible())
    assert choice.currentText() == preset
    assert (opened.workspace.clock.frame, opened.workspace.viewer.at_coding_size) == (3, size)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_the_focus_is_seen_wherever_tab_leads(qtbot: QtBot, opened: MainWindow, theme: Theme, mode: str) -> None:
    theme.set_mode(mode)
    opened.banner.tell("Something waits.", "Start", opened.update)
    opened.queue_panel.view.clearSelection()
    opened.queue_panel.view.setCurrentIndex(QModelIndex())
    qtbot.waitUntil(lambda: opened.banner.button.isVisible())
    stops = [widget for widget in _tab_stops(opened) if widget.isEnabled()]
    assert {opened.view, opened.queue_panel.view, opened.banner.button, opened.settings.preset} <= set(stops)
    hidden = []
    for widget in stops:
        (opened.settings.side if widget is opened.view else opened.view).setFocus()
        before = widget.grab().toImage()
        widget.setFocus(Qt.FocusReason.TabFocusReason)
        assert QApplication.focusWidget() is widget
        if widget.grab().toImage() == before:
            hidden.append(f"{type(widget).__name__} {widget.accessibleName()}")
    assert not hidden


def _tab_stops(window: MainWindow) -> Iterator[QWidget]:
    widget: QWidget = window.view
    while True:
        if widget.isVisible() and widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
            yield widget
        widget = widget.nextInFocusChain()
        if widget is window.view:
            return


def test_letters_go_into_a_number_and_not_to_the_canvas(qtbot: QtBot, opened: MainWindow) -> None:
    opened.settings.goal.mode.setCurrentIndex(1)
    spin = opened.settings.goal.rate
    spin.setFocus()
    spin.selectAll()
    for key in (Qt.Key.Key_4, Qt.Key.Key_0):
        press(qtbot, opened, key)
    assert spin.value() == 40
    assert opened.view.viewport.zoom is None


def test_a_click_on_a_button_leaves_the_keys_with_the_canvas(qtbot: QtBot, opened: MainWindow) -> None:
    qtbot.mouseClick(opened.transport.play, Qt.MouseButton.LeftButton)
    assert opened.workspace.clock.playing
    assert QApplication.focusWidget() is opened.view
    press(qtbot, opened, Qt.Key.Key_Space)
    assert not opened.workspace.clock.playing


def test_the_wheel_never_changes_a_value(opened: MainWindow) -> None:
    for widget in (opened.settings.slider, opened.settings.side, opened.settings.goal.mode):
        at = QPointF(widget.rect().center())
        turn = QWheelEvent(
            at,
            QPointF(widget.mapToGlobal(at.toPoint())),
            QPoint(),
            QPoint(0, -120),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        before = opened.settings.settings
        QApplication.sendEvent(widget, turn)
        assert opened.settings.settings == before


def test_speed_range_and_time(qtbot: QtBot, opened: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = opened.workspace.clock
    for key, speed in ((Qt.Key.Key_J, Fraction(1, 2)), (Qt.Key.Key_J, Fraction(1, 4)), (Qt.Key.Key_K, Fraction(1))):
        press(qtbot, opened, key)
        assert clock.speed == speed
    press(qtbot, opened, Qt.Key.Key_L)
    assert (clock.playing, clock.speed) == (True, 1)
    press(qtbot, opened, Qt.Key.Key_L)
    assert clock.speed == 2
    assert opened.transport.speed.text() == "2 \u00d7"
    press(qtbot, opened, Qt.Key.Key_K)
    assert not clock.playing
    clock.seek(5)
    press(qtbot, opened, Qt.Key.Key_I)
    clock.seek(9)
    press(qtbot, opened, Qt.Key.Key_O)
    assert (clock.begin, clock.end) == (5, 10)
    press(qtbot, opened, Qt.Key.Key_I, Qt.KeyboardModifier.ShiftModifier)
    assert (clock.begin, clock.end) == (0, None)
    monkeypatch.setattr("PySide6.QtWidgets.QInputDialog.getText", lambda *_, **__: ("0:00.5", True))
    press(qtbot, opened, Qt.Key.Key_G, Qt.KeyboardModifier.ControlModifier)
    assert clock.frame == 15
    monkeypatch.setattr("PySide6.QtWidgets.QInputDialog.getText", lambda *_, **__: ("soon", True))
    press(qtbot, opened, Qt.Key.Key_G, Qt.KeyboardModifier.ControlModifier)
    assert clock.frame == 15
    assert opened.status.text == "\u201csoon\u201d is no time."


@pytest.mark.parametrize(
    ("text", "seconds"), [("75", 75.0), ("1:15", 75.0), ("0:01:15,5", 75.5), ("-1", None), ("soon", None), ("", None)]
)
def test_times_are_read_as_people_write_them(text: str, seconds: float | None) -> None:
    assert parsed_time(text) == seconds


def test_every_action_of_the_canvas_stands_in_a_menu_with_its_key(qtbot: QtBot, window: MainWindow) -> None:
    actions, entries = window.actions_, window.actions_.entries
    keyless = {name for name, entry in entries.items() if not entry.keys}
    assert keyless == {"png", "csv", "rate png", "rate csv", "clear", "about"}
    keys = [keys for entry in entries.values() for keys in entry.keys]
    assert len(keys) == len(set(keys))
    assert all(actions[name] in actions.menus[entry.menu].actions() for name, entry in entries.items())
    actions["keys"].trigger()
    listed = window.commands.help.keys_window
    assert listed is not None
    qtbot.waitUntil(listed.isVisible, timeout=PATIENCE)


def test_panels_fold_away_and_stay_folded(window: MainWindow) -> None:
    for name in PANELS:
        window.actions_[name].trigger()
        assert not window.layout_.is_shown(name)
        assert not window.actions_[name].isChecked()
    assert window.workspace.preferences.folded == list(PANELS)
    window.actions_["plots"].trigger()
    assert window.layout_.is_shown("plots")
    assert window.workspace.preferences.folded == ["queue", "settings", "filmstrip"]


def test_a_panel_that_is_folded_gives_its_keys_to_the_picture(qtbot: QtBot, opened: MainWindow) -> None:
    opened.banner.tell("Two jobs wait.", "Start", lambda: None)
    opened.queue_panel.view.setFocus(Qt.FocusReason.TabFocusReason)
    opened.actions_["queue"].trigger()
    assert QApplication.focusWidget() is opened.view
    press(qtbot, opened, Qt.Key.Key_Space)
    assert opened.workspace.clock.playing
    assert opened.banner.message
    # Where others have them they stay.
    opened.settings.slider.setFocus()
    opened.actions_["plots"].trigger()
    assert QApplication.focusWidget() is opened.settings.slider
    opened.workspace.clock.pause()


def test_the_bar_keeps_its_length_while_the_figures_beside_it_change(qtbot: QtBot, opened: MainWindow) -> None:
    bar = next(slider for slider in opened.findChildren(QSlider) if slider.objectName() == "scrub")
    clock, widths = opened.workspace.clock, set()
    for frame in (0, clock.count - 1):
        clock.seek(frame)
        qtbot.wait(0)
        opened.transport.layout().activate()
        widths.add(bar.width())
    assert clock.count > 10
    assert len(widths) == 1
