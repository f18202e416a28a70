"""Where models and what is derived from them live on this machine."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from platformdirs import user_data_path

from codec.settings import HOME_VARIABLE

MOVE_HOME = f"set {HOME_VARIABLE} to another folder"
"""What to do where the home can't be written."""


def home() -> Path:
    """The folder of all that this program keeps: $FREEGVC_HOME, or the user's data folder."""
    chosen = os.environ.get(HOME_VARIABLE)
    return Path(chosen) if chosen else user_data_path("freegvc", appauthor=False)


def models_root() -> Path:
    """One folder, or one pointer to a folder, per model."""
    return home() / "models"


def metrics_folder() -> Path:
    """Where the networks lie that metrics look through."""
    return home() / "metrics"


def derived_folder(model: Path) -> Path:
    """For what was computed from the model in the folder `model`, which itself may be read-only or shared."""
    return home() / "derived" / hashlib.sha256(str(model.resolve()).encode()).hexdigest()[:16]
