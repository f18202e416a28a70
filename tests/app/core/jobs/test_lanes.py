"""The queue at work: a crash costs one job and no more, exports never wait for encodes."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox
from pytestqt.qtbot import QtBot

from app.core.engine import Engine
from app.core.jobs.job import State
from app.core.notice import Notice, Remedy
from app.ui.main_window import MainWindow
from app.ui.panels.queue import JobDelegate
from codec.encoder import encode
from codec.events import StepCoded
from codec.format.info import describe
from codec.settings import Bitrate, EncodeSettings, Size
from tests.support import DATA, skips
from tests.support.windows import PATIENCE, drop, film, lose_children

QUICK = EncodeSettings(goal=Bitrate(4000), short_side=64, gop_frames=16, base="none")


def test_a_crash_costs_one_job_and_the_next_begins(
    qtbot: QtBot, window: MainWindow, short_clip: Path, tmp_path: Path
) -> None:
    workspace, engine = window.workspace, window.workspace.engine
    workspace.preferences.encode = QUICK
    drop(window, *(Path(shutil.copy(short_clip, tmp_path / f"{name}.mkv")) for name in "ab"))

    def kill_in_a_step(events: tuple[object, ...]) -> None:
        if any(isinstance(event, StepCoded) for event in events):
            engine.told.disconnect(kill_in_a_step)
            engine.kill()

    engine.told.connect(kill_in_a_step)
    notices: list[object] = []
    workspace.told.connect(notices.append)
    with qtbot.waitSignal(workspace.session.crashed, timeout=PATIENCE):
        window.actions_["start"].trigger()
    assert window.status.text == "a.fgvc was interrupted."
    with qtbot.waitSignal(workspace.drained, timeout=PATIENCE):
        pass
    first, second = workspace.queue
    assert (first.state, second.state) == (State.INTERRUPTED, State.DONE)
    # The banner names the file, and stays while another one is looked at.
    assert window.banner.message.startswith("a.fgvc was interrupted.")
    assert [notice.remedy for notice in notices] == [Remedy.RESUME]  # type: ignore[attr-defined]
    workspace.choose(second.id)
    assert window.banner.isVisible()
    with qtbot.waitSignal(workspace.drained, timeout=PATIENCE):
        window.banner.button.click()
    assert [job.state for job in workspace.queue] == [State.DONE, State.DONE]
    assert not window.banner.isVisible()
    assert describe(first.output).complete


@pytest.fixture
def notified(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Titles of what somebody who looks elsewhere is told."""
    titles: list[str] = []
    monkeypatch.setattr("app.ui.main_window.notify", lambda _, title, __: titles.append(title))
    return titles


def test_a_job_that_waits_can_be_started_before_the_others(
    qtbot: QtBot, window: MainWindow, notified: list[str], short_clip: Path, tmp_path: Path
) -> None:
    workspace, panel = window.workspace, window.queue_panel
    workspace.preferences.encode = QUICK
    drop(window, *(Path(shutil.copy(short_clip, tmp_path / f"{name}.mkv")) for name in "ab"))
    _, second = workspace.queue
    panel.choose(second.id)
    assert panel.buttons["play"].isEnabled()
    with qtbot.waitSignal(workspace.drained, timeout=PATIENCE):
        panel.buttons["play"].click()
    assert [job.state for job in workspace.queue] == [State.QUEUED, State.DONE]
    with qtbot.waitSignal(workspace.drained, timeout=PATIENCE):
        window.actions_["start"].trigger()
    assert notified == ["A job of the queue has ended", "The queue is done"]


