"""What of this machine's home an encode needs, for machines that lack it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from codec.store.installed import RECORD, find
from codec.store.manifest import MODELS
from codec.store.paths import metrics_folder


def needed_files(prior: str) -> Mapping[str, Path | bytes]:
    """Files, or what they hold, by their place in a home: the metrics' networks, and the prior's weights if it has any.

    A home with these alone makes the same files as this machine's: where no network was fetched here the one that ships
    is taken, and so it must be there.
    """
    files: dict[str, Path | bytes] = _below(metrics_folder(), "metrics")
    folder = find(prior).folder if prior in MODELS else None
    if folder is not None:
        # As a home knows a model that was fetched, wherever this one has it from.
        files |= {f"models/{prior}/{RECORD}": b"{}", **_below(folder, f"models/{prior}")}
    return files


def _below(folder: Path, place: str) -> dict[str, Path | bytes]:
    return {f"{place}/{path.relative_to(folder).as_posix()}": path for path in folder.rglob("*") if path.is_file()}
