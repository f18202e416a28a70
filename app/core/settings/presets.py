"""Named settings: some that come with the program, and the user's own."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from PySide6.QtCore import QT_TRANSLATE_NOOP

from codec.settings import EncodeSettings, Goal, Quality, Size

MB = 10**6
# What a preset leaves as it is: which part of which video, and how it is worked on.
_NOT_KEPT = frozenset(("start", "duration", "audio_track", "device", "dtype", "resume", "preview"))
_NAMED: tuple[tuple[object, Goal], ...] = (
    (QT_TRANSLATE_NOOP("Presets", "Smallest"), Quality(0.18)),
    (QT_TRANSLATE_NOOP("Presets", "Balanced"), Quality(0.12)),
    (QT_TRANSLATE_NOOP("Presets", "Close to the original"), Quality(0.07)),
    (QT_TRANSLATE_NOOP("Presets", "10 MB, for chats"), Size(10 * MB)),
    (QT_TRANSLATE_NOOP("Presets", "16 MB, for chats"), Size(16 * MB)),
    (QT_TRANSLATE_NOOP("Presets", "25 MB, for mail"), Size(25 * MB)),
)


def of_any_video(settings: EncodeSettings) -> EncodeSettings:
    """Settings without what is one video's own: which part of it is taken, and which of its sound tracks."""
    return replace(settings, start=0.0, duration=None, audio_track=None)


@dataclass(frozen=True)
class Preset:
    """Settings under a name; `own` is one that the user made, and can remove."""

    name: str
    settings: EncodeSettings
    own: bool = False

    def applied(self, to: EncodeSettings) -> EncodeSettings:
        """`to` as this preset wants it."""
        if not self.own:
            return replace(to, goal=self.settings.goal, keep_steps=0)
        kept = {field.name: getattr(self.settings, field.name) for field in fields(self.settings)}
        return replace(to, **{name: value for name, value in kept.items() if name not in _NOT_KEPT})

    def fits(self, settings: EncodeSettings) -> bool:
        """Whether settings are as this preset wants them."""
        return self.applied(settings) == settings


def built_in() -> tuple[Preset, ...]:
    """Those that come with the program."""
    return tuple(Preset(str(name), EncodeSettings(goal=goal)) for name, goal in _NAMED)
