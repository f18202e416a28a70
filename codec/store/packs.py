"""The networks that exact DISTS and LPIPS look through: published classifiers, of which only the trunk is kept."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from codec.errors import OutputError, PriorError
from codec.store.download import fetch
from codec.store.fetch import Transfer, check_space
from codec.store.hashing import sha256
from codec.store.hub import Hub
from codec.store.paths import metrics_folder, models_root, read_json, write_json, write_whole


@dataclass(frozen=True)
class PackSpec:
    """A trunk of convolutions under torchvision's layer numbers.

    Attributes:
        file: what it is called in the metrics' folder.
        repository: on the hub, with one model.safetensors; None where none is known in that format.
        commit: the repository's revision, as public projects name it.
        first_layer: shape of the first convolution's weight, by which it is told from others.
        serves: the metrics that need it.
        download_bytes: of the published file, 0 where there is none; 4 for each of the network's parameters.
        disk_bytes: of the trunk that is kept, likewise.
    """

    name: str
    file: str
    repository: str | None
    commit: str
    first_layer: tuple[int, ...]
    layers: int
    licence: str
    serves: str
    download_bytes: int
    disk_bytes: int


PACKS: Mapping[str, PackSpec] = {
    spec.name: spec
    for spec in (
        PackSpec(
            name="metric-vgg16",
            file="vgg16_features.safetensors",
            repository="timm/vgg16.tv_in1k",
            commit="b8d8aa2dd860af9233c8c67385a8097fd6c35d3f",
            first_layer=(64, 3, 3, 3),
            layers=13,
            licence="BSD-3-Clause",
            serves="DISTS, LPIPS (VGG)",
            download_bytes=4 * 138_357_544,
            disk_bytes=4 * 14_714_688,
        ),
        PackSpec(
            name="metric-alexnet",
            file="alexnet_features.safetensors",
            repository=None,
            commit="",
            first_layer=(64, 3, 11, 11),
            layers=5,
            licence="BSD-3-Clause",
            serves="LPIPS (AlexNet)",
            download_bytes=0,
            disk_bytes=4 * 2_469_696,
        ),
    )
}


def place_of(spec: PackSpec) -> Path | None:
    """Where the pack lies, or None."""
    path = metrics_folder() / spec.file
    return path if path.is_file() else None


def get_pack(spec: PackSpec, *, wait: Callable[[float], None] = time.sleep) -> Iterator[Transfer]:
    """Fetch the published network and keep its trunk; closing the generator pauses.

    Raises:
        PriorError: it isn't published as safetensors, or the hub doesn't send it.
        OutputError: too little space, or the files can't be written.
        SettingsError: $HF_HUB_OFFLINE is set.
    """
    if spec.repository is None:
        raise PriorError(
            f"No publisher of {spec.name} in safetensors is known; convert torchvision's weights and run "
            f"`freegvc models add {spec.name} FILE.safetensors`."
        )
    if place_of(spec) is not None:
        return
    announced = Hub(spec.repository).announce(spec.commit, "model.safetensors")
    if announced is None:
        raise PriorError(f"{spec.repository} has no model.safetensors; update this program.")
    total = announced.wanted.size or 0
    whole = _whole(spec)
    check_space(spec.name, total)
    for done in fetch(announced.wanted, whole, wait):
        yield Transfer(spec.file, done, total)
    add_pack(spec, whole)
    whole.unlink()
    whole.parent.rmdir()


def add_pack(spec: PackSpec, source: Path) -> Path:
    """Keep the trunk of the network in a safetensors file.

    Raises:
        PriorError: the file can't be read, or holds another network.
        OutputError: the metrics' folder can't be written.
    """
    try:
        tensors = load_file(source)
    except (OSError, SafetensorError) as error:
        raise PriorError(f"{source} can't be read as safetensors ({error}); give the file of {spec.name}.") from error
    trunk = {}
    for key, tensor in tensors.items():
        match = re.fullmatch(r"(?:features\.)?(\d+\.(?:weight|bias))", key)
        if match:
            trunk[match[1]] = tensor
    if "0.weight" not in trunk or trunk["0.weight"].shape != spec.first_layer or len(trunk) != 2 * spec.layers:
        raise PriorError(f"{source} is not the network of {spec.name}; give torchvision's weights of it.")
    target = metrics_folder() / spec.file
    write_whole(target, save(trunk))
    write_json(
        _record(spec), {"sha256": sha256(target), "licence": spec.licence, "from": spec.repository or str(source)}
    )
    return target


def verify_pack(spec: PackSpec) -> Iterator[tuple[str, bool]]:
    """The pack's file, and whether it is what was kept.

    Raises:
        PriorError: it isn't here, or its hash was never recorded.
    """
    place, known = place_of(spec), read_json(_record(spec)).get("sha256")
    if place is None or known is None:
        raise PriorError(f"{spec.name} was not fetched or added by this program, so there is nothing to verify.")
    yield spec.file, sha256(place) == known


def remove_pack(spec: PackSpec) -> str:
    """Delete the pack; says what was done.

    Raises:
        PriorError: it isn't here.
        OutputError: it can't be deleted.
    """
    place = place_of(spec)
    if place is None:
        raise PriorError(f"{spec.name} is not on this machine, so there is nothing to remove.")
    try:
        place.unlink()
        _record(spec).unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{place} can't be deleted ({error.strerror}); delete it by hand.") from error
    return f"{spec.name} is deleted from {place.parent}."


def partial_bytes(spec: PackSpec) -> int:
    """What is here of a download that was paused."""
    part = _whole(spec).with_name("model.safetensors.part")
    return part.stat().st_size if part.is_file() else 0


def drop_partial(spec: PackSpec) -> None:
    """Delete a download that was paused.

    Raises:
        PriorError: there is none.
        OutputError: it can't be deleted.
    """
    folder = _whole(spec).parent
    if not folder.is_dir():
        raise PriorError(f"{spec.name} is not on this machine, so there is nothing to remove.")
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise OutputError(f"{folder} can't be deleted ({error.strerror}); delete it by hand.") from error


def _whole(spec: PackSpec) -> Path:
    """Where the published network lies until its trunk is kept."""
    return models_root() / spec.name / "model.safetensors"


def _record(spec: PackSpec) -> Path:
    return metrics_folder() / f"{spec.file}.json"