def test_an_export_runs_beside_an_encode(qtbot: QtBot, window: MainWindow, short_clip: Path, tmp_path: Path) -> None:
    workspace = window.workspace
    workspace.preferences.encode = QUICK
    drop(window, *(Path(shutil.copy(short_clip, tmp_path / f"{name}.mkv")) for name in "ab"))
    first, second = workspace.queue
    with qtbot.waitSignal(workspace.drained, timeout=PATIENCE):
        workspace.orders.resume(first.id)
    workspace.orders.resume(second.id)
    workspace.session.pause()
    workspace.choose(first.id)
    with qtbot.waitSignal(workspace.exports.ended, timeout=PATIENCE):
        workspace.orders.export(tmp_path / "out.mp4")
    assert [job.state for job in workspace.queue] == [State.DONE, State.PAUSED, State.DONE]
    window.may_quit = lambda: True


def test_stopping_begins_no_other_job(
    qtbot: QtBot, window: MainWindow, notified: list[str], short_clip: Path, tmp_path: Path
) -> None:
    workspace = window.workspace
    workspace.preferences.encode = QUICK
    drop(window, *(Path(shutil.copy(short_clip, tmp_path / f"{name}.mkv")) for name in "ab"))
    # Held before its first GOP, so that nothing is left of it.
    with qtbot.waitSignal(workspace.session.progressed, timeout=PATIENCE):
        window.actions_["start"].trigger()
        workspace.session.pause()
    with qtbot.waitSignal(workspace.ended, timeout=PATIENCE):
        window.actions_["stop"].trigger()
        # It may take some seconds: the engine is asked at its next event.
        assert window.status.text == "a.fgvc: stopping"
    first, second = workspace.queue
    assert (first.state, second.state) == (State.STOPPED, State.QUEUED)
    delegate = window.queue_panel.view.itemDelegate()
    assert delegate.words(first) == "Stopped, nothing to play"  # type: ignore[attr-defined]
    assert window.status.text == "a.fgvc was stopped."
    assert not notified


@pytest.mark.parametrize(("size", "off"), [(5600, True), (20_000, False)])
def test_a_size_that_is_exceeded_is_told(
    qtbot: QtBot, window: MainWindow, tmp_path: Path, size: int, off: bool
) -> None:
    workspace = window.workspace
    workspace.preferences.encode = replace(QUICK, goal=Size(size), base="auto")
    # Its sound takes most of either.
    drop(window, Path(shutil.copy(DATA / "two_tracks.mp4", tmp_path)))
    with qtbot.waitSignal(workspace.drained, timeout=PATIENCE):
        window.actions_["start"].trigger()
    (job,) = workspace.queue
    assert job.state is State.DONE
    assert (job.output.stat().st_size > size) is off
    told = f"It takes {job.bytes} bytes, more than the {size} asked for" if off else ""
    for text in (job.message, window.banner.message, window.status.text):
        assert told in text
    assert (window.banner.message != "") is off
    delegate = window.queue_panel.view.itemDelegate()
    assert isinstance(delegate, JobDelegate)
    assert delegate.words(job).endswith("off target") is off


def test_an_engine_that_fails_within_a_job_is_told_and_can_go_on(window: MainWindow, quiet_clip: Path) -> None:
    workspace = window.workspace
    drop(window, quiet_clip)
    (job,) = workspace.queue
    workspace.queue.update(job.id, state=State.INTERRUPTED, message="The engine failed; the log has the details.")
    workspace.session.ended.emit(job.id, State.INTERRUPTED)
    assert window.banner.message == f"{job.output.name}: The engine failed; the log has the details."
    assert window.banner.button.text() == "Resume"


@skips.linux_disk
def test_an_encode_that_fills_the_disk_can_be_resumed(
    qtbot: QtBot, window: MainWindow, short_clip: Path, tmp_path: Path
) -> None:
    workspace, clip = window.workspace, Path(shutil.copy(short_clip, tmp_path))
    workspace.preferences.encode = QUICK
    drop(window, clip)
    (job,) = workspace.queue
    job.part.symlink_to("/dev/full")
    with qtbot.waitSignal(workspace.ended, timeout=PATIENCE):
        window.actions_["start"].trigger()
    assert [item.state for item in workspace.queue] == [State.INTERRUPTED]
    assert "the disk is full; free some space and resume" in window.banner.message
    job.part.unlink()
    with qtbot.waitSignal(workspace.ended, timeout=PATIENCE):
        qtbot.mouseClick(window.banner.button, Qt.MouseButton.LeftButton)
    assert [item.state for item in workspace.queue] == [State.DONE]


