"""An encode whose part can't be gone on with says why, and can be begun anew in one press."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.core.jobs.job import Job, State
from app.core.notice import Remedy
from app.ui.main_window import MainWindow
from app.ui.panels.queue import JobDelegate
from codec.encoder import encode
from codec.events import GopDone
from codec.format.info import describe
from codec.settings import Bitrate, DecodeSettings, EncodeSettings
from tests.support.windows import PATIENCE, drop

QUICK = EncodeSettings(goal=Bitrate(4000), short_side=64, gop_frames=16, base="none")


@pytest.fixture
def interrupted(window: MainWindow, short_clip: Path, tmp_path: Path) -> Job:
    """An encode with a part that was begun with another seed, as a settings file or an older program leaves it."""
    workspace = window.workspace
    workspace.preferences.encode = QUICK
    source = Path(shutil.copy(short_clip, tmp_path / "a.mkv"))
    drop(window, source)
    (job,) = workspace.queue
    events = encode(source, job.output, replace(QUICK, seed=7, preview=True))
    for event in events:
        if isinstance(event, GopDone):
            break
    events.close()  # type: ignore[attr-defined]
    job.output.rename(job.part)
    workspace.queue.update(job.id, state=State.INTERRUPTED)
    return job


def test_it_is_told_and_begun_anew_where_that_is_asked_for(qtbot: QtBot, window: MainWindow, interrupted: Job) -> None:
    workspace, left = window.workspace, interrupted.part.read_bytes()
    with qtbot.waitSignal(workspace.ended, timeout=PATIENCE):
        window.actions_["start"].trigger()
    (job,) = workspace.queue
    delegate = window.queue_panel.view.itemDelegate()
    assert isinstance(delegate, JobDelegate)
    assert delegate.words(job) == "Can't be resumed"
    assert window.status.text == "a.fgvc can't be resumed."
    assert "was begun with another seed" in window.banner.message
    assert window.banner.button.text() == "Begin anew"
    # Nothing is lost before somebody says so: Start leaves it alone, and to try again refuses again.
    assert not window.actions_["start"].isEnabled()
    with qtbot.waitSignal(workspace.ended, timeout=PATIENCE):
        window.queue_panel.buttons["play"].click()
    assert [item.state for item in workspace.queue] == [State.STUCK]
    assert interrupted.part.read_bytes() == left
    with qtbot.waitSignal(workspace.ended, timeout=PATIENCE):
        qtbot.mouseClick(window.banner.button, Qt.MouseButton.LeftButton)
    assert [item.state for item in workspace.queue] == [State.DONE]
    assert describe(job.output).complete
    assert not window.banner.isVisible()


def test_it_can_be_begun_anew_after_the_message_is_gone(window: MainWindow, interrupted: Job) -> None:
    panel, wanted = window.queue_panel, []
    panel.anew_wanted.disconnect()
    panel.anew_wanted.connect(wanted.append)
    panel.choose(interrupted.id)
    menu = panel.menu()
    (entry,) = (action for action in menu.actions() if action.text() == "Begin anew")
    assert not entry.isEnabled()
    window.workspace.queue.update(interrupted.id, state=State.STUCK, message="It was begun otherwise.")
    (entry,) = (action for action in panel.menu().actions() if action.text() == "Begin anew")
    entry.trigger()
    assert wanted == [interrupted.id]
    # Looked at again, it says why once more.
    window.banner.tell("", about="")
    notices: list[object] = []
    window.workspace.told.connect(notices.append)
    window.workspace.session.ended.emit(interrupted.id, State.STUCK)
    assert [notice.remedy for notice in notices] == [Remedy.ANEW]  # type: ignore[attr-defined]


def test_what_is_tried_again_goes_on_and_what_begins_anew_does_not(tmp_path: Path) -> None:
    job = Job(tmp_path / "a.mp4", tmp_path / "a.fgvc", EncodeSettings(), State.STUCK, message="Another seed.")
    job.output.touch()
    tried, begun = job.renewed(), job.anew()
    assert isinstance(tried.settings, EncodeSettings)
    assert isinstance(begun.settings, EncodeSettings)
    assert (tried.settings.resume, begun.settings.resume) == (True, False)
    assert (begun.state, begun.message) == (State.QUEUED, "")
    export = Job(tmp_path / "a.fgvc", tmp_path / "a.mp4", DecodeSettings(), State.STOPPED)
    assert export.anew() == export.renewed()
