"""What everything in the store has in common: weights that may be on this machine, and what can be done with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


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


@dataclass(frozen=True)
class Transfer:
    """How far a download is: `file` of the model, bytes of the whole download done and in all."""

    file: str
    done: int
    total: int


class Package(Protocol):
    """Weights under one name: a prior's, or those of a metric's network. All are in `codec.store.registry`."""

    @property
    def name(self) -> str:
        """What the user types."""
        ...

    def row(self) -> ModelRow:
        """How it stands on this machine."""
        ...

    def get(self, text_encoder: bool, wait: Callable[[float], None]) -> Iterator[Transfer]:
        """Fetch it, or what is missing of it; closing the generator pauses. Asking says that its licence was shown.

        Args:
            text_encoder: also its text encoder, from which the exact empty prompt is computed once.
            wait: called with seconds before a failed request is tried again.

        Raises:
            PriorError: it can't be fetched, or its publisher doesn't send it.
            OutputError: too little space, or the files can't be written.
            SettingsError: $HF_HUB_OFFLINE is set, or it has no text encoder.
        """
        ...

    def add(self, place: Path) -> str:
        """Use what the user has in a folder or a file; says what was done.

        Raises:
            PriorError: what is there is another model.
            OutputError: that can't be remembered.
        """
        ...

    def verify(self) -> Iterator[tuple[str, bool]]:
        """Each of its files, and whether it still is what was fetched.

        Raises:
            PriorError: it isn't here, or its hashes were never recorded.
        """
        ...

    def discard(self, damaged: Sequence[str]) -> None:
        """Delete those of its files, so that `get` fetches them again.

        Raises:
            PriorError: one is no file of it.
            OutputError: one can't be deleted.
        """
        ...

    def remove(self) -> str:
        """Delete what was fetched, whole or partial, or forget the user's folder; says what was done.

        Raises:
            PriorError: nothing of it is ours to remove.
            OutputError: it can't be deleted.
        """
        ...
