"""A large prior as a package of the store: fetched from its hub, found in a cache, or a folder of the user's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from codec.errors import OutputError, PriorError
from codec.store import installed
from codec.store.fetch import fetched_bytes, get_model, licence_notice, unseen_licence
from codec.store.manifest import ModelSpec
from codec.store.package import ModelRow, Transfer


@dataclass(frozen=True)
class ModelPackage:
    """One of `MODELS`."""

    spec: ModelSpec

    @property
    def name(self) -> str:
        """See `Package`."""
        return self.spec.name

    def row(self) -> ModelRow:
        """See `Package`."""
        spec, found = self.spec, installed.find(self.name)
        return ModelRow(
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
        )

    def get(self, text_encoder: bool, wait: Callable[[float], None]) -> Iterator[Transfer]:
        """See `Package`."""
        licence_notice(self.name)
        yield from get_model(self.name, text_encoder=text_encoder, wait=wait)

    def add(self, place: Path) -> str:
        """See `Package`: a folder in diffusers' layout, used where it is."""
        return f"{self.name} is used from {installed.add(self.name, place)}."

    def verify(self) -> Iterator[tuple[str, bool]]:
        """See `Package`."""
        return installed.verify(self.name)

    def discard(self, damaged: Sequence[str]) -> None:
        """See `Package`."""
        folder = installed.fetched_folder(self.name)
        known = installed.recorded(folder)
        for file in damaged:
            # Only what the record names is deleted, whatever is asked for.
            if file not in known:
                raise PriorError(f"{file} is no file of {self.name}; verify it again.")
            try:
                (folder / file).unlink(missing_ok=True)
            except OSError as error:
                raise OutputError(f"{folder / file} can't be deleted ({error.strerror}); delete it by hand.") from error

    def remove(self) -> str:
        """See `Package`."""
        return installed.remove(self.name)
