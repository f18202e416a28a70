"""The cheapest levels for the GOPs of one stream: how bits and misses follow from all levels together.

A GOP of an AV1 stream predicts from the one before it, and what that lost stays lost: half of what a level brings shows
in the GOPs that follow. So the levels of a stream can't be chosen one by one, and a GOP may look better than it has to
because the next one leans on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from codec.control.curves import CRF_PER_DOUBLING

# Of a GOP's loss, what the one before it has lost: 0.5 to 0.7 in what was coded at levels that differ (clips 10, 17).
_CARRIED = 0.55
# Doublings of the bits for one CRF by which the GOP before is coarser: there is more to mend.
_MENDING = 0.15 / CRF_PER_DOUBLING
_STRIDES = (4.0, 1.0, 0.25)
_DEAR = 1e4  # of a miss beyond what is allowed, in shares of all bits


@dataclass(frozen=True)
class Standing:
    """What is known of a GOP: coded at `crf`, after GOPs as coarse as `seen` tells, it took `bits`, missed by `miss`.

    Attributes:
        seen: what its level amounts to together with those before it (`carried`).
    """

    crf: float
    seen: float
    bits: float
    miss: float


def carried(crfs: Sequence[float]) -> list[float]:
    """What each level of a stream amounts to, given those before it."""
    seen: list[float] = []
    for crf in crfs:
        seen.append(crf if not seen else (1 - _CARRIED) * crf + _CARRIED * seen[-1])
    return seen


def standings(crfs: Sequence[float], bits: Sequence[float], misses: Sequence[float]) -> list[Standing]:
    """Of the GOPs of one coding."""
    return [Standing(*row) for row in zip(crfs, carried(crfs), bits, misses, strict=True)]


@dataclass(frozen=True)
class Allocation:
    """The GOPs of one stream and what their levels may be.

    Attributes:
        per_crf: miss for one more CRF.
        low, high: the finest and the coarsest level.
    """

    gops: Sequence[Standing]
    per_crf: float
    low: float
    high: float

    def bits(self, crfs: Sequence[float]) -> float:
        """What the stream takes at these levels, about."""
        return sum(self._each_bits(crfs))

    def misses(self, crfs: Sequence[float]) -> list[float]:
        """How each GOP misses at these levels, about."""
        pairs = zip(self.gops, carried(crfs), strict=True)
        return [gop.miss + self.per_crf * (seen - gop.seen) for gop, seen in pairs]

    def cheapest(self, allowed: float) -> list[float]:
        """The levels, in quarters, at which no GOP misses by more than `allowed` and the stream takes the fewest bits.

        Where even the finest levels miss, the least miss comes first. Downhill from the levels that are known, one GOP
        at a time, with ever smaller strides.
        """
        crfs = [min(max(round(4 * gop.crf) / 4, self.low), self.high) for gop in self.gops]
        best = self._badness(crfs, allowed)
        for stride in _STRIDES:
            moved = True
            while moved:
                moved = False
                for number in range(len(crfs)):
                    for step in (stride, -stride):
                        tried = [*crfs]
                        tried[number] = min(max(crfs[number] + step, self.low), self.high)
                        badness = self._badness(tried, allowed)
                        if badness < best - 1e-9:
                            crfs, best, moved = tried, badness, True
        return crfs

    def common(self, allowed: float) -> float:
        """The coarsest level that serves all GOPs so."""
        level = self.high
        while level > self.low and max(self.misses([level] * len(self.gops))) > allowed:
            level -= 0.25
        return level

    def _badness(self, crfs: Sequence[float], allowed: float) -> float:
        """Bits as a share of those known, and every miss beyond what is allowed."""
        known = sum(gop.bits for gop in self.gops)
        beyond = sum(max(0.0, miss - allowed) for miss in self.misses(crfs))
        return self.bits(crfs) / max(known, 1.0) + _DEAR * beyond

    def _each_bits(self, crfs: Sequence[float]) -> list[float]:
        seen = carried(crfs)
        bits = []
        for number, (gop, crf) in enumerate(zip(self.gops, crfs, strict=True)):
            doublings = (gop.crf - crf) / CRF_PER_DOUBLING
            if number:
                doublings += _MENDING * (seen[number - 1] - self.gops[number - 1].seen)
            bits.append(gop.bits * 2**doublings)
        return bits
