"""The networks that exact DISTS and LPIPS look through: published classifiers, of which only the trunk is kept."""

from __future__ import annotations

import pickle
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors import SafetensorError

from codec.errors import OutputError, PriorError, SettingsError
from codec.files import part_path, read_json, write_json, write_whole
from codec.store.fetch import check_space
from codec.store.manifest import HubFile, TrunkSpec
from codec.store.package import ModelRow, Transfer
from codec.store.paths import MOVE_HOME, metrics_folder, models_root
from codec.store.transfer.download import Wanted, fetch
from codec.store.transfer.hashing import sha256
from codec.store.transfer.hub import Hub, check_online

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class TrunkPackage:
    """One of `TRUNKS` as a package of the store."""

    spec: TrunkSpec

    @property
    def name(self) -> str:
        """See `Package`."""
        return self.spec.name

    @property
    def place(self) -> Path | None:
        """Where the trunk lies, or None."""
        return self._target if self._target.is_file() else None

    def row(self) -> ModelRow:
        """See `Package`."""
        spec, part = self.spec, part_path(self._whole)
        return ModelRow(
            name=spec.name,
            title=f"Full precision for {spec.serves}",
            kind="metric",
            origin="absent" if self.place is None else "fetched",
            place=self.place,
            download_bytes=spec.download_bytes,
            disk_bytes=spec.disk_bytes,
            memory_bytes=spec.disk_bytes,
            licence=spec.licence,
            licence_notice="",
            partial_bytes=part.stat().st_size if part.is_file() else 0,
        )

    def get(self, text_encoder: bool, wait: Callable[[float], None]) -> Iterator[Transfer]:
        """See `Package`: the published network, of which the trunk is kept."""
        if text_encoder:
            raise SettingsError(f"{self.name} has no text encoder; leave out --text-encoder.")
        if self.place is not None:
            return
        wanted = self._announced()
        total = wanted.size or 0
        check_space(self.name, total)
        for done in fetch(wanted, self._whole, wait):
            yield Transfer(self.spec.file, done, total)
        self._keep(self._whole, self.spec.source.origin)
        self._whole.unlink()
        # What else lies there, such as what a file manager leaves, is none of ours.
        with suppress(OSError):
            self._whole.parent.rmdir()

    def add(self, place: Path) -> str:
        """See `Package`: a file of the network or of its trunk, as safetensors or as torchvision has it (.pth)."""
        self._keep(place, str(place))
        return f"{self.name} is kept in {self._target}."

    def verify(self) -> Iterator[tuple[str, bool]]:
        """See `Package`."""
        known = read_json(self._record).get("sha256")
        if self.place is None or known is None:
            raise PriorError(f"{self.name} was not fetched or added by this program, so there is nothing to verify.")
        yield self.spec.file, sha256(self.place) == known

    def discard(self, damaged: Sequence[str]) -> None:
        """See `Package`: it is one file."""
        if set(damaged) - {self.spec.file}:
            raise PriorError(f"{damaged[0]} is no file of {self.name}; verify it again.")
        self.remove()

    def remove(self) -> str:
        """See `Package`."""
        folder, whole = self._whole.parent, self.place is not None
        if not whole and not folder.is_dir():
            raise PriorError(f"{self.name} is not on this machine, so there is nothing to remove.")
        try:
            for path in (self._target, self._record):
                path.unlink(missing_ok=True)
            if folder.is_dir():
                shutil.rmtree(folder)
        except OSError as error:
            raise OutputError(f"{self.name} can't be deleted ({error}); delete it by hand.") from error
        return f"{self.name} is deleted from {self._target.parent if whole else folder}."

    def _keep(self, place: Path, origin: str) -> None:
        from safetensors.torch import save

        trunk = self._trunk_of(place)
        write_whole(self._target, save({key: tensor.float().contiguous() for key, tensor in trunk.items()}), MOVE_HOME)
        record = {"sha256": sha256(self._target), "licence": self.spec.licence, "from": origin}
        write_json(self._record, record, MOVE_HOME)

    def _trunk_of(self, place: Path) -> dict[str, Tensor]:
        tensors = _from_pickle(place) if place.suffix in (".pth", ".pt") else _from_safetensors(place)
        trunk: dict[str, Tensor] = {}
        for key, tensor in tensors.items():
            match = re.fullmatch(r"(?:features\.)?(\d+\.(?:weight|bias))", key)
            if match:
                trunk[match[1]] = tensor
        first = trunk.get("0.weight")
        if first is None or first.shape != self.spec.first_layer or len(trunk) != 2 * self.spec.layers:
            raise PriorError(f"{place} is not the network of {self.name}; give torchvision's weights of it.")
        if not all(tensor.is_floating_point() for tensor in trunk.values()):
            # Such as ship with the program: they mean nothing without their scales.
            raise PriorError(
                f"{place} holds {self.name} in whole numbers; give the published file, as torchvision has it."
            )
        return trunk

    @property
    def _target(self) -> Path:
        return metrics_folder() / self.spec.file

    @property
    def _record(self) -> Path:
        return self._target.with_name(f"{self.spec.file}.json")

    @property
    def _whole(self) -> Path:
        """Where the published network lies until its trunk is kept."""
        return models_root() / self.name / Path(self.spec.source.path).name

    def _announced(self) -> Wanted:
        source = self.spec.source
        if not isinstance(source, HubFile):
            check_online()
            return Wanted(source.url, source.size, source.sha256)
        found = Hub(source.repository).announce(source.commit, source.path)
        if found is None:
            raise PriorError(f"{source.repository} has no {source.path}; update this program.")
        return found.wanted


def _from_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise PriorError(f"{path} can't be read as safetensors ({error}); give the file of a network.") from error


def _from_pickle(path: Path) -> dict[str, Tensor]:
    """torch's own format; it may hold tensors and nothing that runs."""
    import torch

    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
        return {key: tensor.detach() for key, tensor in found.items()}
    except (OSError, RuntimeError, EOFError, ValueError, AttributeError, pickle.UnpicklingError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise PriorError(f"{path} can't be read as torch weights ({reason}); give the file of a network.") from error
