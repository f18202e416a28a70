"""What the program remembers between runs: one typed wrapper over QSettings."""

from __future__ import annotations

import json
from pathlib import Path

from PySide6.QtCore import QByteArray, QSettings, QStandardPaths

from app.core.jobs.job import settings_from_json, settings_to_json
from codec.errors import SettingsError
from codec.settings import EncodeSettings

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
        return [path for path in paths if path.exists()]

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
            settings = settings_from_json("encode", json.loads(self._text("encode") or "{}"))
        except (SettingsError, KeyError, TypeError, ValueError):
            return EncodeSettings()
        return settings if isinstance(settings, EncodeSettings) else EncodeSettings()

    @encode.setter
    def encode(self, settings: EncodeSettings) -> None:
        self._store.setValue("encode", json.dumps(settings_to_json(settings)))

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
    def geometry(self) -> QByteArray:
        """Of the main window; empty at the first start."""
        value = self._store.value("geometry")
        return value if isinstance(value, QByteArray) else QByteArray()

    @geometry.setter
    def geometry(self, value: QByteArray) -> None:
        self._store.setValue("geometry", value)

    def _text(self, key: str) -> str:
        value = self._store.value(key, "")
        return value if isinstance(value, str) else ""


def state_folder() -> Path:
    """Where the queue and the logs are kept."""
    return Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.AppDataLocation))
