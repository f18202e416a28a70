"""The window with sound: one longer than the pictures, of a file without its source, and no output at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.core.playing.sound.device import Fill, NoSoundError, Output
from app.core.settings.preferences import Preferences
from app.core.workspace import Workspace
from app.ui.main_window import MainWindow
from app.ui.theme import Theme
from codec.encoder import encode
from codec.settings import Bitrate, EncodeSettings
from tests.support.films.ticking import heard, ticking_clip
from tests.support.windows import PATIENCE, drop


@pytest.mark.parametrize("late", [0, 2000], ids=["even frames, longer sound", "uneven frames"])
def test_a_source_shorter_than_it_says_ends_where_it_ends(
    qtbot: QtBot, window: MainWindow, tmp_path: Path, late: int
) -> None:
    times = [40 * number + (late if number >= 40 else 0) for number in range(50)]
    drop(window, ticking_clip(tmp_path / "a.mkv", 2.0, times=times, sound_seconds=4.0))
    workspace = window.workspace
    assert workspace.clock.count > 60
    workspace.clock.seek(workspace.clock.count - 1)
    qtbot.waitUntil(lambda: workspace.player.original is not None, timeout=PATIENCE)
    assert (workspace.clock.count, workspace.clock.frame) == (50, 49)
    assert not window.banner.isVisible()


class Speaker:
    """An audio output of which only what it is given matters."""

    rate = 48000

    def __init__(self) -> None:
        self.fill: Fill | None = None
        self.running = False

    def opener(self, fill: Fill) -> Output:
        self.fill = fill
        return self

    def start(self) -> None:
        self.running = True

    def stop(self) -> None:
        self.running = False

    def close(self) -> None:
        self.running = False


def test_a_file_without_its_source_is_heard(
    qtbot: QtBot, preferences: Preferences, theme: Theme, tmp_path: Path
) -> None:
    clip = ticking_clip(tmp_path / "ticks.mp4", seconds=2.0)
    for _ in encode(clip, tmp_path / "a.fgvc", EncodeSettings(prior="gaussian", base="none", goal=Bitrate(9000))):
        pass
    clip.unlink()
    speaker = Speaker()
    workspace = Workspace(preferences, tmp_path / "state", opener=speaker.opener)
    window = MainWindow(workspace, theme)
    qtbot.addWidget(window)
    window.show()
    assert not window.volume.isEnabled()
    with qtbot.waitSignal(workspace.sound.available_changed, timeout=PATIENCE):
        drop(window, tmp_path / "a.fgvc")
    assert window.volume.isEnabled()
    assert not window.silence.isVisible()
    workspace.clock.ready = lambda _: True
    workspace.clock.play()
    qtbot.waitUntil(lambda: speaker.running, timeout=PATIENCE)
    assert speaker.fill is not None
    samples = np.zeros((speaker.rate, 2), np.float32)

    def ticks() -> int:
        """From 0.44 s on: those at 0.5 s and at 1 s, or where this machine takes its time the latter alone."""
        assert speaker.fill is not None
        workspace.clock.seek(11)
        speaker.fill(samples, 0.0)
        return len(heard(samples[:, 0], speaker.rate))

    # Once as much of it was decoded.
    qtbot.waitUntil(lambda: ticks() in (1, 2), timeout=PATIENCE)
    window.volume.slider.setValue(30)
    window.actions_["mute"].trigger()
    speaker.fill(samples, 0.0)
    assert not samples.any()
    window.close()
    assert not speaker.running
    assert (preferences.volume, preferences.muted) == (30, True)
    again = MainWindow(Workspace(preferences, tmp_path / "state", opener=speaker.opener), theme)
    qtbot.addWidget(again)
    assert again.volume.mute.isChecked()
    # Whoever moves the slider wants to hear it.
    again.volume.slider.setValue(60)
    assert not again.volume.mute.isChecked()
    assert (preferences.volume, preferences.muted) == (60, False)
    for made in (window, again):
        made.workspace.close()
        made.workspace.deleteLater()


def test_why_there_is_no_sound_is_said_in_one_place(
    qtbot: QtBot, preferences: Preferences, theme: Theme, tmp_path: Path
) -> None:
    def opener(_: Fill) -> Output:
        raise NoSoundError("No sound: this machine has no audio output.")

    workspace = Workspace(preferences, tmp_path / "state", opener=opener)
    window = MainWindow(workspace, theme)
    qtbot.addWidget(window)
    window.show()
    with qtbot.waitSignal(workspace.sound.available_changed):
        drop(window, ticking_clip(tmp_path / "ticks.mp4"))
    assert window.silence.isVisible()
    assert window.silence.text() == "No sound: this machine has no audio output."
    assert not window.volume.isEnabled()
    assert not window.banner.isVisible()
    window.close()
    workspace.deleteLater()
