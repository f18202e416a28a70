"""How long a source is: what its packets tell, where its file says something else or nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.core.document import of_source
from app.core.jobs.job import Job, State
from app.core.jobs.shown import document_of
from app.core.playing.times import TimesReader
from app.ui.main_window import MainWindow
from codec.encoder import encode
from codec.settings import Bitrate, EncodeSettings
from codec.video import probe
from tests.support.films.flashing import write_flashing
from tests.support.windows import PATIENCE, drop, labels


def joined(folder: Path) -> Path:
    """Two recordings as `cat` joins them: the file says the length of one."""
    part = write_flashing(folder / "part.ts", codec="mpeg2video", sound=None).read_bytes()
    path = folder / "joined.ts"
    path.write_bytes(part + part)
    return path


def recorded(folder: Path) -> Path:
    """As browsers record: the file doesn't say how long it is."""
    return write_flashing(folder / "live.webm", codec="libvpx-vp9", sound=None, options={"live": "1"})


def raw(folder: Path) -> Path:
    """A stream in no container: no length, and no times."""
    return write_flashing(folder / "raw.h264", sound=None)


@pytest.mark.parametrize(("made", "told", "frames"), [(joined, 60, 120), (recorded, None, 60), (raw, None, 60)])
def test_all_of_a_source_can_be_looked_at_and_marked(
    qtbot: QtBot, window: MainWindow, tmp_path: Path, made: Callable[[Path], Path], told: int | None, frames: int
) -> None:
    source, workspace = made(tmp_path), window.workspace
    assert probe(source).frame_count == told
    with qtbot.waitSignal(workspace.viewer.times_known, timeout=PATIENCE):
        drop(window, source)
    clock, document = workspace.clock, workspace.document
    assert document is not None
    assert (clock.count, document.count) == (frames, frames)
    assert document.seconds(frames) == pytest.approx(frames / 25)
    assert window.transport.isEnabled()
    assert f"frame 0/{frames - 1}" in " ".join(labels(window.transport))
    length = "0:05" if frames == 120 else "0:02"
    assert any(length in text for text in labels(window.settings))
    # The flash at 1.6 s of the last recording.
    flash = frames - 60 + 40
    for number in (flash, flash - 3, flash + 3):
        clock.seek(number)
        qtbot.waitUntil(lambda: workspace.player.original is not None, timeout=PATIENCE)
        assert workspace.player.original is not None
        assert bool(workspace.player.original.mean() > 128) is (number == flash)
    window.actions_["in"].trigger()
    (job,) = workspace.queue
    assert isinstance(job.settings, EncodeSettings)
    assert job.settings.start == pytest.approx((flash + 3) / 25)


def test_a_clip_that_ends_before_its_source_is_no_longer_for_that(
    qtbot: QtBot, window: MainWindow, tmp_path: Path
) -> None:
    viewer = window.workspace.viewer
    viewer.show(of_source(joined(tmp_path), EncodeSettings(duration=1.0)))
    (reader,) = viewer.findChildren(TimesReader)
    qtbot.waitUntil(reader.isFinished, timeout=PATIENCE)
    qtbot.wait(0)
    assert viewer.clock.count == 25


@pytest.mark.parametrize(("duration", "seconds"), [(None, 4.8), (1.0, 2.4)])
def test_a_finished_file_stands_beside_all_that_was_read(
    tmp_path: Path, duration: float | None, seconds: float
) -> None:
    settings = EncodeSettings(goal=Bitrate(4000), short_side=64, prior="gaussian", base="none", duration=duration)
    job = Job(joined(tmp_path), tmp_path / "joined.fgvc", settings, State.DONE)
    for _ in encode(job.source, job.output, settings):
        pass
    facts = document_of(job, [job]).source_facts
    assert facts is not None
    assert facts.seconds == pytest.approx(seconds)
