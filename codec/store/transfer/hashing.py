"""SHA-256 of large files, computed once while a file stays the same."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from codec.errors import OutputError
from codec.files import read_json, write_json
from codec.store.paths import MOVE_HOME


def sha256(path: Path) -> str:
    """Hexadecimal digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def cached_hashes(paths: Sequence[Path], cache: Path) -> dict[Path, str]:
    """Digest of each file; one whose size and time `cache` knows isn't read again."""
    known = read_json(cache)
    entries: dict[str, list[object]] = {}
    for path in paths:
        state = path.stat()
        stamp: list[object] = [state.st_size, state.st_mtime_ns]
        entry = known.get(str(path))
        fresh = isinstance(entry, list) and len(entry) == 3 and entry[:2] == stamp
        entries[str(path)] = entry if fresh and isinstance(entry, list) else [*stamp, sha256(path)]
    if entries != known:
        _remember(cache, entries)
    return {Path(name): str(entry[2]) for name, entry in entries.items()}


def _remember(cache: Path, entries: dict[str, list[object]]) -> None:
    try:
        write_json(cache, dict(entries), MOVE_HOME)
    except OutputError:
        # Only a cache: without it the files are read again next time.
        return
