"""What is remembered between runs, also where another version has written it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings

from app.core.settings.preferences import Preferences, open_store, state_folder
from codec.settings import HOME_VARIABLE, EncodeSettings, Quality

SETTINGS = EncodeSettings(goal=Quality(0.2))


def test_a_preset_that_cannot_be_read_costs_no_other(tmp_path: Path) -> None:
    store = QSettings(str(tmp_path / "preferences.ini"), QSettings.Format.IniFormat)
    preferences = Preferences(store)
    for name in ("mine", "yours"):
        preferences.keep_preset(name, SETTINGS)
    saved = json.loads(str(store.value("presets")))
    newer = {"goal": {"kind": "beauty", "value": 3}}
    store.setValue("presets", json.dumps({"newer": newer, **saved}))
    assert [preset.name for preset in preferences.presets] == ["mine", "yours"]
    preferences.keep_preset("third", replace(SETTINGS, seed=5))
    preferences.forget_preset("mine")
    assert [preset.name for preset in preferences.presets] == ["yours", "third"]
    # Whoever can read it finds it as it was.
    assert json.loads(str(store.value("presets")))["newer"] == newer


def test_presets_that_are_none_are_begun_anew(tmp_path: Path) -> None:
    store = QSettings(str(tmp_path / "preferences.ini"), QSettings.Format.IniFormat)
    for nonsense in ("[1]", "{", "3"):
        store.setValue("presets", nonsense)
        preferences = Preferences(store)
        assert preferences.presets == ()
        preferences.keep_preset("mine", SETTINGS)
        assert [preset.name for preset in preferences.presets] == ["mine"]


def test_a_chosen_home_holds_the_windows_own_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    assert state_folder() == tmp_path / "home" / "window"
    Preferences(open_store()).theme = "light"
    assert [path.name for path in (tmp_path / "home" / "window").iterdir()] == ["preferences.ini"]
    assert Preferences(open_store()).theme == "light"
    monkeypatch.delenv(HOME_VARIABLE)
    assert Preferences(open_store()).theme == "system"
    assert not state_folder().is_relative_to(tmp_path)
