"""Every package of weights by its name: the one list that commands, the window and the metrics look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from codec.errors import PriorError
from codec.store.manifest import MODELS, TRUNKS
from codec.store.package import ModelRow, Package, Transfer
from codec.store.trunks import TrunkPackage
from codec.store.video_models import ModelPackage


@dataclass(frozen=True)
class Bundled:
    """Weights that come with the program; nothing can be done with them."""

    name: str
    title: str
    files: tuple[str, ...]
    licence: str

    def row(self) -> ModelRow:
        """See `Package`; stored in 16 bits, computed with in 32."""
        places = [Path(str(files("resources") / name)) for name in self.files]
        size = sum(place.stat().st_size for place in places if place.is_file())
        return ModelRow(self.name, self.title, "prior", "bundled", places[0], 0, size, 2 * size, self.licence, "", 0)

    def get(self, text_encoder: bool, wait: Callable[[float], None]) -> Iterator[Transfer]:
        """See `Package`."""
        del text_encoder, wait
        raise self._refusal()

    def add(self, place: Path) -> str:
        """See `Package`."""
        del place
        raise self._refusal()

    def verify(self) -> Iterator[tuple[str, bool]]:
        """See `Package`."""
        raise self._refusal()

    def discard(self, damaged: Sequence[str]) -> None:
        """See `Package`."""
        del damaged
        raise self._refusal()

    def remove(self) -> str:
        """See `Package`."""
        raise self._refusal()

    def _refusal(self) -> PriorError:
        return PriorError(f"{self.name} comes with the program; `freegvc selftest` says whether it is whole.")


_ALL: tuple[Package, ...] = (
    Bundled(
        "pocket",
        "Pocket prior, for any CPU",
        ("pocket.safetensors", "restorer.safetensors"),
        "CC-BY-SA-4.0, see docs/credits.md",
    ),
    *map(ModelPackage, MODELS.values()),
    *map(TrunkPackage, TRUNKS.values()),
)
PACKAGES: Mapping[str, Package] = {package.name: package for package in _ALL}


def package(name: str) -> Package:
    """The package called `name`.

    Raises:
        PriorError: there is none.
    """
    if name not in PACKAGES:
        raise PriorError(f"There is no model named {name!r}; choose one of {', '.join(PACKAGES)}.")
    return PACKAGES[name]
