"""What the program remembers between runs: one typed wrapper over QSettings."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from PySide6.QtCore import QByteArray, QSettings, QStandardPaths

from app.core.files import is_there
from app.core.jobs.job import settings_from_json, settings_to_json
from app.core.settings.presets import Preset
from codec.errors import SettingsError
from codec.settings import HOME_VARIABLE, EncodeSettings
from codec.store.paths import home

MODES = ("system", "light", "dark")
MAX_RECENT = 10
FULL_VOLUME = 100


class Preferences:
    """Every value has a default, also where what was saved can't be read."""

    def __init__(self, store: QSettings) -> None:
        self._store = store

    @property
    def recent(self) -> list[Path]:
        """Files opened last, the newest first, those that still exist."""
        paths = [Path(text) for text in self._text("recent").split("\n") if text]
        return [path for path in paths if is_there(path)]

    def add_recent(self, path: Path) -> None:
        """Put a file first."""
        paths = [path, *(other for other in self.recent if other != path)]
        self._store.setValue("recent", "\n".join(str(item) for item in paths[:MAX_RECENT]))

    @property
    def theme(self) -> str:
        """One of MODES."""
        mode = self._text("theme")
        return mode if mode in MODES else MODES[0]

    @theme.setter
    def theme(self, mode: str) -> None:
        self._store.setValue("theme", mode)

    @property
    def encode(self) -> EncodeSettings:
        """The settings panel as it was left."""
        try:
            return _encode(json.loads(self._text("encode") or "{}"))
        except (SettingsError, KeyError, TypeError, ValueError):
            return EncodeSettings()

    @encode.setter
    def encode(self, settings: EncodeSettings) -> None:
        self._store.setValue("encode", json.dumps(settings_to_json(settings)))

    @property
    def presets(self) -> tuple[Preset, ...]:
        """The user's own, in the order they were made, but for those that can't be read."""
        found = []
        for name, values in self._saved_presets().items():
            with suppress(SettingsError, KeyError, TypeError, ValueError):
                found.append(Preset(name, _encode(values), own=True))
        return tuple(found)

    def keep_preset(self, name: str, settings: EncodeSettings) -> None:
        """Save settings under a name, in place of others of that name."""
        self._store.setValue("presets", json.dumps({**self._saved_presets(), name: settings_to_json(settings)}))

    def forget_preset(self, name: str) -> None:
        """Remove one of the user's own."""
        kept = {known: values for known, values in self._saved_presets().items() if known != name}
        self._store.setValue("presets", json.dumps(kept))

    def _saved_presets(self) -> dict[str, Any]:
        """As they were saved, by any version; what can't be read here may be read by another."""
        try:
            saved = json.loads(self._text("presets") or "{}")
        except ValueError:
            return {}
        return saved if isinstance(saved, dict) else {}

    @property
    def volume(self) -> int:
        """Of the sound, in percent."""
        text = self._text("volume")
        return min(FULL_VOLUME, int(text)) if text.isdecimal() else FULL_VOLUME

    @volume.setter
    def volume(self, percent: int) -> None:
        self._store.setValue("volume", str(percent))

    @property
    def muted(self) -> bool:
        """Whether there is to be no sound, however loud."""
        return self._text("muted") == "yes"

    @muted.setter
    def muted(self, muted: bool) -> None:
        self._store.setValue("muted", "yes" if muted else "no")

    @property
    def at_coding_size(self) -> bool:
        """Whether pictures are compared at coding size, and not at the source's own."""
        return self._text("at coding size") == "yes"

    @at_coding_size.setter
    def at_coding_size(self, on: bool) -> None:
        self._store.setValue("at coding size", "yes" if on else "no")

    @property
    def geometry(self) -> QByteArray:
        """Of the main window; empty at the first start."""
        value = self._store.value("geometry")
        return value if isinstance(value, QByteArray) else QByteArray()

    @geometry.setter
    def geometry(self, value: QByteArray) -> None:
        self._store.setValue("geometry", value)

    @property
    def folded(self) -> list[str]:
        """Names of the panels that are folded away."""
        return [name for name in self._text("folded").split("\n") if name]

    @folded.setter
    def folded(self, names: list[str]) -> None:
        self._store.setValue("folded", "\n".join(names))

    def splitter(self, name: str) -> QByteArray:
        """How a splitter was left; empty at the first start."""
        value = self._store.value(f"splitter {name}")
        return value if isinstance(value, QByteArray) else QByteArray()

    def set_splitter(self, name: str, state: QByteArray) -> None:
        """Remember a splitter."""
        self._store.setValue(f"splitter {name}", state)

    def _text(self, key: str) -> str:
        value = self._store.value(key, "")
        return value if isinstance(value, str) else ""


def _encode(values: Mapping[str, Any]) -> EncodeSettings:
    settings = settings_from_json("encode", values)
    assert isinstance(settings, EncodeSettings)
    return settings


def open_store() -> QSettings:
    """Where preferences are kept: with all else in the home that the user has chosen, else as the system has it."""
    if os.environ.get(HOME_VARIABLE):
        return QSettings(str(state_folder() / "preferences.ini"), QSettings.Format.IniFormat)
    return QSettings()


def state_folder() -> Path:
    """Where the queue and the logs are kept, likewise."""
    if os.environ.get(HOME_VARIABLE):
        return home() / "window"
    return Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.AppDataLocation))
