"""What may be asked of the store of models from another process: list, get, verify, mend, add, remove.

Each task is a value, `carry_out` a generator of what happens. Closing it pauses a download, which the next GetModel
goes on with. Torch is imported only where a network comes in its format.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from codec.store.package import ModelRow, Package


@dataclass(frozen=True)
class ListModels:
    """Tell every prior and every metric's network, and how much room there is: a ModelList."""


@dataclass(frozen=True)
class GetModel:
    """Fetch a model, or go on with it. Asking for it says that its licence was shown."""

    name: str
    text_encoder: bool = False


@dataclass(frozen=True)
class VerifyModel:
    """Hash its files again: a Checked for each."""

    name: str


@dataclass(frozen=True)
class MendModel:
    """Delete the damaged files and fetch them again."""

    name: str
    damaged: tuple[str, ...]


@dataclass(frozen=True)
class AddModel:
    """Use a folder in diffusers' layout where it is, or keep the trunk of a metric's network in a file."""

    name: str
    place: Path


@dataclass(frozen=True)
class RemoveModel:
    """Delete what was fetched, or forget the user's folder."""

    name: str


StoreTask = ListModels | GetModel | VerifyModel | MendModel | AddModel | RemoveModel


@dataclass(frozen=True)
class ModelList:
    """The answer to ListModels; `root` is where models are fetched to, with `free_bytes` left on its disk."""

    rows: tuple[ModelRow, ...]
    root: Path
    free_bytes: int


@dataclass(frozen=True)
class Transferred:
    """How far the download of a model is: bytes of all its files."""

    name: str
    file: str
    done: int
    total: int


@dataclass(frozen=True)
class Checked:
    """One file was hashed again."""

    name: str
    file: str
    intact: bool


@dataclass(frozen=True)
class StoreNoted:
    """A sentence about what was done."""

    name: str
    message: str


StoreEvent = ModelList | Transferred | Checked | StoreNoted


def carry_out(task: StoreTask, wait: Callable[[float], None] = time.sleep) -> Iterator[StoreEvent]:
    """Do what is asked; `wait` is called with seconds before a failed request is tried again.

    Raises:
        PriorError: there is no such model, its publisher doesn't send it, or what is given is another one.
        OutputError: too little space, or the files can't be written.
        SettingsError: $HF_HUB_OFFLINE is set.
    """
    # Whoever only describes tasks needs neither numpy nor the packages.
    from codec.store.registry import package

    if isinstance(task, ListModels):
        yield list_models()
    elif isinstance(task, GetModel):
        yield from _get(package(task.name), task.text_encoder, wait)
    elif isinstance(task, VerifyModel):
        yield from (Checked(task.name, file, intact) for file, intact in package(task.name).verify())
    elif isinstance(task, MendModel):
        package(task.name).discard(task.damaged)
        yield from _get(package(task.name), False, wait)
    elif isinstance(task, AddModel):
        yield StoreNoted(task.name, package(task.name).add(task.place))
    else:
        yield StoreNoted(task.name, package(task.name).remove())


def list_models() -> ModelList:
    """Every prior and every metric's network, the bundled prior first."""
    from codec.store.paths import models_root
    from codec.store.registry import PACKAGES

    root = models_root()
    there = next(folder for folder in (root, *root.parents) if folder.exists())
    rows = tuple(package.row() for package in PACKAGES.values())
    return ModelList(rows, root, shutil.disk_usage(there).free)


def _get(package: Package, text_encoder: bool, wait: Callable[[float], None]) -> Iterator[StoreEvent]:
    for transfer in package.get(text_encoder, wait):
        yield Transferred(package.name, transfer.file, transfer.done, transfer.total)
    yield StoreNoted(package.name, f"{package.name} is ready.")