def test_a_marked_range_is_what_is_encoded(qtbot: QtBot, window: MainWindow, short_clip: Path, tmp_path: Path) -> None:
    workspace, clock = window.workspace, window.workspace.clock
    workspace.preferences.encode = QUICK
    drop(window, Path(shutil.copy(short_clip, tmp_path / "a.mkv")))
    clock.seek(6)
    window.actions_["in"].trigger()
    clock.seek(21)
    window.actions_["out"].trigger()
    (job,) = workspace.queue
    assert isinstance(job.settings, EncodeSettings)
    assert (job.settings.start, job.settings.duration) == pytest.approx((0.2, 15.5 / 30))
    # Looked at again, all of the source is there and the range is marked.
    workspace.choose(workspace.orders.add_encode(short_clip, QUICK).id)
    assert (clock.begin, clock.end) == (0, None)
    workspace.choose(job.id)
    assert (clock.count, clock.begin, clock.end) == (30, 6, 22)
    with qtbot.waitSignal(workspace.ended, timeout=PATIENCE):
        workspace.orders.resume(job.id)
    assert describe(job.output).frames == 16
    assert clock.count == 16


def test_a_range_of_uneven_frames_is_what_it_was_after_another_job_was_looked_at(
    qtbot: QtBot, window: MainWindow, short_clip: Path, tmp_path: Path
) -> None:
    workspace, clock = window.workspace, window.workspace.clock
    clip = Path(shutil.copy(DATA / "variable.mkv", tmp_path))
    with qtbot.waitSignal(workspace.viewer.times_known, timeout=PATIENCE):
        drop(window, clip)
    clock.mark(5, 30)
    (marked,) = workspace.queue
    other = workspace.orders.add_encode(short_clip, QUICK)
    workspace.choose(other.id)
    with qtbot.waitSignal(workspace.viewer.times_known, timeout=PATIENCE):
        workspace.choose(marked.id)
        # As nobody knows the times yet, the range may lie elsewhere; what is encoded is what was marked.
        assert workspace.queue.get(marked.id) == marked
    assert (clock.begin, clock.end) == (5, 30)
    assert workspace.queue.get(marked.id) == marked
    # What is marked before they are known are frames, as they are seen.
    workspace.choose(other.id)
    with qtbot.waitSignal(workspace.viewer.times_known, timeout=PATIENCE):
        workspace.choose(marked.id)
        clock.mark(7, 20)
    assert (clock.begin, clock.end) == (7, 20)
    again = workspace.job
    assert again is not None
    assert isinstance(again.settings, EncodeSettings)
    assert again.settings.start == clock.seconds(7)


def test_settings_of_a_job_that_waits_can_be_changed_and_others_cannot(
    qtbot: QtBot, window: MainWindow, short_clip: Path, tmp_path: Path
) -> None:
    workspace, panel = window.workspace, window.settings
    workspace.preferences.encode = QUICK
    drop(window, Path(shutil.copy(short_clip, tmp_path / "a.mkv")))
    panel.side.setCurrentIndex(panel.side.findData(96))
    (job,) = workspace.queue
    assert isinstance(job.settings, EncodeSettings)
    assert (job.settings.short_side, job.settings.gop_frames) == (96, 16)
    panel.side.setCurrentIndex(panel.side.findData(64))
    with qtbot.waitSignal(workspace.ended, timeout=PATIENCE):
        window.actions_["start"].trigger()
    assert not panel.side.isEnabled()
    window.actions_["again"].trigger()
    assert panel.side.isEnabled()
    first, second = workspace.queue
    assert workspace.job == second
    panel.side.setCurrentIndex(panel.side.findData(96))
    sides = [item.settings.short_side for item in workspace.queue if isinstance(item.settings, EncodeSettings)]
    assert sides == [64, 96]
    assert first.output != second.output


