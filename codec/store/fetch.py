"""Get a model from its hub: every file at one commit, resumable, checked, and recorded beside the files."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codec.errors import OutputError, PriorError
from codec.files import read_json, write_json
from codec.log import LOGGER
from codec.settings import HOME_VARIABLE
from codec.store.installed import RECORD, fetched_folder
from codec.store.layout import INDEX
from codec.store.manifest import ModelSpec, spec_of
from codec.store.package import Transfer
from codec.store.paths import MOVE_HOME, home, models_root
from codec.store.transfer.download import fetch
from codec.store.transfer.hashing import sha256
from codec.store.transfer.hub import Announced, Hub

PROGRESS = "freegvc.partial.json"
"""In a model's folder while it is being fetched: the commit, and the files that are done."""

WEIGHTS = {"transformer": INDEX, "vae": INDEX, "text_encoder": "model.safetensors.index.json"}
MAX_JSON = 2**24
MARGIN = 2**28


@dataclass
class _Job:
    """One run: where it goes, and what is done."""

    spec: ModelSpec
    hub: Hub
    folder: Path
    wait: Callable[[float], None]
    commit: str = ""
    files: dict[str, dict[str, Any]] = field(default_factory=dict)

    def resume(self) -> None:
        """Take over what an earlier run has done, of the commit that it has begun."""
        known = {**read_json(self.folder / RECORD), **read_json(self.folder / PROGRESS)}
        self.commit = known.get("commit") or self.spec.commit
        self.files = {path: entry for path, entry in known.get("files", {}).items() if self._present(path, entry)}

    def get(self, found: Announced) -> Iterator[int]:
        """Fetch one file; yields bytes present.

        Raises:
            PriorError, OutputError: see `fetch`.
        """
        target = self.folder / found.path
        if found.path in self.files:
            return
        yield from fetch(found.wanted, target, self.wait)
        if not found.intact(target):
            target.unlink()
            raise PriorError(f"{found.wanted.url} did not come as announced; try again.")
        self.files[found.path] = {
            "size": target.stat().st_size,
            "sha256": found.wanted.sha256 or sha256(target),
        }
        self.write(PROGRESS)

    def write(self, name: str) -> None:
        """Record what is here."""
        record = {"repository": self.spec.repository, "commit": self.commit, "licence": self.spec.licence}
        write_json(self.folder / name, {**record, "files": self.files}, MOVE_HOME)

    def _present(self, path: str, entry: dict[str, Any]) -> bool:
        place = self.folder / path
        return place.is_file() and place.stat().st_size == entry.get("size")


def get_model(
    name: str, *, text_encoder: bool = False, wait: Callable[[float], None] = time.sleep
) -> Iterator[Transfer]:
    """Fetch a model, or what is missing of it; closing the generator pauses, and the next call goes on.

    Args:
        text_encoder: also its text encoder (10 GB and more), from which the empty prompt is computed once.
        wait: called with seconds before a failed request is tried again.

    Raises:
        PriorError: there is no such model, or its hub doesn't send it.
        OutputError: too little space, or the files can't be written.
        SettingsError: $HF_HUB_OFFLINE is set.
    """
    spec = spec_of(name)
    job = _Job(spec, Hub(spec.repository), fetched_folder(name), wait)
    job.resume()
    LOGGER.info("fetching %s from %s at %s into %s", name, spec.repository, job.commit, job.folder)
    announced = list(_announce(job, ("transformer", "vae", *(["text_encoder"] if text_encoder else []))))
    total = sum(found.wanted.size or 0 for found in announced)
    done = sum(found.wanted.size or 0 for found in announced if found.path in job.files)
    check_space(spec.name, total - done - _partial_bytes(job.folder))
    for found in announced:
        if found.path not in job.files:
            yield from (Transfer(found.path, done + count, total) for count in job.get(found))
            done += found.wanted.size or 0
    job.write(RECORD)
    (job.folder / PROGRESS).unlink(missing_ok=True)


def _announce(job: _Job, parts: tuple[str, ...]) -> Iterator[Announced]:
    """Every file of the parts; indices of sharded weights are fetched on the way, since they name the shards."""
    for part in parts:
        config = _known(job, f"{part}/config.json")
        # Not before the hub has answered: a name that it doesn't know leaves no folder.
        job.write(PROGRESS)
        yield config
        index = job.hub.announce(job.commit, f"{part}/{WEIGHTS[part]}")
        if index is None:
            yield _known(job, f"{part}/{WEIGHTS[part].removesuffix('.index.json')}")
            continue
        if (index.wanted.size or 0) > MAX_JSON:
            raise PriorError(f"{index.wanted.url} is too large for an index; report this.")
        for _ in job.get(index):
            pass
        yield index
        yield from (_known(job, f"{part}/{shard}") for shard in _shards(job.folder / index.path))


def _known(job: _Job, path: str) -> Announced:
    found = job.hub.announce(job.commit, path)
    if found is None:
        raise PriorError(f"{job.spec.repository} has no {path} at {job.commit}; update this program.")
    return found


def _shards(index: Path) -> list[str]:
    try:
        names = sorted(set(json.loads(index.read_text("utf-8"))["weight_map"].values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise PriorError(f"{index} is no index of weights; remove the model and get it again.") from error
    # A name decides where bytes are written, so it may not lead anywhere else.
    if not names or not all(
        isinstance(name, str) and re.fullmatch(r"[\w-][\w.-]*\.safetensors", name) for name in names
    ):
        raise PriorError(f"{index} names files that are no shards; remove the model and get it again.")
    return names


def _partial_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*.part"))


def check_space(name: str, needed: int) -> None:
    """Refuse a download of `needed` bytes that the disk of the models has no room for.

    Raises:
        OutputError: there is too little, or the folder can't be made.
    """
    root = models_root()
    try:
        root.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(root).free
    except OSError as error:
        raise OutputError(f"{root} can't be written ({error.strerror}); {MOVE_HOME}.") from error
    if needed + MARGIN > free:
        raise OutputError(
            f"{name} needs {(needed + MARGIN) / 1e9:.1f} GB more in {root}, and {free / 1e9:.1f} GB are free; "
            f"free some space, or set {HOME_VARIABLE} to another disk."
        )


def licence_notice(name: str) -> str | None:
    """The licence of a model, the first time it is asked for on this machine; None from then on.

    Raises:
        PriorError: there is no such model.
        OutputError: that it was shown can't be remembered.
    """
    notice = unseen_licence(name)
    if notice is not None:
        write_json(_shown(), {**read_json(_shown()), name: spec_of(name).licence}, MOVE_HOME)
    return notice


def unseen_licence(name: str) -> str | None:
    """What `licence_notice` would say, which then still counts as unseen.

    Raises:
        PriorError: there is no such model.
    """
    spec = spec_of(name)
    if read_json(_shown()).get(name) == spec.licence:
        return None
    return f"{spec.title} is published under {spec.licence} ({spec.licence_url}); getting it means you accept that."


def fetched_bytes(name: str) -> int:
    """What is here of a download that was paused; 0 where none was begun, or it is complete."""
    folder = fetched_folder(name)
    if not (folder / PROGRESS).is_file():
        return 0
    files = read_json(folder / PROGRESS).get("files", {})
    return _partial_bytes(folder) + sum(int(entry["size"]) for entry in files.values() if "size" in entry)


def _shown() -> Path:
    return home() / "licences.json"
