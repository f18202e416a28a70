"""How coarse the base of each GOP is, for a bitrate or a size: all GOPs alike in quality, as good as the bits allow.

Every segment is tried once, quickly, before the first is coded. From these trials follows the one quality at which the
whole video takes what there is; each GOP gets the level that reaches it. What a segment took in the end corrects the
forecast of those to come.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from statistics import fmean

from codec.base.av1 import levels_may_change
from codec.base.level import StreamLevels
from codec.control.base_levels.allocation import Allocation
from codec.control.base_levels.base_level import Ladder
from codec.control.base_levels.based import BasedGop, charged_bits
from codec.control.base_levels.coarseness import coarseness, crf_of
from codec.control.base_levels.segment_coder import Coding, SegmentCoder, keep_pictures_of
from codec.errors import SettingsError
from codec.events import Event
from codec.format.records import GopRecord
from codec.goals import USUAL_CRF
from codec.video.cutting import Segment

OTHER_PICTURES = "The unfinished file was begun from other pictures than the source has now; encode it from the start."
MOST_CODED = 6
# A coding stays if it takes within so much of its share; the last one, if it leaves no more than this of all there is.
NEAR, SPARE = 0.08, 0.03
# What is aimed at, so that a forecast that is a little wrong still stays below.
_AIM = 0.985
# Finer than any level's quarter of a CRF shows.
_HALVINGS = 12
_TELLING = 0.2  # halvings of the bits that two codings must lie apart to say something of a segment
_QUARTER = 0.25  # of a CRF
_WIDEST = 1.0  # misses between which the common quality is looked for, either way


@dataclass(frozen=True)
class SegmentTrial:
    """What a segment's trial said; `overhead` bits of its GOPs' records beside the base."""

    trial: Coding
    overhead: int
    frames: int


@dataclass(frozen=True)
class Look:
    """A quick trial of a segment, by itself.

    Attributes:
        overhead: most bits of a segment's records beside its base.
    """

    coder: SegmentCoder
    ladder: Ladder
    overhead: Callable[[Segment], int]

    def at(self, segment: Segment) -> Generator[Event, None, SegmentTrial]:
        """Returns what is to be expected of the segment."""
        trial = yield from self.coder.trial(segment, self.ladder.clamp(USUAL_CRF, 1), 1, (0.0, 1.0))
        return SegmentTrial(trial, self.overhead(segment), len(segment.pixels))


@dataclass(frozen=True)
class Forecast:
    """A segment that is still to be coded, and what it would take.

    Attributes:
        bits_known: of its base, by the common miss; a film's many segments are asked again and again.
    """

    seen: SegmentTrial
    allocation: Allocation
    bits_known: dict[float, float] = field(default_factory=dict, repr=False)

    def bits_of(self, base: Iterable[int]) -> int:
        """What it takes with a base of so many bits a GOP: that, and the rest of its records."""
        return sum(base) + self.seen.overhead

    def levels(self, miss: float) -> list[float]:
        """Of its GOPs, at which it misses by so much."""
        levels = self.allocation.levels(miss)
        return levels if levels_may_change() else [min(levels)] * len(levels)

    def bits(self, miss: float) -> float:
        """Of its base at these levels, as the trial foretells them."""
        if miss not in self.bits_known:
            self.bits_known[miss] = self.allocation.bits(self.levels(miss))
        return self.bits_known[miss]


@dataclass
class BudgetSearch:
    """Finds the levels of one segment after the other.

    Attributes:
        look: at every segment, before the first is coded.
        total: bits for the bases and records of all frames, given how many frames and GOPs there are.
        share: of it that the bases may take; steps that are sent take the rest.
    """

    look: Look
    total: Callable[[int, int], float]
    share: float
    forecasts: deque[Forecast] = field(default_factory=deque)
    left: float = 0.0
    _predicted: float = 0.0
    _taken: float = 0.0

    @property
    def coder(self) -> SegmentCoder:
        """What codes, here as in the looks."""
        return self.look.coder

    @property
    def ladder(self) -> Ladder:
        """The levels that there are."""
        return self.look.ladder

    def foresee(self, forecasts: Iterable[SegmentTrial]) -> None:
        """Take in what the looks at all segments have told, in order."""
        goal = self.coder.goal
        # A level that no forecast goes to would be the coarsest that is ever asked of all but the last segment.
        far = ((seen, self.ladder.allocation([seen.trial], goal)) for seen in forecasts)
        self.forecasts = deque(Forecast(seen, replace(plan, coarser=math.inf)) for seen, plan in far)
        frames = sum(forecast.seen.frames for forecast in self.forecasts)
        gops = sum(len(forecast.seen.trial.gops) for forecast in self.forecasts)
        self.left = self.total(frames, gops) * self.share

    def resume(self, kept: Iterable[GopRecord]) -> list[int]:
        """Learn from the segments that an interrupted run has coded what that run had learnt from them.

        Returns:
            What a budget pays for the base of each of these GOPs.

        Raises:
            SettingsError: the source's segments are others than those in the file.
        """
        records, charges = iter(kept), list[int]()
        while first := next(records, None):
            expected = [judged.own for judged in self.forecasts[0].seen.trial.gops] if self.forecasts else []
            gops = [first, *islice(records, max(0, len(expected) - 1))]
            own = [gop.frames - gop.overlap for gop in gops]
            bases = [gop.base for gop in gops if gop.base is not None]
            if own != expected:
                raise SettingsError(OTHER_PICTURES)
            self._learn([base.crf for base in bases], [base.bits for base in bases])
            charges += charged_bits([base.bits for base in bases], own)
        return charges

    def choose(self, segment: Segment) -> Generator[Event, None, tuple[BasedGop, ...]]:
        """Returns the segment's GOPs over their bases; tells what was chosen and why.

        Raises:
            SettingsError: there are more segments than were looked at.
        """
        if not self.forecasts:
            raise SettingsError(OTHER_PICTURES)
        forecast, last = self.forecasts[0], len(self.forecasts) == 1
        miss = self._common_miss()
        wanted: Sequence[float] = forecast.levels(miss)
        # What those to come take at the least is theirs; where earlier segments took all there was, the coarsest base
        # is as near as it gets.
        most = max(self.left - sum(map(self._least, islice(self.forecasts, 1, None))), 1.0)
        allowed = most if last else min(self._cost(forecast, miss), most)
        coded: list[Coding] = []
        reason = ""
        while not reason:
            coded.append((yield from self._code(segment, wanted, forecast.seen, len(coded))))
            best = min(coded, key=lambda coding: self._badness(forecast.bits_of(coding.bits), allowed, most))
            coded = keep_pictures_of(best, coded)
            taken = forecast.bits_of(coded[-1].bits)
            following = self._following(coded, segment.starts, allowed / taken, taken > most)
            reason = self._end(coded, taken / allowed, last, taken > most, following)
            wanted = following
        fits = forecast.bits_of(best.bits) <= allowed * (1.0 if last else 1 + NEAR)
        self._learn(best.crfs, best.bits)
        gops = yield from self.coder.settled(segment, best, (forecast.seen.trial, *coded), reason)
        return tuple(gop.reaching(fits) for gop in gops)

    def _code(
        self, segment: Segment, crfs: Sequence[float], forecast: SegmentTrial, number: int
    ) -> Generator[Event, None, Coding]:
        done = 1 - 0.5**number, 1 - 0.5 ** (number + 1)
        return (yield from self.coder.code(segment, crfs, forecast.trial, done))

    def _common_miss(self) -> float:
        """At which all that is to come looks alike and takes what is left."""
        low, high = -_WIDEST, _WIDEST
        for _ in range(_HALVINGS):
            miss = (low + high) / 2
            cost = sum(self._cost(forecast, miss) for forecast in self.forecasts)
            low, high = (miss, high) if cost > _AIM * self.left else (low, miss)
        return high

    def _cost(self, forecast: Forecast, miss: float) -> float:
        return forecast.bits(miss) * self._ratio + forecast.seen.overhead

    def _least(self, forecast: Forecast) -> float:
        """What a segment takes at the coarsest level."""
        coarsest = [self.ladder.ends[1][1]] * len(forecast.seen.trial.gops)
        return forecast.allocation.bits(coarsest) * self._ratio + forecast.seen.overhead

    @property
    def _ratio(self) -> float:
        """What codings take of what trials foretell."""
        return self._taken / self._predicted if self._predicted else 1.0

    def _following(
        self, coded: Sequence[Coding], starts: Sequence[int], factor: float, over: bool
    ) -> tuple[float, ...]:
        """The levels to code next, so that the bits become `factor` times as many.

        Args:
            starts: as of `StreamLevels.nearest`.
            over: the last ones take more than there is.
        """
        last = coded[-1]
        levels = StreamLevels.nearest(self._shifted(coded, factor), starts).crfs
        if not over or levels != last.crfs:
            return levels
        # Too much by less than the next level saves, which is a quarter of a CRF coarser, or one where GOPs differ.
        coarser = ([self.ladder.clamp(crf + n * _QUARTER, last.scale) for crf in levels] for n in range(1, 5))
        others = (StreamLevels.nearest(crfs, starts).crfs for crfs in coarser)
        return next((crfs for crfs in others if crfs != levels), levels)

    def _shifted(self, coded: Sequence[Coding], factor: float) -> list[float]:
        """All levels moved alike, so that the bits become `factor` times as many."""
        last = coded[-1]
        move = _pace(coded) * math.log2(max(factor * _AIM, 1e-6))
        return [self.ladder.clamp(crf_of(coarseness(crf) - move), last.scale) for crf in last.crfs]

    @staticmethod
    def _end(coded: Sequence[Coding], share: float, last: bool, over: bool, following: tuple[float, ...]) -> str:
        """Why the search ends here, a sentence; "" where it goes on."""
        count = f"coded {len(coded)} time{'s' if len(coded) > 1 else ''}"
        if not over and (share >= 1 - SPARE if last else abs(share - 1) <= NEAR):
            return f"The base takes {share:.1%} of its share ({count})."
        if following in {coding.crfs for coding in coded}:
            taken = f"the base takes {share:.1%} of its share ({count})"
            return f"No level is left to try that was foretold nearer to the budget; {taken}."
        return f"The search is at its end; the base takes {share:.1%} of its share ({count})." * (
            len(coded) == MOST_CODED
        )

    @staticmethod
    def _badness(bits: int, allowed: float, most: float) -> tuple[bool, float]:
        """Above the budget is worst where nothing can make up for it; then what is farthest from its share."""
        return bits > most, abs(bits / allowed - 1)

    def _learn(self, crfs: Sequence[float], bits: Sequence[int]) -> None:
        """What the next segment's base took."""
        forecast = self.forecasts.popleft()
        self._predicted += forecast.allocation.bits(crfs)
        self._taken += sum(bits)
        self.left -= forecast.bits_of(bits)


def _pace(coded: Sequence[Coding]) -> float:
    """How many usual halvings make one of this segment: as the last two codings say, where they say something."""
    if len(coded) < 2:
        return 1.0
    before, last = coded[-2:]
    doubled = math.log2(max(sum(last.bits), 1) / max(sum(before.bits), 1))
    foretold = fmean(map(coarseness, before.crfs)) - fmean(map(coarseness, last.crfs))
    if doubled * foretold <= 0 or abs(foretold) < _TELLING:
        return 1.0
    return min(max(foretold / doubled, 1 / 3), 3.0)
