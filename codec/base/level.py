"""Levels of the base layer: how coarse AV1 quantises, and how one stream gets a level for each of its GOPs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from codec.format.limits import CRF_UNIT, MAX_CRF

MAX_QP = 63
"""AV1's coarsest quantiser, by SVT-AV1's number; what a CRF has beyond it widens quantisers by other means."""


@dataclass(frozen=True)
class BaseLevel:
    """A setting of the base layer: SVT-AV1's CRF in quarters, and 1 for coding size or 2 for half of it."""

    crf: float
    scale: int

    def __str__(self) -> str:
        return f"CRF {self.crf:g}" + ("" if self.scale == 1 else ", half size")


@dataclass(frozen=True)
class StreamLevels:
    """The levels that one stream can have, near those that were wanted.

    Inside a stream only whole quantisers can be asked for. What the CRF that the stream was opened with has beyond a
    whole number, or beyond MAX_QP, stays added to all of them.

    Attributes:
        crf: with which the stream is opened.
        crfs: of its GOPs, in quarters.
        changes: frame number -> the quantiser from that frame on.
    """

    crf: float
    crfs: tuple[float, ...]
    changes: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    def constant(cls, crf: float, gops: int = 1) -> StreamLevels:
        """One level for all.

        Raises:
            ValueError: it is no quarter from 0 to 70.
        """
        if not 0 <= crf <= MAX_CRF or crf * CRF_UNIT % 1:
            raise ValueError(f"the base layer's CRF is 0 to {MAX_CRF} in quarters, not {crf}")
        return cls(crf, (crf,) * gops)

    @classmethod
    def nearest(cls, wanted: Sequence[float], starts: Sequence[int]) -> StreamLevels:
        """The levels nearest to `wanted`, one for each GOP.

        Args:
            starts: the frame with which each GOP's own part begins, the first 0.

        Raises:
            ValueError: a level lies outside 0 to 70, or there are not as many as GOPs.
        """
        if not (wanted and len(wanted) == len(starts) and all(0 <= crf <= MAX_CRF for crf in wanted)):
            raise ValueError(f"{len(wanted)} levels for {len(starts)} GOPs, or one outside 0 to {MAX_CRF}")
        added = min(_additions(max(wanted)), key=lambda added: _distance(wanted, added))
        qps = [_quantiser(crf, added) for crf in wanted]
        opened = MAX_QP if added >= 1 else qps[0]
        changes = {}
        current = opened
        for start, qp in zip(starts, qps, strict=True):
            if qp != current:
                changes[start] = current = qp
        return cls(opened + added, tuple(qp + added for qp in qps), changes)


def _additions(coarsest: float) -> Sequence[float]:
    """What may stay added: quarters, or all that the coarsest level has beyond MAX_QP."""
    if coarsest >= MAX_QP + 1:
        return [round((coarsest - MAX_QP) * CRF_UNIT) / CRF_UNIT]
    return [quarter / CRF_UNIT for quarter in range(CRF_UNIT)]


def _quantiser(crf: float, added: float) -> int:
    return min(MAX_QP, max(0, round(crf - added)))


def _distance(wanted: Sequence[float], added: float) -> float:
    return sum((_quantiser(crf, added) + added - crf) ** 2 for crf in wanted)
