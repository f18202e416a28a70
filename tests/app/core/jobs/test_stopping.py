"""A job that was told to stop: until it has, everybody says so, and it stays stopped whatever comes in between."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.core.jobs.job import Job, State, to_json
from app.core.jobs.queue import JobQueue
from app.ui.canvas.waiting import why_empty
from app.ui.main_window import MainWindow
from app.ui.panels.queue import JobDelegate
from codec.settings import Bitrate, DecodeSettings, EncodeSettings
from tests.support.windows import PATIENCE, drop

QUICK = EncodeSettings(goal=Bitrate(4000), short_side=64, gop_frames=16, base="none")


@pytest.fixture
def held(qtbot: QtBot, window: MainWindow, short_clip: Path, tmp_path: Path) -> MainWindow:
    """An encode that is held before its first GOP."""
    workspace = window.workspace
    workspace.preferences.encode = QUICK
    source = tmp_path / "a.mkv"
    source.write_bytes(short_clip.read_bytes())
    drop(window, source)
    with qtbot.waitSignal(workspace.session.progressed, timeout=PATIENCE):
        window.actions_["start"].trigger()
        workspace.session.pause()
    return window


def words(window: MainWindow) -> str:
    """What the queue says under the name of its only job."""
    (job,) = window.workspace.queue
    delegate = window.queue_panel.view.itemDelegate()
    assert isinstance(delegate, JobDelegate)
    return delegate.words(job)


def test_the_queue_and_the_picture_say_so_until_it_has(qtbot: QtBot, held: MainWindow) -> None:
    workspace, actions = held.workspace, held.actions_
    with qtbot.waitSignal(workspace.ended, timeout=PATIENCE):
        actions["stop"].trigger()
        assert words(held) == "Stopping\u2026"
        assert why_empty(workspace, "fgvc").text == "Stopping"
        # It has nothing more to be told: neither to go on nor, which would put it off, to stop once more.
        assert not actions["pause"].isEnabled()
        assert not actions["stop"].isEnabled()
        workspace.session.pause()
        assert words(held) == "Stopping\u2026"
    assert words(held) == "Stopped, nothing to play"


def test_quitting_meanwhile_asks_nothing_and_leaves_it_stopped(held: MainWindow, tmp_path: Path) -> None:
    asked: list[bool] = []
    held.may_quit = lambda: bool(asked.append(True))
    held.actions_["stop"].trigger()
    assert held.close()
    assert not asked
    assert words(held) == "Stopped, nothing to play"
    assert sorted(path.name for path in tmp_path.glob("*.fgvc*")) == []


def test_a_session_that_was_lost_meanwhile_has_stopped_it_all_the_same(tmp_path: Path) -> None:
    whole, nothing = (Job(tmp_path / "a.mp4", tmp_path / f"{name}.fgvc", QUICK, State.STOPPING) for name in "ab")
    export = Job(tmp_path / "a.fgvc", tmp_path / "a.mkv", DecodeSettings(), State.STOPPING)
    whole.part.touch()
    saved = tmp_path / "queue.json"
    saved.write_text(json.dumps({"jobs": [to_json(job) for job in (whole, nothing, export)]}))
    queue = JobQueue(saved)
    queue.load()
    # Not interrupted: "Start" would go on with that.
    assert [job.state for job in queue] == [State.HALTED, State.STOPPED, State.STOPPED]
