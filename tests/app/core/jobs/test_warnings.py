"""What an encode warns of stays with its job: in the queue, beside the figures, in the report, in another session."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from app.core.jobs.job import Job, State, from_json, to_json
from app.core.jobs.queue import JobQueue
from app.ui.main_window import MainWindow
from app.ui.panels.queue import JobDelegate
from codec.events import Event, Warned
from codec.settings import Bitrate, EncodeSettings, Quality
from tests.support.films.flashing import write_flashing
from tests.support.windows import PATIENCE, drop

QUICK = EncodeSettings(goal=Bitrate(4000), short_side=64, gop_frames=16, base="none")


@pytest.fixture
def joined(tmp_path: Path) -> Path:
    """Two recordings in one file, as `cat` joins them: its timestamps jump."""
    part = write_flashing(tmp_path / "part.ts", codec="mpeg2video", sound=None).read_bytes()
    path = tmp_path / "joined.ts"
    path.write_bytes(part + part)
    return path


def words(window: MainWindow, job: Job) -> str:
    """What the queue says under a job's name."""
    delegate = window.queue_panel.view.itemDelegate()
    assert isinstance(delegate, JobDelegate)
    return delegate.words(job)


def test_a_warning_stays_with_its_job(
    qtbot: QtBot, window: MainWindow, joined: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = window.workspace
    workspace.preferences.encode = QUICK
    drop(window, joined)
    with qtbot.waitSignal(workspace.ended, timeout=PATIENCE):
        window.actions_["start"].trigger()
    (job,) = workspace.queue
    assert job.state is State.DONE
    first, second = job.warnings
    assert "jump once" in first
    assert "lacks transport packets" in second
    assert words(window, job).endswith(", 2 warnings")
    hint = workspace.queue.data(workspace.queue.index(0), Qt.ItemDataRole.ToolTipRole)
    assert hint.splitlines()[1:] == [first, second]
    assert window.readouts.notes.splitlines()[-2:] == [first, second]
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "report"), ""))
    window.actions_["report"].trigger()
    assert f"<p>{first}</p><p>{second}</p>" in (tmp_path / "report.html").read_text("utf-8")
    # The next session knows it as well.
    again = JobQueue(tmp_path / "state" / "queue.json")
    again.load()
    assert next(iter(again)).warnings == job.warnings
    # Of what waits nothing is known yet.
    window.actions_["again"].trigger()
    assert not window.readouts.notes


def test_gops_that_miss_are_counted_rather_than_told_one_by_one(window: MainWindow, quiet_clip: Path) -> None:
    workspace = window.workspace
    drop(window, quiet_clip)
    (job,) = workspace.queue
    session = workspace.session
    told: list[Event] = [Warned("GOP 0 can't reach it.", 0), Warned("One.", None), Warned("One."), Warned("--size")]
    lines: list[str] = []
    session.warned.connect(lambda _, message: lines.append(message))
    engine = workspace.engine
    engine.submit = lambda _: None  # type: ignore[method-assign]
    session.start_job(job.id)
    engine.told.emit(tuple(told))
    assert [item.warnings for item in workspace.queue] == [("One.", "size")]
    assert lines == ["GOP 0 can't reach it.", "One.", "One.", "size"]
    assert words(window, next(iter(workspace.queue))) == "Working, 0 %, 2 warnings"
    # Begun again, it will tell them again.
    assert replace(next(iter(workspace.queue)), state=State.INTERRUPTED).renewed().warnings == ()
    window.may_quit = lambda: True


def test_a_queue_that_was_saved_without_warnings_has_none(tmp_path: Path) -> None:
    job = Job(tmp_path / "a.mp4", tmp_path / "a.fgvc", EncodeSettings(goal=Quality(0.15)), warnings=("One.",))
    saved = to_json(job)
    assert from_json(saved) == job
    del saved["warnings"]
    assert from_json(saved) == replace(job, warnings=())
