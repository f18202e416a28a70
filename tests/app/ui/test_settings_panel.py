"""Presets, and what the panel offers."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QLocale, QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QFormLayout
from pytestqt.qtbot import QtBot

from app.core.jobs.job import Job
from app.core.settings.preferences import Preferences
from app.core.settings.presets import Preset, built_in
from app.ui.main_window import MainWindow
from app.ui.panels.settings import SettingsPanel
from codec.settings import Bitrate, EncodeSettings, Quality, Size
from tests.support import DATA


def choose(panel: SettingsPanel, text: str) -> None:
    """Choose an entry of the presets, as a click would."""
    place = panel.preset.findText(text)
    assert place >= 0, text
    panel.preset.setCurrentIndex(place)
    panel.preset.activated.emit(place)


def test_a_preset_sets_the_goal_and_is_shown_as_chosen(qtbot: QtBot) -> None:
    panel = SettingsPanel(EncodeSettings(seed=7))
    qtbot.addWidget(panel)
    assert panel.preset.currentIndex() == -1
    with qtbot.waitSignal(panel.changed):
        choose(panel, "Smallest")
    assert panel.settings == EncodeSettings(goal=Quality(0.18), seed=7)
    choose(panel, "25 MB, for mail")
    assert panel.settings.goal == Size(25_000_000)
    assert panel.preset.currentText() == "25 MB, for mail"
    panel.show_settings(EncodeSettings(goal=Quality(0.07)))
    assert panel.preset.currentText() == "Close to the original"
    panel.slider.setValue(panel.slider.value() + 1)
    assert panel.preset.currentIndex() == -1


def test_a_preset_of_ones_own_is_kept_and_can_be_removed(
    window: MainWindow, preferences: Preferences, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = window.settings
    panel.show_settings(EncodeSettings(goal=Bitrate(40_000), short_side=144, audio="none"))
    monkeypatch.setattr("PySide6.QtWidgets.QInputDialog.getText", lambda *_, **__: ("Thumbnails", True))
    choose(panel, "Keep these settings")
    assert [preset.name for preset in preferences.presets] == ["Thumbnails"]
    panel.show_settings(EncodeSettings(device="cpu"))
    choose(panel, "Thumbnails")
    assert panel.settings == EncodeSettings(goal=Bitrate(40_000), short_side=144, audio="none", device="cpu")
    assert panel.preset.currentText() == "Thumbnails"
    choose(panel, "Remove \u201cThumbnails\u201d")
    assert not preferences.presets
    assert panel.preset.findText("Thumbnails") == -1


def test_of_two_presets_that_fit_the_users_own_is_shown(qtbot: QtBot) -> None:
    settings = EncodeSettings(goal=Quality(0.12))
    panel = SettingsPanel(settings, (Preset("Mine", settings, own=True),))
    qtbot.addWidget(panel)
    assert panel.preset.currentText() == "Mine"
    panel.show_settings(EncodeSettings(goal=Quality(0.12), short_side=240))
    assert panel.preset.currentText() == "Balanced"


def test_presets_leave_the_video_and_the_machine_alone() -> None:
    own = Preset("a", EncodeSettings(start=3.0, device="cuda", short_side=96), own=True)
    assert own.applied(EncodeSettings(start=1.0)) == EncodeSettings(start=1.0, short_side=96)
    assert all(preset.applied(EncodeSettings(keep_steps=2)).keep_steps == 0 for preset in built_in())


def test_only_priors_for_people_are_offered(qtbot: QtBot) -> None:
    panel = SettingsPanel(EncodeSettings())
    qtbot.addWidget(panel)
    panel.set_machine(("pocket", "gaussian", "wan2.1-t2v-1.3b"), None)
    texts = [panel.prior.itemText(place) for place in range(panel.prior.count())]
    assert texts == ["Pocket (comes along)", "Wan2.1 (6.20 GB, GPU)"]


def test_every_choice_stands_under_its_own_name(window: MainWindow) -> None:
    panel = window.settings
    offered = {
        box.accessibleName(): {box.itemData(place): box.itemText(place) for place in range(box.count())}
        for box in panel.findChildren(QComboBox)
    }
    assert offered["Device"] == {"auto": "Automatic", "cpu": "CPU", "cuda": "GPU"}
    assert offered["Audio"] == {"opus": "Opus, re-encoded", "copy": "Copy unchanged", "none": "Leave out"}
    panel.set_machine((), "A card, 8 GB")
    assert next(box for box in panel.findChildren(QComboBox) if box.findText("A card, 8 GB") >= 0).findData("cuda") == 2
    looks = {action.data(): action.text() for action in window.actions_.appearance.actions()}
    assert looks == {"system": "As the system", "light": "Light", "dark": "Dark"}


def test_jobs_are_put_in_order_by_dragging(window: MainWindow) -> None:
    queue, view = window.workspace.queue, window.queue_panel.view
    for name in "abc":
        queue.add(Job(Path(f"{name}.mp4"), Path(f"{name}.fgvc"), EncodeSettings()))
    assert view.dragDropMode() is view.DragDropMode.InternalMove
    index = queue.index(0)
    assert queue.flags(index) & Qt.ItemFlag.ItemIsDragEnabled
    assert not queue.flags(index) & Qt.ItemFlag.ItemIsDropEnabled
    # What the view asks for where one was dropped behind the last.
    assert queue.moveRow(queue.index(-1), 0, queue.index(-1), 3)
    assert [job.source.stem for job in queue] == ["b", "c", "a"]
    assert not queue.moveRow(queue.index(-1), 1, queue.index(-1), 1)
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(20, 10))
    assert window.queue_panel.job is not None
    texts = [action.text() for action in window.queue_panel.menu().actions()]
    assert texts[:4] == ["Look at it", "Start now", "Begin anew", "Encode again with other settings"]
    queue.clear_finished()
    assert len(queue) == 3


def test_the_sound_track_can_be_chosen_where_there_are_several(
    window: MainWindow, preferences: Preferences, tmp_path: Path, quiet_clip: Path
) -> None:
    both = Path(shutil.copy(DATA / "two_tracks.mp4", tmp_path / "two.mp4"))
    window.workspace.open([both])
    panel, form = window.settings, window.settings.layout()
    assert isinstance(form, QFormLayout)
    assert form.isRowVisible(panel.track)
    assert [panel.track.itemText(n)[:2] for n in range(panel.track.count())] == ["Th", "1:", "2:"]
    panel.track.setCurrentIndex(2)
    job = window.workspace.job
    assert job is not None
    assert isinstance(job.settings, EncodeSettings)
    assert job.settings.audio_track == 2
    # It is heard, and no other video's.
    assert window.workspace.document is not None
    assert window.workspace.document.audio_track == 2
    assert preferences.encode.audio_track is None
    # Nor is a part of it, which is marked before another setting is touched.
    window.workspace.clock.mark(10, 20)
    window.workspace.choose(job.id)
    panel.aim_at(0.2)
    assert window.workspace.job is not None
    assert isinstance(window.workspace.job.settings, EncodeSettings)
    assert window.workspace.job.settings.start > 0
    window.workspace.open([Path(shutil.copy(quiet_clip, tmp_path / "one.mkv"))])
    assert not form.isRowVisible(panel.track)
    assert panel.settings.audio_track is None
    assert (preferences.encode.start, preferences.encode.duration) == (0, None)
    assert window.workspace.job is not None
    assert window.workspace.job.settings == replace(preferences.encode, preview=True)
    window.workspace.choose(job.id)
    assert panel.track.currentText().startswith("2:")


@pytest.mark.parametrize("language", [QLocale.Language.English, QLocale.Language.German])
@pytest.mark.parametrize("typed", ["2.5", "2,5"])
def test_a_number_may_have_a_point_or_a_comma(qtbot: QtBot, language: QLocale.Language, typed: str) -> None:
    before = QLocale()
    QLocale.setDefault(QLocale(language))
    try:
        panel = SettingsPanel(EncodeSettings(goal=Size(20_000)))
        qtbot.addWidget(panel)
        panel.show()
        field = next(box for box in panel.findChildren(QDoubleSpinBox) if box.suffix() == " kB")
        field.selectAll()
        qtbot.keyClicks(field, typed)
        qtbot.keyClick(field, Qt.Key.Key_Return)
    finally:
        QLocale.setDefault(before)
    assert panel.settings.goal == Size(2500)
    assert field.text() == "2.5 kB"
