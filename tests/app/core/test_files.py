"""Files that vanish, or may not be looked at: nothing of the system's leaves a slot or a thread of the window."""

from __future__ import annotations

import shutil
import sys
import threading
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.core.document import SourceFacts, free_name, videos_in
from app.core.files import is_there, reading, size_of
from app.core.jobs.job import Job, State
from app.core.jobs.queue import JobQueue
from app.core.playing.pictures.original import OriginalReader
from app.core.playing.pictures.thumbnails import Thumbnails
from app.core.playing.player import ORIGINAL, OTHER
from app.core.process.failures import Failures
from app.core.settings.preferences import Preferences
from app.ui.canvas.sides import Wait
from app.ui.main_window import MainWindow
from codec.errors import InputError
from codec.settings import EncodeSettings
from codec.video import probe
from tests.support import skips
from tests.support.windows import PATIENCE

# The system refuses to look at it: no file system has names as long.
REFUSED = Path("/" + "x" * 5000)


@skips.posix
def test_what_the_system_refuses_is_not_there() -> None:
    with pytest.raises(OSError, match="too long"):
        REFUSED.exists()
    assert not is_there(REFUSED)
    assert size_of(REFUSED) is None
    assert free_name(REFUSED) == REFUSED
    with pytest.raises(InputError, match="can't be read"), reading(REFUSED):
        REFUSED.stat()
    with pytest.raises(InputError, match="can't be read"):
        videos_in(REFUSED)


def test_a_recent_file_that_may_not_be_looked_at_is_left_out(preferences: Preferences, quiet_clip: Path) -> None:
    preferences.add_recent(REFUSED)
    preferences.add_recent(quiet_clip)
    assert preferences.recent == [quiet_clip]


def test_a_source_that_vanishes_after_it_was_probed_is_refused(quiet_clip: Path, tmp_path: Path) -> None:
    clip = Path(shutil.copy(quiet_clip, tmp_path / "gone.mkv"))
    info = probe(clip)
    clip.unlink()
    with pytest.raises(InputError, match=r"gone\.mkv can't be read"):
        SourceFacts.of(clip, info)


def test_threads_that_read_a_file_which_has_gone_end_quietly_or_say_so(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def vanished(*_: object, **__: object) -> None:
        raise FileNotFoundError(2, "No such file or directory")

    for module in (sys.modules[OriginalReader.__module__], sys.modules[Thumbnails.__module__]):
        monkeypatch.setattr(module, "VideoReader", vanished)
    told: list[str] = []
    thumbnails = Thumbnails(tmp_path / "gone.mkv", [0.0, 0.5])
    thumbnails.start()
    assert thumbnails.wait(PATIENCE)
    reader = OriginalReader(tmp_path / "gone.mkv", None)
    reader.failed.connect(told.append)
    reader.start()
    qtbot.waitUntil(lambda: bool(told), timeout=PATIENCE)
    assert "gone.mkv can't be read (No such file or directory)" in told[0]
    reader.close()


def test_a_video_that_can_no_longer_be_read_keeps_nobody_waiting(
    qtbot: QtBot, window: MainWindow, quiet_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def vanished(*_: object, **__: object) -> None:
        raise FileNotFoundError(2, "No such file or directory")

    workspace, banner = window.workspace, window.banner
    first, second = (Path(shutil.copy(quiet_clip, tmp_path / f"{name}.mkv")) for name in ("first", "second"))
    monkeypatch.setattr(sys.modules[OriginalReader.__module__], "VideoReader", vanished)
    workspace.open([first])
    qtbot.waitUntil(lambda: "first.mkv can't be read" in banner.message, timeout=PATIENCE)
    assert window.view.why_empty(ORIGINAL) == Wait("It can't be read")
    workspace.compare_with(second)
    qtbot.waitUntil(lambda: "second.mkv can't be read" in banner.message, timeout=PATIENCE)
    assert window.view.why_empty(OTHER) == Wait("It can't be read")
    workspace.clock.play()
    qtbot.waitUntil(lambda: workspace.clock.frame > 0, timeout=PATIENCE)


def test_a_queue_that_can_be_neither_read_nor_put_aside_is_told_of(tmp_path: Path) -> None:
    # A folder in its place can't be read; nor can it be put where another folder with something in it lies.
    place = tmp_path / "queue.json"
    place.mkdir()
    (tmp_path / "queue.unreadable.json" / "full").mkdir(parents=True)
    queue, told = JobQueue(place), []
    queue.unreadable.connect(told.append)
    queue.load()
    assert len(told) == 1
    assert "can't be read" in told[0]
    queue.unsaved.connect(told.append)
    queue.add(Job(tmp_path / "a.mkv", tmp_path / "a.fgvc", EncodeSettings()))
    assert "could not be saved" in told[1]


def test_an_unforeseen_failure_is_said_and_logged(qtbot: QtBot, window: MainWindow) -> None:
    failures = Failures()
    failures.failed.connect(window.workspace.fail)

    def fail() -> None:
        raise LookupError("nobody thought of this")

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: bool(window.banner.message), timeout=PATIENCE)
    failures.stop()
    assert "a defect of the program" in window.banner.message
    assert "LookupError: nobody thought of this" in window.workspace.log.text


def test_opening_a_job_whose_files_have_gone_says_so(window: MainWindow, tmp_path: Path) -> None:
    job = Job(tmp_path / "gone.mkv", tmp_path / "gone.fgvc", EncodeSettings(), State.DONE)
    window.workspace.queue.add(job)
    window.workspace.choose(job.id)
    assert "gone.mkv" in window.banner.message
