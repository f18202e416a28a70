"""The levels of one stream's GOPs together, from what is known of each of them.

A GOP of an AV1 stream predicts from the one before it, and what that lost stays lost for a while. Measured (clips 10,
17): where an easy GOP is made as coarse as its own target allows, a hard one after it costs more than was saved, and
the same bytes at one level look better on the whole. So a GOP is never much coarser than the one that leans on it, and
may then look better than it has to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from codec.control.curves import LevelPoint, bits_at, crf_for

LEAN = 2.0
"""CRF by which a GOP may be coarser than the one after it."""


@dataclass(frozen=True)
class Standing:
    """What is known of a GOP: (CRF, miss) of what was coded, the last one last, and the bits that one took."""

    points: tuple[LevelPoint, ...]
    bits: float

    @property
    def crf(self) -> float:
        """The level of the last coding."""
        return self.points[-1][0]


@dataclass(frozen=True)
class Allocation:
    """The GOPs of one stream and what their levels may be.

    Attributes:
        per_crf: the usual miss for one more CRF.
        low, high: the finest and the coarsest level.
    """

    gops: Sequence[Standing]
    per_crf: float
    low: float
    high: float

    def levels(self, allowed: float) -> list[float]:
        """In quarters, so that each GOP misses by `allowed`, or less where the one after it leans on it."""
        found: list[float] = []
        for gop in reversed(self.gops):
            points = [(crf, miss - allowed) for crf, miss in gop.points]
            coarsest = min(self.high, found[-1] + LEAN) if found else self.high
            found.append(max(self.low, min(round(4 * crf_for(points, self.per_crf)) / 4, coarsest)))
        return found[::-1]

    def bits(self, crfs: Sequence[float]) -> float:
        """What the stream takes at these levels, about."""
        return sum(bits_at(gop.bits, gop.crf, crf) for gop, crf in zip(self.gops, crfs, strict=True))

    def leans(self, crfs: Sequence[float]) -> list[bool]:
        """Of which GOPs the level is as coarse as the next one, or the ladder, lets it be."""
        limits = [*(min(self.high, crf + LEAN) for crf in crfs[1:]), self.high]
        return [crf >= limit - 0.5 for crf, limit in zip(crfs, limits, strict=True)]
