"""Bases that nobody codes: what a level costs and how it looks follows from a curve, so that searches can be tried by
the thousand.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np

from codec.base.level import StreamLevels
from codec.control.base_levels.based import Base, BasedGop
from codec.control.base_levels.coarseness import coarseness
from codec.control.base_levels.curves import Parabola
from codec.control.base_levels.segment_coder import Coding, Judged, SegmentCoder
from codec.events import BaseChosen, Event, Phase, Probe
from codec.format.records import BaseRun
from codec.goals import GOAL_METRICS
from codec.priors.base import BaseClip
from codec.video.cutting import Segment, Span
from tests.support.generators import run_to_end

GOP = 4
"""Frames that each GOP has, none of them shared."""
# Nobody looks at these.
SIDE = 2


@dataclass(frozen=True)
class GopCurve:
    """How one GOP takes to its level.

    Attributes:
        quality, bits: at CRF 60.
        slope: by how much its quality gets worse when its bits halve.
        pace: how often bits halve where usually they do so once.
        bend: by how much more the quality gets worse beyond CRF 63, where SVT-AV1 goes on by other means.
    """

    quality: float
    bits: float
    slope: float
    pace: float = 1.0
    bend: float = 0.0

    def at(self, crf: float) -> tuple[float, int]:
        """(quality, bits) at a level; whole bytes."""
        halvings = coarseness(crf)
        bent = self.bend * max(0.0, halvings - coarseness(63))
        return max(self.quality + self.slope * halvings + bent, 0.0), 8 * max(
            round(self.bits * 2 ** (-self.pace * halvings) / 8), 1
        )


def segment_of(count: int, first: int = 0) -> Segment:
    """A segment of so many GOPs, of which the first is GOP number `first`."""
    spans = [
        Span(
            first + number,
            GOP * (first + number),
            0,
            tuple(Fraction(GOP * (first + number) + n, 25) for n in range(GOP)),
        )
        for number in range(count)
    ]
    return Segment.of(np.zeros((GOP * count, SIDE, SIDE, 3), np.uint8), spans)


@dataclass(frozen=True)
class SyntheticCoder(SegmentCoder):
    """A `SegmentCoder` by curves, GOP by GOP of the whole video.

    Attributes:
        trial_dearer: what a trial takes of what a coding does.
        trial_better: how much better a trial looks.
    """

    curves: Sequence[GopCurve] = field(default=())
    trial_dearer: float = 1.0
    trial_better: float = 0.0

    def trial(
        self, segment: Segment, crf: float, scale: int, done: tuple[float, float]
    ) -> Generator[Event, None, Coding]:
        """As `SegmentCoder.trial`."""
        yield from self._phases("trying", crf, segment, done)
        coding = self._coding(segment, [crf] * len(segment.gops), scale, 4)
        gops = [
            replace(one, bits=round(one.bits * self.trial_dearer), miss=one.miss - self.trial_better)
            for one in coding.gops
        ]
        return replace(coding, gops=tuple(gops), bases=())

    def code(
        self, segment: Segment, crfs: Sequence[float], trial: Coding, done: tuple[float, float]
    ) -> Generator[Event, None, Coding]:
        """As `SegmentCoder.code`."""
        levels = StreamLevels.nearest(crfs, segment.starts)
        yield from self._phases("coding", levels.crf, segment, done)
        return self._coding(segment, levels.crfs, trial.scale, 2)

    def _phases(
        self, what: str, crf: float, segment: Segment, done: tuple[float, float]
    ) -> Generator[Phase, None, None]:
        yield from (self._phase(what, crf, crf, gop, segment, done) for gop in segment.gops)

    def _coding(self, segment: Segment, crfs: Sequence[float], scale: int, preset: int) -> Coding:
        judged, bases = [], []
        for gop, crf in zip(segment.gops, crfs, strict=True):
            quality, bits = self.curves[gop.index].at(crf)
            miss = self.goal.miss(self.target, quality)
            judged.append(Judged(gop.own, crf, bits, Parabola(8, miss, 0.001), 8, miss, (Probe(8, bits, quality),)))
            clip = BaseClip(np.zeros((GOP, SIDE, SIDE, 3), np.uint8), crf, scale)
            bases.append(Base(BaseRun(crf, scale, "modelled", bytes(bits // 8)), clip))
        return Coding(preset, scale, tuple(judged), tuple(bases))


def coder_of(curves: Sequence[GopCurve], target: float, **more: Any) -> SyntheticCoder:
    """One that aims at `target` of DISTS."""
    prior: Any = SimpleNamespace(restores=True)
    metric: Any = None
    return SyntheticCoder(prior, metric, GOAL_METRICS["dists"], target, Fraction(25), 0, curves=tuple(curves), **more)


@dataclass
class Searched:
    """What a search has told and chosen of one segment."""

    shares: list[float]
    chosen: BaseChosen
    gops: tuple[BasedGop, ...]

    @property
    def crfs(self) -> tuple[float, ...]:
        """The levels that were chosen."""
        return self.chosen.chosen.crfs

    @property
    def bits(self) -> int:
        """What its bases take."""
        return sum(gop.base_bits for gop in self.gops)


def searched(choosing: Generator[Event, None, tuple[BasedGop, ...]]) -> Searched:
    """Run one search to its end."""
    events, gops = run_to_end(choosing)
    shares = [event.done for event in events if isinstance(event, Phase) and event.done is not None]
    assert len(shares) == sum(isinstance(event, Phase) for event in events)
    (only,) = (event for event in events if isinstance(event, BaseChosen))
    return Searched(shares, only, gops)
