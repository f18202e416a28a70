"""What may be asked of the store of models from another process: list, get, verify, mend, add, remove.

Each task is a value, `carry_out` a generator of what happens. Closing it pauses a download, which the next GetModel
goes on with. Torch is never imported here.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from codec.errors import OutputError, PriorError

BUNDLED = "pocket"


@dataclass(frozen=True)
class ListModels:
    """Tell every prior and every metric's network, and how much room there is: a ModelList."""


@dataclass(frozen=True)
class GetModel:
    """Fetch a model, or go on with it. Asking for it says that its licence was shown."""

    name: str


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
class ModelRow:
    """A model as it stands on this machine.

    Attributes:
        kind: "prior" or "metric".
        origin: "bundled", "fetched", "added", "cache" (Hugging Face's) or "absent".
        place: where it is; None where it is absent.
        download_bytes, disk_bytes: about; 0 where nothing is fetched.
        memory_bytes: of its weights, about.
        licence_notice: to be shown before its first download; "" where it was shown or nothing is to be said.
        partial_bytes: of a download that was paused.
        published: whether `GetModel` can fetch it.
    """

    name: str
    title: str
    kind: str
    origin: str
    place: Path | None
    download_bytes: int
    disk_bytes: int
    memory_bytes: int
    licence: str
    licence_notice: str
    partial_bytes: int
    published: bool


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


def carry_out(task: StoreTask) -> Iterator[StoreEvent]:
    """Do what is asked.

    Raises:
        PriorError: there is no such model, its publisher doesn't send it, or what is given is another one.
        OutputError: too little space, or the files can't be written.
        SettingsError: $HF_HUB_OFFLINE is set.
    """
    if isinstance(task, ListModels):
        yield list_models()
    elif isinstance(task, GetModel):
        yield from _get(task.name)
    elif isinstance(task, VerifyModel):
        yield from _verify(task.name)
    elif isinstance(task, MendModel):
        _discard(task)
        yield from _get(task.name)
    elif isinstance(task, AddModel):
        yield StoreNoted(task.name, _add(task))
    else:
        yield StoreNoted(task.name, _remove(task.name))


def list_models() -> ModelList:
    """Every prior and every metric's network, the bundled prior first."""
    from codec.store.paths import models_root

    root = models_root()
    there = next(folder for folder in (root, *root.parents) if folder.exists())
    rows = (_bundled(), *_models(), *_packs())
    return ModelList(rows, root, shutil.disk_usage(there).free)


def _bundled() -> ModelRow:
    place = Path(str(files("resources") / "pocket.safetensors"))
    size = place.stat().st_size if place.is_file() else 0
    # Stored in 16 bits, computed with in 32.
    return ModelRow(
        BUNDLED,
        "Pocket prior, for any CPU",
        "prior",
        "bundled",
        place,
        0,
        size,
        2 * size,
        "as this program",
        "",
        0,
        False,
    )


def _models() -> Iterator[ModelRow]:
    from codec.store.fetch import fetched_bytes, unseen_licence
    from codec.store.installed import installed

    for found in installed():
        spec = found.spec
        yield ModelRow(
            name=spec.name,
            title=spec.title,
            kind="prior",
            origin=found.origin,
            place=found.folder,
            download_bytes=spec.disk_bytes,
            disk_bytes=spec.disk_bytes,
            memory_bytes=spec.memory_bytes,
            licence=spec.licence,
            licence_notice=unseen_licence(spec.name) or "",
            partial_bytes=fetched_bytes(spec.name),
            published=True,
        )


def _packs() -> Iterator[ModelRow]:
    from codec.store.packs import PACKS, partial_bytes, place_of

    for pack in PACKS.values():
        place = place_of(pack)
        yield ModelRow(
            name=pack.name,
            title=f"Network of {pack.serves}",
            kind="metric",
            origin="absent" if place is None else "fetched",
            place=place,
            download_bytes=pack.download_bytes,
            disk_bytes=pack.disk_bytes,
            memory_bytes=pack.disk_bytes,
            licence=pack.licence,
            licence_notice="",
            partial_bytes=partial_bytes(pack),
            published=pack.repository is not None,
        )


def _get(name: str) -> Iterator[StoreEvent]:
    from codec.store.fetch import get_model, licence_notice
    from codec.store.packs import PACKS, get_pack

    if name in PACKS:
        transfers = get_pack(PACKS[name])
    else:
        licence_notice(name)
        transfers = get_model(name)
    for transfer in transfers:
        yield Transferred(name, transfer.file, transfer.done, transfer.total)
    yield StoreNoted(name, f"{name} is ready.")


def _verify(name: str) -> Iterator[StoreEvent]:
    from codec.store import installed as store
    from codec.store.packs import PACKS, verify_pack

    for file, intact in verify_pack(PACKS[name]) if name in PACKS else store.verify(name):
        yield Checked(name, file, intact)


def _discard(task: MendModel) -> None:
    from codec.store import installed as store
    from codec.store.packs import PACKS, remove_pack

    if task.name in PACKS:
        remove_pack(PACKS[task.name])
        return
    folder = store.fetched_folder(task.name)
    known = store.recorded(folder)
    for file in task.damaged:
        # Only what the record names is deleted, whatever the task says.
        if file not in known:
            raise PriorError(f"{file} is no file of {task.name}; verify it again.")
        try:
            (folder / file).unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"{folder / file} can't be deleted ({error.strerror}); delete it by hand.") from error


def _add(task: AddModel) -> str:
    from codec.store import installed as store
    from codec.store.packs import PACKS, add_pack

    if task.name in PACKS:
        return f"{task.name} is kept in {add_pack(PACKS[task.name], task.place)}."
    return f"{task.name} is used from {store.add(task.name, task.place)}."


def _remove(name: str) -> str:
    from codec.store import installed as store
    from codec.store.packs import PACKS, place_of, remove_pack

    if name not in PACKS:
        return store.remove(name)
    pack = PACKS[name]
    return remove_pack(pack) if place_of(pack) is not None else _drop_partial_pack(name)


def _drop_partial_pack(name: str) -> str:
    from codec.store.packs import PACKS, drop_partial

    drop_partial(PACKS[name])
    return f"What was fetched of {name} is deleted."
