"""Trials in the window: one moment at other targets, beside each other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.core.jobs.job import State
from app.core.settings.preferences import Preferences
from app.ui.commands.encode import TRIED_TARGETS
from app.ui.main_window import MainWindow
from codec.settings import EncodeSettings, Quality
from tests.support.windows import PATIENCE, drop, labels


def test_a_trial_takes_one_gop_from_the_playhead(window: MainWindow, clip: Path) -> None:
    drop(window, clip)
    window.workspace.clock.seek(15)
    window.actions_["trial"].trigger()
    waiting, job = window.workspace.queue
    assert isinstance(job.settings, EncodeSettings)
    assert (job.settings.start, job.settings.duration) == (0.5, 48 / 30)
    assert "trial at 0.5 s" in job.output.name
    assert (waiting.state, job.state) == (State.QUEUED, State.RUNNING)
    window.may_quit = lambda: True


def test_a_trial_that_is_done_is_offered_and_tells_its_part(
    qtbot: QtBot, window: MainWindow, preferences: Preferences, clip: Path, quick: EncodeSettings
) -> None:
    preferences.encode = quick
    drop(window, clip)
    workspace = window.workspace
    workspace.clock.seek(15)
    with qtbot.waitSignal(workspace.ended, timeout=PATIENCE):
        window.actions_["trial"].trigger()
    waiting, trial = workspace.queue
    assert workspace.document is not None
    assert workspace.document.job_id == waiting.id
    assert window.banner.message == f"{trial.output.name} is done."
    assert "All; I and O mark a part" in labels(window.settings)
    window.banner.button.click()
    assert workspace.document.job_id == trial.id
    assert not window.banner.isVisible()
    assert "0:00.50 \u2013 0:01.00" in labels(window.settings)


@pytest.mark.slow
def test_three_targets_are_seen_side_by_side_and_one_is_taken(
    qtbot: QtBot, window: MainWindow, preferences: Preferences, clip: Path, quick: EncodeSettings
) -> None:
    preferences.encode = replace(quick, base="auto")
    drop(window, clip)
    window.actions_["trials"].trigger()
    shown = window.commands.encode.trials_window
    assert shown is not None
    trials = window.workspace.trials
    assert [trial.target for trial in trials.trials] == list(TRIED_TARGETS)
    qtbot.waitUntil(lambda: not trials.running and trials.original is not None, timeout=PATIENCE)
    sizes = {trial.picture.shape for trial in trials.trials if trial.picture is not None}
    assert sizes == {(64, 80, 3)}
    pictures = [pane.picture for pane in shown.panes]
    assert all(picture is trial.picture for picture, trial in zip(pictures, trials.trials, strict=True))
    rates = [trial.kbps or 0.0 for trial in trials.trials]
    assert rates[0] > rates[-1] > 0
    # Nothing of it stays: neither files nor jobs.
    assert sorted(path.name for path in clip.parent.iterdir() if path.is_file()) == ["bottles.mkv", "preferences.ini"]
    assert len(window.workspace.queue) == 1
    qtbot.mouseClick(shown.buttons[1], Qt.MouseButton.LeftButton)
    assert not trials.trials
    job = window.workspace.job
    assert job is not None
    assert job.settings.goal == Quality(TRIED_TARGETS[1])
    assert window.commands.encode.trials_window is None or not window.commands.encode.trials_window.isVisible()


def test_trying_again_opens_another_window_that_ends_with_the_main_one(
    qtbot: QtBot, window: MainWindow, clip: Path
) -> None:
    drop(window, clip)
    window.actions_["trials"].trigger()
    first = window.commands.encode.trials_window
    assert first is not None
    with qtbot.waitSignal(first.destroyed):
        window.actions_["trials"].trigger()
    second = window.commands.encode.trials_window
    assert second is not None
    window.close()
    assert not second.isVisible()


def test_all_pictures_have_one_size(qtbot: QtBot, window: MainWindow, clip: Path) -> None:
    drop(window, clip)
    window.actions_["trials"].trigger()
    shown = window.commands.encode.trials_window
    assert shown is not None
    qtbot.waitExposed(shown)
    assert {pane.size().toTuple() for pane in shown.panes} == {shown.original.size().toTuple()}


def test_closing_the_window_ends_trials(window: MainWindow, clip: Path) -> None:
    drop(window, clip)
    window.actions_["trials"].trigger()
    assert window.workspace.trials.running
    window.close()
    assert not window.workspace.trials.running
