"""What a comparison with other codecs tells; free of torch, for whoever only watches."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class PeerRow:
    """One codec's result: its setting ("q 41"), bytes without audio, and the mean of each metric."""

    codec: str
    setting: str
    bytes: int
    bpp: float
    metrics: dict[str, float]


@dataclass(frozen=True)
class PeerTrial:
    """A codec is tried at a setting, the `number`-th of at most `most`; measuring is the last of them."""

    codec: str
    number: int
    most: int


@dataclass(frozen=True)
class Compared:
    """A codec is done: its row, and its pictures uint8 (T, H, W, 3) from the file's first frame on."""

    row: PeerRow
    frames: NDArray[np.uint8] = field(repr=False, compare=False)


@dataclass(frozen=True)
class Absent:
    """A codec can't run here; a sentence says why."""

    codec: str
    reason: str
