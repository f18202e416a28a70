"""The window itself: what people do with it, with the real engine behind it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QPushButton, QSlider
from pytestqt.qtbot import QtBot

from app.core.jobs.job import Job, State, to_json
from app.core.settings.preferences import Preferences
from app.core.workspace import Workspace
from app.ui.canvas.sides import Mode
from app.ui.dialogs.models_dialog import ModelsDialog
from app.ui.main_window import MainWindow
from app.ui.panels.goal import words_for
from app.ui.panels.retarget import RetargetPanel
from app.ui.theme import DARK, LIGHT, Theme
from app.ui.words import human_bytes
from codec.events import PreviewReady
from codec.format.info import describe
from codec.settings import Bitrate, EncodeSettings, Quality
from codec.video import VideoReader
from tests.support.films.flashing import write_flashing
from tests.support.windows import PATIENCE, activate, drop, labels


def test_the_window_never_imports_torch() -> None:
    modules = "app.core.workspace, app.ui.main_window"
    code = f"import sys, {modules}; sys.exit('torch' in sys.modules or 'diffusers' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.slow
def test_drop_encode_play_retarget_export(
    qtbot: QtBot, window: MainWindow, clip: Path, tmp_path: Path, quick: EncodeSettings
) -> None:
    workspace = window.workspace
    workspace.preferences.encode = quick
    drop(window, clip)
    assert workspace.document is not None
    assert workspace.document.source == clip
    with qtbot.waitSignal(workspace.ended, timeout=PATIENCE):
        window.actions_["start"].trigger()
    output = clip.with_suffix(".fgvc")
    info = describe(output)
    assert info.complete
    assert [job.state for job in workspace.queue] == [State.DONE]
    assert len(window.plots.trajectory.gops) == len(info.gops)
    assert any(gop.fit is not None for gop in window.plots.trajectory.gops)
    assert window.readouts.text("size") == human_bytes(info.bytes)

    # Every frame has both pictures; those of the encode's preview serve, nothing is decoded again.
    for frame in (29, 15, 0):
        workspace.clock.seek(frame)
        qtbot.waitUntil(lambda: workspace.player.original is not None, timeout=PATIENCE)
        assert workspace.player.result is not None
        assert workspace.player.result.shape == workspace.player.original.shape  # type: ignore[union-attr]
    before = workspace.player.result.copy()

    # A picture that rests is measured; another frame's figures are forgotten.
    qtbot.waitUntil(lambda: "frame 0, at 80\u00d764:  PSNR" in window.view.metrics_text, timeout=PATIENCE)
    workspace.clock.seek(7)
    assert not window.view.metrics_text
    window.actions_["measure"].trigger()
    qtbot.waitUntil(lambda: "frame 7, at 80\u00d764:  PSNR" in window.view.metrics_text, timeout=PATIENCE)
    # One that is asked for while another is under way comes after it.
    for frame in (9, 11):
        workspace.clock.seek(frame)
        qtbot.waitUntil(lambda: workspace.player.original is not None, timeout=PATIENCE)
        window.actions_["measure"].trigger()
    qtbot.waitUntil(lambda: "frame 11, at 80\u00d764:  PSNR" in window.view.metrics_text, timeout=PATIENCE)
    workspace.clock.seek(0)

    window.retarget.slider.setValue(window.retarget.slider.maximum())
    qtbot.waitUntil(lambda: workspace.player.result is not None, timeout=PATIENCE)
    assert (workspace.player.result != before).any()
    assert window.readouts.text("size") not in labels(window.retarget)
    smaller = tmp_path / "smaller.fgvc"
    assert window.actions_["smaller"].isEnabled()
    with qtbot.waitSignal(workspace.ended, timeout=PATIENCE):
        workspace.orders.export(smaller, window.retarget.settings)
    assert smaller.stat().st_size < output.stat().st_size
    assert describe(smaller).frames == info.frames
    made, encode_job = next(job for job in workspace.queue if job.saves_smaller), next(iter(workspace.queue))
    assert (made.state, made.bytes) == (State.DONE, smaller.stat().st_size)
    workspace.choose(made.id)
    assert workspace.document is not None
    assert (workspace.document.result, workspace.document.source) == (smaller, clip)
    assert not window.actions_["smaller"].isEnabled()
    workspace.choose(encode_job.id)
    assert workspace.document.result == output

    panel = RetargetPanel()
    qtbot.addWidget(panel)
    panel.show_document(workspace.document)
    assert panel.save.isVisibleTo(panel)
    assert not panel.saves_something
    bare = replace(info, gops=tuple(replace(gop, implicit_bits=0) for gop in info.gops))
    panel.show_document(replace(workspace.document, info=bare))
    assert not panel.save.isVisibleTo(panel)
    assert "nothing can be left out" in panel.words
    # Its sound is something that can be.
    panel.show_document(replace(workspace.document, info=replace(bare, audio_bytes=900)))
    assert panel.save.isVisibleTo(panel)
    panel.silent.setChecked(True)
    assert panel.saves_something
    assert not panel.settings.audio
    assert human_bytes(info.bytes - 900) in labels(panel)

    video = tmp_path / "out.mp4"
    with qtbot.waitSignal(workspace.ended, timeout=PATIENCE):
        workspace.orders.export(video)
    with VideoReader(video) as reader:
        assert (reader.size, sum(1 for _ in reader.frames())) == ((80, 64), 30)

    window.actions_["pair"].trigger()
    assert sorted(path.name for path in tmp_path.glob("*.png")) == [
        "bottles-000000-fgvc.png",
        "bottles-000000-original.png",
    ]


@pytest.mark.slow
def test_a_finished_file_plays_without_its_source(
    qtbot: QtBot, window: MainWindow, clip: Path, quick: EncodeSettings
) -> None:
    workspace = window.workspace
    workspace.preferences.encode = replace(quick, goal=Bitrate(3000))
    drop(window, clip)
    with qtbot.waitSignal(workspace.ended, timeout=PATIENCE):
        workspace.orders.start_queue()
    output = clip.with_suffix(".fgvc").rename(clip.with_name("moved.fgvc"))
    drop(window, output)
    assert not workspace.player.has_original
    qtbot.waitUntil(lambda: workspace.player.result is not None, timeout=PATIENCE)
    workspace.clock.seek(29)
    qtbot.waitUntil(lambda: workspace.player.result is not None, timeout=PATIENCE)


@pytest.mark.parametrize("name", ["zero_bytes.mp4", "text.mp4", "audio_only.mp4", "png.mp4"])
def test_a_bad_file_is_refused_with_its_reason(window: MainWindow, malformed: Path, name: str) -> None:
    drop(window, malformed / name)
    assert window.banner.isVisible()
    assert name in window.banner.message
    assert window.workspace.document is None
    assert not window.actions_["start"].isEnabled()


def test_a_picture_that_nothing_decodes_is_one_sentence(window: MainWindow, tmp_path: Path) -> None:
    path = write_flashing(tmp_path / "unknown.mp4")
    path.write_bytes(path.read_bytes().replace(b"avc1", b"xyz1"))
    drop(window, path)
    assert window.banner.isVisible()
    assert "unknown.mp4 is in a codec that can't be decoded here" in window.banner.message


def test_a_folder_without_videos_is_refused(window: MainWindow, tmp_path: Path) -> None:
    drop(window, tmp_path / "state")
    assert "holds no videos" in window.banner.message


def test_after_a_restart_nothing_runs_by_itself_and_one_button_starts_all(
    qtbot: QtBot, preferences: Preferences, theme: Theme, clip: Path, tmp_path: Path, quick: EncodeSettings
) -> None:
    folder = tmp_path / "state"
    workspace = Workspace(preferences, folder)
    quick = replace(quick, goal=Bitrate(3000))
    for name, state in (("a", State.RUNNING), ("b", State.QUEUED)):
        workspace.queue.add(Job(clip, clip.with_name(f"{name}.fgvc"), quick, state))
    workspace.close()
    workspace.deleteLater()
    again = Workspace(preferences, folder)
    window = MainWindow(again, theme)
    qtbot.addWidget(window)
    window.show()
    again.start()
    assert window.banner.message == "1 job waits, 1 was interrupted."
    assert not again.active
    # Looking at something else leaves the banner.
    again.choose(next(iter(again.queue)).id)
    assert window.banner.isVisible()
    with qtbot.waitSignal(again.drained, timeout=PATIENCE):
        window.banner.button.click()
    assert [job.state for job in again.queue] == [State.DONE, State.DONE]
    assert not window.banner.isVisible()
    window.close()
    again.deleteLater()


def test_a_crash_report_is_offered_once(window: MainWindow) -> None:
    window.workspace.crash_log.write_text("Fatal Python error: Segmentation fault")
    window.workspace.start()
    assert "crashed" in window.banner.message
    window.banner.button.click()
    assert window.log_window.isVisible()
    assert "Segmentation fault" in window.workspace.log.text
    assert not window.workspace.crash_log.exists() or window.workspace.crash_log.stat().st_size == 0


def test_settings_are_copied_into_the_job(window: MainWindow, clip: Path) -> None:
    workspace = window.workspace
    for goal in (Quality(0.1), Quality(0.3)):
        window.settings.show_settings(EncodeSettings(goal=goal))
        workspace.queue.add(Job(clip, clip, window.settings.settings))
    assert [to_json(job)["settings"]["goal"]["value"] for job in workspace.queue] == pytest.approx([0.1, 0.3])


def test_the_slider_speaks_and_is_remembered(qtbot: QtBot, window: MainWindow, preferences: Preferences) -> None:
    slider = window.settings.slider
    slider.setFocus()
    slider.setValue(slider.minimum())
    qtbot.keyClick(slider, Qt.Key.Key_Right)
    assert slider.accessibleDescription() == words_for(0.035)
    goal = preferences.encode.goal
    assert isinstance(goal, Quality)
    assert goal.value == pytest.approx(0.035)
    words = {words_for(value / 100) for value in range(3, 41)}
    assert len(words) == 6


def test_keys_of_video_compare(qtbot: QtBot, window: MainWindow, clip: Path) -> None:
    drop(window, clip)
    view, clock = window.view, window.workspace.clock
    window.workspace.player.show_result(expected=True)

    def press(key: Qt.Key, keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        qtbot.keyClick(QApplication.focusWidget() or view, key, keys)

    activate(qtbot, window)

    press(Qt.Key.Key_D)
    assert clock.frame == 1
    press(Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert clock.frame == 11
    press(Qt.Key.Key_A)
    assert clock.frame == 10
    press(Qt.Key.Key_End)
    assert clock.frame == 29
    press(Qt.Key.Key_0)
    assert view.mode is Mode.DIFFERENCE
    press(Qt.Key.Key_G)
    assert view.gain == 8
    press(Qt.Key.Key_W)
    assert view.mode is Mode.WIPE
    press(Qt.Key.Key_S)
    assert view.swapped
    press(Qt.Key.Key_1)
    assert view.hidden == {1}
    press(Qt.Key.Key_2)
    assert view.hidden == {2}
    press(Qt.Key.Key_2)
    assert view.hidden == set()
    press(Qt.Key.Key_4)
    assert view.viewport.zoom == 1.0
    press(Qt.Key.Key_8)
    assert view.viewport.zoom == 8.0
    press(Qt.Key.Key_5)
    assert view.viewport.zoom is None
    press(Qt.Key.Key_Home)
    press(Qt.Key.Key_Space)
    assert clock.playing
    press(Qt.Key.Key_Space)
    assert not clock.playing


def test_the_wipe_follows_the_mouse_and_shows_both_sides(qtbot: QtBot, window: MainWindow, clip: Path) -> None:
    drop(window, clip)
    player, view = window.workspace.player, window.view
    qtbot.waitUntil(lambda: player.original is not None, timeout=PATIENCE)
    original = player.original
    assert original is not None
    player.show_result(expected=True)
    player.take(PreviewReady(0, 0, np.zeros((1, *original.shape), np.uint8) + np.uint8(255)))
    view.set_mode(Mode.WIPE)
    middle = view.height() // 2
    line = QPoint(view.width() // 2, middle)
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=line)
    qtbot.mouseMove(view, QPoint(view.width() // 4, middle))
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=QPoint(view.width() // 4, middle))
    assert view.wipe == pytest.approx(0.25, abs=0.01)
    picture = view.grab().toImage()
    assert picture.pixelColor(view.width() // 2, middle).name() == "#ffffff"
    assert picture.pixelColor(view.width() // 4 - 30, middle).name() != "#ffffff"


def test_themes_repaint_everything(window: MainWindow, theme: Theme) -> None:
    for mode, colours in (("light", LIGHT), ("dark", DARK)):
        theme.set_mode(mode)
        assert window.grab().toImage().pixelColor(3, 3).name() == colours.back


def test_everything_that_takes_keys_has_a_name_for_screen_readers(window: MainWindow) -> None:
    unnamed = [
        type(widget).__name__
        for kind in (QAbstractButton, QComboBox, QSlider)
        for widget in window.findChildren(kind)
        if widget.isVisible() and not (widget.accessibleName() or getattr(widget, "text", str)())
    ]
    assert not unnamed


def test_recent_files_forget_what_is_gone(window: MainWindow, preferences: Preferences, clip: Path) -> None:
    drop(window, clip)
    assert preferences.recent == [clip]
    clip.unlink()
    assert preferences.recent == []


@pytest.mark.parametrize("count", [1, 3])
def test_videos_join_the_queue_and_wait_however_many_they_are(
    window: MainWindow, preferences: Preferences, clip: Path, tmp_path: Path, count: int, quick: EncodeSettings
) -> None:
    preferences.encode = replace(quick, seed=7)
    videos = [Path(shutil.copy(clip, tmp_path / f"{number}.mkv")) for number in range(count)]
    drop(window, *videos)
    jobs = list(window.workspace.queue)
    assert [job.source for job in jobs] == videos
    assert {job.state for job in jobs} == {State.QUEUED}
    assert {job.settings.seed for job in jobs if isinstance(job.settings, EncodeSettings)} == {7}
    assert window.workspace.document is not None
    assert window.workspace.document.source == videos[0]
    # The same file again is the same job as long as it waits.
    drop(window, videos[0])
    assert len(window.workspace.queue) == count


def test_where_a_file_lies_is_said_where_no_file_manager_shows_it(
    window: MainWindow, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(window, clip)
    monkeypatch.setattr("app.ui.commands.file.show_in_folder", lambda _: False)
    menu = window.queue_panel.menu()
    in_queue = next(action for action in menu.actions() if action.text() == "Show in folder")
    for action in (window.actions_["folder"], in_queue):
        window.status.tell("")
        action.trigger()
        assert window.status.text == f"No file manager was found; it lies in {clip.parent}."


def test_quitting_during_an_encode_asks_once(
    window: MainWindow, preferences: Preferences, clip: Path, quick: EncodeSettings
) -> None:
    preferences.encode = quick
    drop(window, clip)
    window.actions_["start"].trigger()
    answers = [True, False]
    window.may_quit = answers.pop
    assert not window.close()
    assert window.isVisible()
    assert [job.state for job in window.workspace.queue] == [State.RUNNING]
    assert window.close()
    assert not answers
    assert [job.state for job in window.workspace.queue] == [State.INTERRUPTED]


def test_output_never_overwrites(window: MainWindow, clip: Path) -> None:
    clip.with_suffix(".fgvc").touch()
    drop(window, clip)
    window.workspace.again()
    assert [job.output.name for job in window.workspace.queue] == ["bottles (2).fgvc", "bottles (3).fgvc"]


def test_diagnostics_name_the_versions_and_the_log(window: MainWindow) -> None:
    window.workspace.log.add("something happened")
    window.actions_["copy"].trigger()
    text = QApplication.clipboard().text()
    assert "torch" in text
    assert "PySide6" in text
    assert text.endswith("something happened")
    assert window.status.text == "Versions and log are on the clipboard."


def test_a_job_that_lacks_a_model_offers_it(
    qtbot: QtBot, window: MainWindow, clip: Path, quick: EncodeSettings
) -> None:
    workspace, lacking = window.workspace, "wan2.1-t2v-1.3b"
    workspace.preferences.encode = replace(quick, prior=lacking)
    drop(window, clip)
    with qtbot.waitSignal(workspace.drained, timeout=PATIENCE):
        window.actions_["start"].trigger()
    assert [job.state for job in workspace.queue] == [State.FAILED]
    assert lacking in window.banner.message
    qtbot.mouseClick(window.banner.findChild(QPushButton), Qt.MouseButton.LeftButton)
    dialog = next(shown for shown in window.findChildren(ModelsDialog) if shown.isVisible())
    qtbot.waitUntil(lambda: lacking in dialog.cards, timeout=PATIENCE)
    # A card is shown once its place in the list is laid out.
    qtbot.waitUntil(dialog.cards[lacking].button("get").isVisible, timeout=PATIENCE)
    dialog.close()
