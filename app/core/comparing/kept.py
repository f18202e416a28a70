"""What is remembered of comparisons: figures of every file, pictures as far as there is room."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from codec.peers.events import Absent, PeerRow, PeerTrial

LIMIT = 2**30


@dataclass(frozen=True)
class Comparison:
    """What is known of one file beside other codecs.

    Attributes:
        file: the .fgvc file.
        gops: how many it has; `length` its frames.
        rows: ours first, then each codec that is done.
        compared: how many of the file's frames that is of, from the first on.
        trial: what is being coded, None where nothing runs.
        absent: codecs that can't run here.
        warnings: what else one should know of the figures, sentences.
    """

    file: Path | None = None
    gops: int = 0
    length: int = 0
    rows: tuple[PeerRow, ...] = ()
    compared: int = 0
    trial: PeerTrial | None = None
    absent: tuple[Absent, ...] = ()
    warnings: tuple[str, ...] = ()


class Kept:
    """Comparisons by file; pictures uint8 (T, H, W, 3) by file and codec, of which those that came first go first."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._comparisons: dict[Path, Comparison] = {}
        self._pictures: dict[tuple[Path, str], NDArray[np.uint8]] = {}

    def comparison(self, file: Path | None) -> Comparison:
        """What is known of a file."""
        return self._comparisons.get(file, Comparison()) if file is not None else Comparison()

    def pictures(self, file: Path | None) -> dict[str, NDArray[np.uint8]]:
        """What is still there of what codecs made of a file, by name."""
        return {codec: frames for (of, codec), frames in self._pictures.items() if of == file}

    def put(self, file: Path, comparison: Comparison) -> None:
        """Remember what is known of a file."""
        self._comparisons[file] = comparison

    def put_pictures(self, file: Path, codec: str, frames: NDArray[np.uint8]) -> None:
        """Keep what a codec made of a file; over the limit others go, and in the end these."""
        self._pictures[file, codec] = frames
        while sum(kept.nbytes for kept in self._pictures.values()) > self._limit:
            del self._pictures[next(iter(self._pictures))]

    def forget(self, file: Path) -> None:
        """The file is another now."""
        self._comparisons.pop(file, None)
        for key in [key for key in self._pictures if key[0] == file]:
            del self._pictures[key]
