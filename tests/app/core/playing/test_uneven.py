"""A source whose frames come unevenly: all that the window tells in seconds goes by their own times."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from app.core.document import of_result
from app.core.notice import damage_words
from app.core.settings.preferences import Preferences
from app.ui.canvas.filmstrip import COUNT
from app.ui.main_window import MainWindow
from app.ui.words import human_bytes
from codec.encoder import encode
from codec.format.info import describe
from codec.settings import Bitrate, EncodeSettings, Quality
from tests.support.films.synthetic import write_video
from tests.support.windows import PATIENCE, drop, labels

FRAMES, SECONDS = 50, 11.0
TINY = EncodeSettings(goal=Quality(0.33), short_side=64, gop_frames=8)


def _brightness(frame: int) -> int:
    return 30 + 4 * frame


@pytest.fixture
def opened(qtbot: QtBot, window: MainWindow, preferences: Preferences, tmp_path: Path) -> MainWindow:
    """Grey frames, each brighter than the one before: a second of 25, then one every 0.4 seconds."""
    times = [40 * n if n < 25 else 960 + 400 * (n - 24) for n in range(FRAMES)]
    pictures = [np.full((64, 96, 3), _brightness(n), np.uint8) for n in range(FRAMES)]
    preferences.encode = TINY
    with qtbot.waitSignal(window.workspace.viewer.times_known, timeout=PATIENCE):
        drop(window, write_video(tmp_path / "uneven.mkv", pictures, times=times))
    return window


def test_the_document_knows_its_length_before_it_was_played_to_its_end(opened: MainWindow) -> None:
    document = opened.workspace.document
    assert document is not None
    assert (document.count, opened.workspace.clock.count) == (FRAMES, FRAMES)
    assert document.seconds(document.count) == pytest.approx(SECONDS)


def test_the_rate_is_told_as_the_average_that_it_is(opened: MainWindow) -> None:
    assert any(f"{FRAMES / SECONDS:.3g}\u00a0fps\u00a0on\u00a0average" in text for text in labels(opened.settings))


def test_thumbnails_stand_over_their_frames(qtbot: QtBot, opened: MainWindow) -> None:
    strip = opened.filmstrip
    qtbot.waitUntil(lambda: strip.pictures == COUNT, timeout=PATIENCE)
    seen = strip.grab().toImage()
    for place in (0, COUNT // 2, COUNT - 1):
        share = (place + 0.5) / COUNT
        x = 9 + share * (strip.width() - 18)
        grey = seen.pixelColor(round(x * seen.width() / strip.width()), seen.height() // 2).red()
        assert grey == pytest.approx(_brightness(int(FRAMES * share)), abs=3)


def test_a_trial_takes_as_many_frames_as_a_gop_has(opened: MainWindow) -> None:
    workspace = opened.workspace
    workspace.clock.seek(30)
    opened.actions_["trial"].trigger()
    job = list(workspace.queue)[-1]
    assert isinstance(job.settings, EncodeSettings)
    assert job.settings.start == workspace.clock.seconds(30)
    assert job.settings.duration == pytest.approx(8 * 0.4)
    opened.may_quit = lambda: True


def test_what_is_there_of_a_file_is_told_by_its_times(opened: MainWindow, tmp_path: Path) -> None:
    document = opened.workspace.document
    assert document is not None
    assert document.source is not None
    settings = EncodeSettings(prior="gaussian", base="none", goal=Bitrate(20_000), short_side=64)
    for _ in encode(document.source, tmp_path / "uneven.fgvc", settings):
        pass
    info = describe(tmp_path / "uneven.fgvc")
    assert damage_words(replace(info, complete=False)).endswith("11.0 s of it are here.")


@pytest.mark.slow
def test_targets_are_tried_on_the_moment_that_is_looked_at(qtbot: QtBot, opened: MainWindow) -> None:
    workspace, trials = opened.workspace, opened.workspace.trials
    workspace.clock.seek(40)
    opened.actions_["trials"].trigger()
    qtbot.waitUntil(lambda: not trials.running and trials.original is not None, timeout=PATIENCE)
    assert trials.original is not None
    assert trials.original.mean() == pytest.approx(_brightness(44), abs=3)
    first = trials.trials[0]
    assert first.picture is not None
    assert first.picture.mean() == pytest.approx(_brightness(44), abs=8)
    assert first.kbps is not None
    shown = opened.commands.encode.trials_window
    assert shown is not None
    whole = f"about {human_bytes(first.kbps * 125 * SECONDS)} for all of it"
    assert any(whole in label.text() for label in shown.findChildren(QLabel))


def _slides(path: Path) -> Path:
    """Ten frames of a tenth of a second each, the last of which is held for three: an animated GIF."""
    pictures = [Image.fromarray(np.full((64, 96), _brightness(n), np.uint8)) for n in range(10)]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=[100] * 9 + [3000])
    return path


def test_a_last_frame_that_is_held_counts_for_as_long(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    workspace = window.workspace
    with qtbot.waitSignal(workspace.viewer.times_known, timeout=PATIENCE):
        drop(window, _slides(tmp_path / "slides.gif"))
    assert (workspace.clock.count, workspace.clock.seconds(10)) == (10, pytest.approx(3.9))
    assert workspace.clock.frame_at(3.8) == 9
    for _ in encode(tmp_path / "slides.gif", tmp_path / "slides.fgvc", TINY):
        pass
    made = of_result(tmp_path / "slides.fgvc")
    assert made.seconds(made.count) == pytest.approx(3.9)
    assert made.average_rate == pytest.approx(10 / 3.9)


def test_an_avi_that_leaves_out_frames_is_shown_by_its_own_clock(
    qtbot: QtBot, window: MainWindow, tmp_path: Path
) -> None:
    kept = [n for n in range(40) if n not in (10, 11, 12)]
    pictures = [np.full((64, 96, 3), _brightness(n), np.uint8) for n in kept]
    workspace = window.workspace
    with qtbot.waitSignal(workspace.viewer.times_known, timeout=PATIENCE):
        drop(window, write_video(tmp_path / "dropped.avi", pictures, times=[40 * n for n in kept]))
    assert workspace.clock.seconds(10) == pytest.approx(13 / 25)
    for number in (30, 9, 10):
        workspace.clock.seek(number)
        qtbot.waitUntil(lambda: workspace.player.original is not None, timeout=PATIENCE)
        assert workspace.player.original is not None
        assert workspace.player.original.mean() == pytest.approx(_brightness(kept[number]), abs=3)
