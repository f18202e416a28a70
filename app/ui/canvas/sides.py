"""How two sides are shown, and what is known of each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from codec.arrays import Picture


class Mode(StrEnum):
    """How two pictures are shown."""

    SIDE = "side"
    WIPE = "wipe"
    DIFFERENCE = "difference"


@dataclass(frozen=True)
class Wait:
    """Why a side has no picture; `working` says that somebody makes it."""

    text: str
    working: bool = False


@dataclass(frozen=True)
class Side:
    """A side as it is painted: which place it has (1 or 2), whose it is and what is there of it."""

    place: int
    name: str
    label: str
    pixels: Picture | None


def difference(a: Picture, b: Picture, gain: int) -> Picture:
    """|a - b| times `gain`, uint8, clipped at white."""
    apart = np.abs(a.astype(np.int16) - b)
    return np.asarray(np.minimum(apart * gain, 255), np.uint8)