def test_a_child_that_is_too_slow_to_stop_is_no_crash(
    qtbot: QtBot, window: MainWindow, short_clip: Path, tmp_path: Path
) -> None:
    workspace = window.workspace
    workspace.preferences.encode = QUICK
    workspace.engine.grace.setInterval(0)
    drop(window, Path(shutil.copy(short_clip, tmp_path / "a.mkv")))
    with qtbot.waitSignal(workspace.session.progressed, timeout=PATIENCE):
        window.actions_["start"].trigger()
    with qtbot.waitSignal(workspace.ended, timeout=PATIENCE), qtbot.assertNotEmitted(workspace.session.crashed):
        window.actions_["stop"].trigger()
    (job,) = workspace.queue
    assert job.state in (State.STOPPED, State.HALTED)
    assert not window.banner.isVisible()


def test_what_was_stopped_goes_on_only_when_it_is_asked_to(
    qtbot: QtBot, window: MainWindow, short_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, engine = window.workspace, window.workspace.engine
    workspace.preferences.encode = QUICK
    drop(window, Path(shutil.copy(short_clip, tmp_path / "a.mkv")))

    def stop_in_a_step(events: tuple[object, ...]) -> None:
        if any(isinstance(event, StepCoded) for event in events):
            engine.told.disconnect(stop_in_a_step)
            # The child, which would put away what it began, never hears of it.
            with monkeypatch.context() as deaf:
                deaf.setattr(engine, "cancel", lambda: None)
                window.actions_["stop"].trigger()
            engine.kill()

    engine.told.connect(stop_in_a_step)
    with qtbot.waitSignal(workspace.ended, timeout=PATIENCE):
        window.actions_["start"].trigger()
    (job,) = workspace.queue
    assert job.state is State.HALTED
    delegate = window.queue_panel.view.itemDelegate()
    assert isinstance(delegate, JobDelegate)
    assert delegate.words(job) == "Stopped, can be resumed"
    assert window.status.text == "a.fgvc was stopped; it can be resumed."
    assert not window.actions_["start"].isEnabled()
    workspace.orders.start_queue()
    assert workspace.session.current is None
    with qtbot.waitSignal(workspace.ended, timeout=PATIENCE):
        window.queue_panel.buttons["play"].click()
    assert [item.state for item in workspace.queue] == [State.DONE]
    assert describe(job.output).complete


def test_the_engines_other_tasks_end_no_queue(qtbot: QtBot, window: MainWindow) -> None:
    workspace, ended = window.workspace, []
    workspace.drained.connect(lambda: ended.append(True))
    with qtbot.waitSignal(workspace.engine.settled, timeout=PATIENCE):
        workspace.start()
    assert not ended


def test_a_crash_before_any_job_is_told_and_holds_up_no_queue(
    qtbot: QtBot, window: MainWindow, short_clip: Path, tmp_path: Path
) -> None:
    workspace = window.workspace
    workspace.preferences.encode = QUICK
    drop(window, Path(shutil.copy(short_clip, tmp_path / "a.mkv")))
    workspace.start()
    window.actions_["start"].trigger()
    assert not workspace.active
    with qtbot.waitSignal(workspace.told, timeout=PATIENCE) as told:
        lose_children(qtbot)
    assert "ended by the system" in told.args[0].message
    qtbot.waitUntil(lambda: not workspace.session.going, timeout=PATIENCE)
    assert [job.state for job in workspace.queue] == [State.DONE]


def test_what_is_started_by_any_way_needs_no_banner(window: MainWindow) -> None:
    told, started = window.workspace.told, window.workspace.session.started
    told.emit(Notice("It was interrupted.", Remedy.RESUME, "one"))
    told.emit(Notice("1 job waits.", Remedy.START))
    started.emit("another")
    assert window.banner.message == "It was interrupted."
    started.emit("one")
    assert not window.banner.message


@pytest.fixture
def exported(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> Path:
    """Where an export of the open file grows: it is held once something of it is on disk."""
    source = film(tmp_path / "film.mkv", 192, 128, scenes=3, frames=24)
    for _ in encode(source, tmp_path / "film.fgvc", replace(QUICK, prior="gaussian", goal=Bitrate(60_000))):
        pass
    drop(window, tmp_path / "film.fgvc")
    workspace, output = window.workspace, tmp_path / "out.mkv"
    workspace.orders.export(output)
    workspace.exports.pause()

    def begun() -> bool:
        if parts_of(output):
            return True
        # On to the next event, and held there again.
        workspace.exports.pause()
        workspace.exports.pause()
        return False

    qtbot.waitUntil(begun, timeout=PATIENCE)
    return output


def parts_of(output: Path) -> list[Path]:
    """What lies beside a file under its hidden name."""
    return list(output.parent.glob(f".{output.name}*"))


def test_the_chosen_job_is_what_is_held_and_stopped(
    qtbot: QtBot, window: MainWindow, exported: Path, short_clip: Path, tmp_path: Path
) -> None:
    workspace, pause, stop = window.workspace, window.actions_["pause"], window.actions_["stop"]
    (export,) = workspace.queue
    # With nothing else at work it need not be the chosen one.
    window.queue_panel.view.clearSelection()
    assert (pause.text(), pause.isEnabled(), stop.isEnabled()) == ("Continue", True, True)
    coding = workspace.orders.add_encode(Path(shutil.copy(short_clip, tmp_path / "a.mkv")), QUICK)
    workspace.orders.resume(coding.id)
    window.queue_panel.choose(coding.id)
    assert pause.text() == "Pause"
    pause.trigger()
    window.queue_panel.choose(export.id)
    with qtbot.waitSignal(workspace.exports.ended, timeout=PATIENCE):
        stop.trigger()
        assert window.status.text == "out.mkv: stopping"
    states = [job.state for job in workspace.queue]
    assert states == [State.STOPPED, State.PAUSED]
    delegate = window.queue_panel.view.itemDelegate()
    assert isinstance(delegate, JobDelegate)
    assert delegate.words(next(iter(workspace.queue))) == "Stopped, nothing is kept"
    assert not parts_of(exported)
    assert not exported.exists()
    window.may_quit = lambda: True


def test_quitting_during_an_export_leaves_nothing_of_it_and_promises_nothing(
    window: MainWindow, exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, asked = window.workspace, []

    def leave(box: QMessageBox) -> None:
        asked.append((box.informativeText(), [button.text() for button in box.buttons()]))
        box.buttons()[0].click()

    monkeypatch.setattr(QMessageBox, "exec", leave)
    assert window.close()
    assert asked == [("Nothing of it is kept: it begins anew when it is started again.", ["Quit", "Stay"])]
    assert not parts_of(exported)
    (job,) = workspace.queue
    assert job.state is State.INTERRUPTED
    delegate = window.queue_panel.view.itemDelegate()
    assert isinstance(delegate, JobDelegate)
    assert delegate.words(job) == "Interrupted, begins anew"


def test_an_export_whose_engine_crashes_begins_anew(qtbot: QtBot, window: MainWindow, exported: Path) -> None:
    workspace = window.workspace
    (job,) = workspace.queue
    with qtbot.waitSignal(workspace.exports.crashed, timeout=PATIENCE):
        next(engine for engine in workspace.findChildren(Engine) if engine.busy).kill()
    assert not parts_of(exported)
    assert window.banner.message.endswith("Nothing of it is kept: it begins anew.")
    assert window.banner.button.text() == "Begin anew"
    with qtbot.waitSignal(workspace.exports.ended, timeout=PATIENCE):
        workspace.orders.resume(job.id)
    assert not window.banner.isVisible()
    assert exported.exists()
