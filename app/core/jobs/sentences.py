"""What the engine says, in the words of the window: its sentences name options of the command."""

from __future__ import annotations

import re
from collections.abc import Mapping

# Only what the window has a control for, the longest first; other options stay, for whoever takes the command.
_WORDS: Mapping[str, str] = {
    "--audio opus or none": "to re-encode the audio or to leave it out",
    "--audio opus": "the audio re-encoded",
    "--audio none": "to leave the audio out",
    "--device cpu": "the CPU",
    "--short-side": "short side",
    "--bitrate": "bitrate",
    "--target": "target",
    "--size": "size",
}
_OPTION = re.compile("|".join(re.escape(option) + r"(?![\w-])" for option in _WORDS))


def in_window(message: str) -> str:
    """A sentence of the engine's with the options that the window has controls for called what they are there."""
    return _OPTION.sub(lambda found: _WORDS[found.group()], message)
