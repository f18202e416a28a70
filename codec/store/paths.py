"""Where models and what is derived from them live on this machine."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from platformdirs import user_data_path

from codec.errors import OutputError

HOME_VARIABLE = "FREEGVC_HOME"


def home() -> Path:
    """The folder of all that this program keeps: $FREEGVC_HOME, or the user's data folder."""
    chosen = os.environ.get(HOME_VARIABLE)
    return Path(chosen) if chosen else user_data_path("freegvc", appauthor=False)


def models_root() -> Path:
    """One folder, or one pointer to a folder, per model."""
    return home() / "models"


def metrics_folder() -> Path:
    """Where the metrics look for their networks first; $FREEGVC_HOME doesn't move it."""
    return user_data_path("freegvc", appauthor=False) / "metrics"


def derived_folder(model: Path) -> Path:
    """For what was computed from the model in the folder `model`, which itself may be read-only or shared."""
    return home() / "derived" / hashlib.sha256(str(model.resolve()).encode()).hexdigest()[:16]


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file; empty where there is none or it can't be read."""
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def write_whole(path: Path, data: bytes) -> None:
    """Write a file that others see whole or not at all.

    Raises:
        OutputError: the folder can't be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutputError(
            f"{path} can't be written ({error.strerror}); free some space or set {HOME_VARIABLE}."
        ) from error


def write_json(path: Path, value: dict[str, Any]) -> None:
    """`write_whole` of a JSON object."""
    write_whole(path, json.dumps(value, indent=1, sort_keys=True).encode())
