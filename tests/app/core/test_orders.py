"""What is asked of the queue, and what is looked at of the files that its jobs write."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from app.core.document import of_result
from app.core.jobs.job import Job, State
from app.core.notice import Remedy
from app.ui.main_window import MainWindow
from app.ui.panels.queue import JobDelegate
from codec.encoder import encode
from codec.settings import Bitrate, EncodeSettings
from tests.support.windows import drop

QUICK = EncodeSettings(prior="gaussian", base="none", goal=Bitrate(60_000), short_side=64, gop_frames=16)


@pytest.fixture
def coded(short_clip: Path, tmp_path: Path) -> tuple[Path, Path]:
    """(source, the file made of it)."""
    source = Path(shutil.copy(short_clip, tmp_path / "scene.mkv"))
    for _ in encode(source, source.with_suffix(".fgvc"), QUICK):
        pass
    return source, source.with_suffix(".fgvc")


def test_no_two_jobs_that_are_yet_to_come_write_one_file(window: MainWindow, coded: tuple[Path, Path]) -> None:
    workspace, banner = window.workspace, window.banner
    drop(window, coded[0])
    first = workspace.job
    second = workspace.orders.again()
    assert first is not None
    assert second is not None
    workspace.choose(second.id)
    workspace.orders.save_as(first.output)
    assert [job.output for job in workspace.queue] == [first.output, second.output]
    assert f"{first.output} is what another job of the queue makes" in banner.message
    # Its own name is always free, and so is that of one which has ended: the dialog has asked about its file.
    workspace.orders.save_as(second.output)
    workspace.queue.update(first.id, state=State.STOPPED)
    workspace.orders.save_as(first.output)
    assert [job.output for job in workspace.queue] == [first.output, first.output]
    workspace.look_at(of_result(coded[1]))
    workspace.orders.export(first.output)
    assert len(workspace.queue) == 2


@pytest.mark.parametrize("state", [State.QUEUED, State.PAUSED])
def test_a_file_that_a_job_goes_on_with_is_shown_as_it_is(
    window: MainWindow, coded: tuple[Path, Path], state: State, tmp_path: Path
) -> None:
    source, result = coded
    workspace = window.workspace
    workspace.queue.add(Job(source, result, replace(QUICK, resume=True), state))
    drop(window, result)
    assert workspace.document is not None
    assert (workspace.document.result, workspace.document.source) == (result, source)
    assert len(workspace.queue) == 1
    # One that is yet to come shows its job.
    coming = Job(source, tmp_path / "coming.fgvc", QUICK, state)
    workspace.queue.add(coming)
    drop(window, coming.output)
    assert (workspace.document.source, workspace.document.job_id) == (source, coming.id)
    assert len(workspace.queue) == 2
    window.may_quit = lambda: True


def test_a_job_that_could_not_write_its_file_waits_again_with_another_place(
    window: MainWindow, short_clip: Path, tmp_path: Path
) -> None:
    workspace = window.workspace
    drop(window, Path(shutil.copy(short_clip, tmp_path / "scene.mkv")))
    job = workspace.job
    assert job is not None
    workspace.queue.update(job.id, state=State.FAILED, message=f"{job.output} can't be written.")
    assert window.actions_["save as"].isEnabled()
    elsewhere = tmp_path / "elsewhere.fgvc"
    workspace.orders.save_as(elsewhere)
    assert workspace.job is not None
    assert (workspace.job.output, workspace.job.state, workspace.job.message) == (elsewhere, State.QUEUED, "")
    workspace.queue.update(job.id, state=State.INTERRUPTED)
    assert not window.actions_["save as"].isEnabled()


def test_jobs_that_make_files_of_one_name_are_told_apart(window: MainWindow, short_clip: Path, tmp_path: Path) -> None:
    (tmp_path / "summer").mkdir()
    places = [tmp_path / "scene.mkv", tmp_path / "summer" / "scene.mkv", tmp_path / "other.mkv"]
    drop(window, *(Path(shutil.copy(short_clip, place)) for place in places))
    view = window.queue_panel.view
    delegate = view.itemDelegate()
    assert isinstance(delegate, JobDelegate)
    names = [delegate.name(job, view.model()) for job in window.workspace.queue]
    assert names == [f"{tmp_path.name}/scene.fgvc", "summer/scene.fgvc", "other.fgvc"]


def test_why_a_job_failed_is_told_whenever_it_is_looked_at(
    window: MainWindow, short_clip: Path, tmp_path: Path
) -> None:
    workspace = window.workspace
    drop(window, *(Path(shutil.copy(short_clip, tmp_path / f"{name}.mkv")) for name in "ab"))
    first, second = workspace.queue
    workspace.choose(second.id)
    workspace.queue.update(first.id, state=State.FAILED, message=f"{first.output} can't be written.")
    workspace.choose(first.id)
    assert window.banner.message == f"{first.output} can't be written."
    workspace.choose(second.id)
    assert not window.banner.message
    # What can be gone on with is told once, however often and in whatever words.
    for message in ("Its engine was lost.", "Its engine was lost again."):
        workspace.queue.update(first.id, state=State.INTERRUPTED, message=message)
        workspace.choose(first.id)
        workspace.choose(second.id)
    assert window.banner.message == "a.fgvc: Its engine was lost again."
    window.banner.settle(f"{Remedy.RESUME}{first.id}")
    assert not window.banner.message
