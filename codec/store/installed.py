"""Which models are on this machine, and where: those fetched, folders the user named, and Hugging Face's cache."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codec.errors import MissingModelError, OutputError, PriorError
from codec.files import read_json, write_json
from codec.store.layout import check_folder
from codec.store.manifest import MODELS, ModelSpec, spec_of
from codec.store.paths import MOVE_HOME, models_root
from codec.store.transfer.hashing import sha256

RECORD = "freegvc.json"
"""In a fetched model's folder: its commit, and of each file size and sha256. Written when all are there."""


@dataclass(frozen=True)
class Installed:
    """A model and where it lies.

    Attributes:
        origin: "fetched", "added" (a folder of the user's), "cache" (Hugging Face's), or "absent".
        folder: None where it is absent.
    """

    spec: ModelSpec
    origin: str
    folder: Path | None


def installed() -> tuple[Installed, ...]:
    """Every model this program knows, present or not."""
    return tuple(find(name) for name in MODELS)


def find(name: str) -> Installed:
    """Where the model `name` lies; a folder that the user added comes first.

    Raises:
        PriorError: there is no such model.
    """
    spec = spec_of(name)
    added = read_json(_pointer(name)).get("folder")
    if isinstance(added, str):
        return Installed(spec, "added", Path(added))
    if (fetched_folder(name) / RECORD).is_file():
        return Installed(spec, "fetched", fetched_folder(name))
    cached = cached_folder(spec)
    return Installed(spec, "absent" if cached is None else "cache", cached)


def folder_of(name: str) -> Path:
    """The folder of a model that is here.

    Raises:
        MissingModelError: it isn't; the message says how to get it.
    """
    folder = find(name).folder
    if folder is None:
        raise MissingModelError(
            f"The weights of {name} are not on this machine; run `freegvc models get {name}`, or "
            f"`freegvc models add {name} FOLDER` if you have them.",
            name,
        )
    return folder


def add(name: str, folder: Path) -> Path:
    """Use a folder in diffusers' layout where it is, without copying it.

    Raises:
        PriorError: there is no such model, or the folder holds another one.
        OutputError: that can't be remembered.
    """
    spec, place = spec_of(name), folder.expanduser().resolve()
    check_folder(name, place, spec.transformer, spec.vae)
    write_json(_pointer(name), {"folder": str(place)}, MOVE_HOME)
    return place


def remove(name: str) -> str:
    """Forget an added folder, or delete fetched files, whole or partial; says what was done.

    Raises:
        PriorError: there is no such model, or nothing of it is ours to remove.
        OutputError: the files can't be deleted.
    """
    spec_of(name)
    if _pointer(name).is_file():
        folder = read_json(_pointer(name)).get("folder", "the folder")
        _pointer(name).unlink()
        return f"{name} is forgotten; its files in {folder} are untouched."
    if not fetched_folder(name).is_dir():
        raise PriorError(f"Nothing of {name} was fetched or added by this program, so there is nothing to remove.")
    try:
        shutil.rmtree(fetched_folder(name))
    except OSError as error:
        raise OutputError(f"{fetched_folder(name)} can't be deleted ({error.strerror}); delete it by hand.") from error
    return f"{name} is deleted from {fetched_folder(name)}."


def verify(name: str) -> Iterator[tuple[str, bool]]:
    """Each recorded file of a fetched model, and whether it still is what was fetched.

    Raises:
        PriorError: the model isn't here, or its hashes were never recorded.
    """
    found = find(name)
    folder = folder_of(name)
    files = recorded(folder)
    # Without hashes of its own it is at least told what is wrong with the folder.
    if not files:
        check_folder(name, folder, found.spec.transformer, found.spec.vae)
        raise PriorError(f"{folder} was not fetched by this program, so no hashes to verify it by are known.")
    for path, known in sorted(files.items()):
        place = folder / path
        yield path, place.is_file() and place.stat().st_size == known["size"] and sha256(place) == known["sha256"]


def recorded(folder: Path) -> dict[str, dict[str, Any]]:
    """Size and sha256 of each file that was fetched into a folder; empty for a folder of the user's."""
    files = read_json(folder / RECORD).get("files", {})
    return files if isinstance(files, dict) else {}


def fetched_folder(name: str) -> Path:
    """Where `get` puts a model."""
    return models_root() / name


def cached_folder(spec: ModelSpec) -> Path | None:
    """The model in Hugging Face's cache on this machine, or None."""
    snapshots = _hub_cache() / ("models--" + spec.repository.replace("/", "--")) / "snapshots"
    newest_first = sorted(snapshots.glob("*"), key=lambda path: path.stat().st_mtime, reverse=True)
    for folder in newest_first:
        try:
            check_folder(spec.name, folder, spec.transformer, spec.vae)
        except PriorError:
            continue
        return folder
    return None


def _hub_cache() -> Path:
    if "HF_HUB_CACHE" in os.environ:
        return Path(os.environ["HF_HUB_CACHE"])
    default = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "huggingface"
    return Path(os.environ.get("HF_HOME", default)) / "hub"


def _pointer(name: str) -> Path:
    return models_root() / f"{name}.json"
