"""Files that may vanish at any moment, or lie where nobody may look: asked about without an exception of the system."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from codec.errors import InputError

SUFFIX = ".fgvc"


def is_there(path: Path) -> bool:
    """Whether a file or a folder can be seen there."""
    # `exists` raises where the folder around it is closed.
    with suppress(OSError):
        return path.exists()
    return False


def size_of(path: Path) -> int | None:
    """Bytes of a file, None where there is none to be seen."""
    with suppress(OSError):
        return path.stat().st_size
    return None


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Whatever the system refuses inside is a refusal of this file.

    Raises:
        InputError: in place of an OSError.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{path} can't be read ({reason}); check that it is there and may be read.") from error
