"""Codes the base of a segment at given levels and judges its GOPs over it: what every search for levels is made of."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np

from codec.base.av1 import PRESET
from codec.base.level import BaseLevel, StreamLevels
from codec.control.base_levels.based import Base, BasedGop, Verdict, charged_bits, code_base
from codec.control.base_levels.curves import LevelPoint, Parabola, RestorationCurve, level_fit
from codec.control.probing import PROBE_FRAMES, TRIAL_FRAMES, opened_quality, restored_qualities
from codec.events import BaseChosen, BaseTrial, Event, Fit, Phase, PreviewReady, Probe, Stage
from codec.format.limits import MAX_RESTORATION
from codec.goals import GoalMetric
from codec.log import LOGGER
from codec.metrics.base import Metric
from codec.priors.base import Condition, VideoPrior
from codec.video import scaled_picture
from codec.video.cutting import Gop, Segment

# Takes 7 % more bits than the preset of what is kept, in half its time (benchmarks/coding/base_presets.py).
TRIAL_PRESET = 4


@dataclass(frozen=True)
class Judged:
    """How one GOP looks over one base: numbers only, so that many can be kept.

    Attributes:
        own: frames that it adds to the video.
        crf, bits: of its base.
        curve: misses over the restoration's steps.
        step: the step whose quality counts.
        miss: there.
        probes: what was measured.
    """

    own: int
    crf: float
    bits: int
    curve: Parabola
    step: int
    miss: float
    probes: tuple[Probe, ...]

    @property
    def point(self) -> LevelPoint:
        """Its level and its miss."""
        return self.crf, self.miss


@dataclass(frozen=True)
class Coding:
    """One coding of a segment's base, judged GOP by GOP.

    Attributes:
        bases: of the GOPs; none are kept of a trial.
    """

    preset: int
    scale: int
    gops: tuple[Judged, ...]
    bases: tuple[Base, ...] = field(default=(), repr=False)

    @property
    def crfs(self) -> tuple[float, ...]:
        """The level of each GOP."""
        return tuple(judged.crf for judged in self.gops)

    @property
    def misses(self) -> tuple[float, ...]:
        """Of each GOP at its best step."""
        return tuple(judged.miss for judged in self.gops)

    @property
    def bits(self) -> tuple[int, ...]:
        """Of each GOP's base."""
        return tuple(judged.bits for judged in self.gops)


def keep_pictures_of(best: Coding, coded: Sequence[Coding]) -> list[Coding]:
    """The same codings, of which `best` alone keeps its bases: their pictures are a segment's each."""
    return [coding if coding is best else replace(coding, bases=()) for coding in coded]


@dataclass(frozen=True)
class SegmentCoder:
    """What stays the same from segment to segment.

    Attributes:
        goal: what `metric` is, as a goal.
        target: of the metric; misses are told against it.
        seed: of the shared randomness.
        shows: hand out each base's pictures as they are tried, for who watches.
    """

    prior: VideoPrior[Condition]
    metric: Metric
    goal: GoalMetric
    target: float
    frame_rate: Fraction
    seed: int
    shows: bool = False

    def trial(
        self, segment: Segment, crf: float, scale: int, done: tuple[float, float]
    ) -> Generator[Event, None, Coding]:
        """Code quickly at one level, and learn how each GOP looks and which step of its restoration suits it.

        Args:
            done: shares of the segment's work that lie behind the beginning and the end of this.
        """
        restoration = RestorationCurve(self.goal.per_halving)
        judged: list[Judged] = []
        levels = StreamLevels.constant(crf, len(segment.gops))
        for coded in code_base(segment, levels, scale, self.frame_rate, TRIAL_PRESET):
            yield self._phase("trying", crf, crf, segment.gops[len(judged)], segment, done)
            if coded is None:
                continue
            gop, base = coded
            if self.shows:
                yield _shown(gop, base)
            judged.append(self._explore(gop, base, restoration))
        return Coding(TRIAL_PRESET, scale, tuple(judged))

    def code(
        self, segment: Segment, crfs: Sequence[float], trial: Coding, done: tuple[float, float]
    ) -> Generator[Event, None, Coding]:
        """Code as the file will hold it, at levels near `crfs`, and judge each GOP at the step that the trial found."""
        levels = StreamLevels.nearest(crfs, segment.starts)
        judged: list[Judged] = []
        kept: list[Base] = []
        for coded in code_base(segment, levels, trial.scale, self.frame_rate, PRESET):
            number = len(judged)
            yield self._phase("coding", min(levels.crfs), max(levels.crfs), segment.gops[number], segment, done)
            if coded is None:
                continue
            gop, base = coded
            judged.append(self._judge(gop, base, trial.gops[number]))
            kept.append(base)
        return Coding(PRESET, trial.scale, tuple(judged), tuple(kept))

    def told(self, coding: Coding) -> BaseTrial:
        """As an event tells it."""
        return BaseTrial(
            coding.preset,
            coding.crfs,
            coding.scale,
            coding.bits,
            tuple(judged.step for judged in coding.gops),
            tuple(self.quality(judged.miss) for judged in coding.gops),
        )

    def settled(
        self, segment: Segment, best: Coding, everything: Sequence[Coding], reason: str
    ) -> Generator[Event, None, tuple[BasedGop, ...]]:
        """Tell what was chosen and why; returns the segment's GOPs over it."""
        chosen = BaseChosen(segment.gops[0].index, self.told(best), tuple(map(self.told, everything)), reason)
        for trial in chosen.tried:
            LOGGER.info(
                "base from GOP %d on, preset %d: %s; %s %s",
                chosen.first_gop,
                trial.preset,
                ", ".join(str(BaseLevel(crf, trial.scale)) for crf in trial.crfs),
                self.goal.label,
                ", ".join(f"{quality:.3f}" for quality in trial.qualities),
            )
        LOGGER.info("base from GOP %d on: %s", chosen.first_gop, reason)
        yield chosen
        return self.based(segment, best, everything)

    def based(self, segment: Segment, coding: Coding, others: Sequence[Coding]) -> tuple[BasedGop, ...]:
        """The GOPs over the bases that were chosen, each with its verdict.

        Args:
            others: what else was coded of the segment; its measurements are told too.
        """
        charges = charged_bits(coding.bits, [gop.own for gop in segment.gops])
        gops = []
        for number, (gop, base, charged) in enumerate(zip(segment.gops, coding.bases, charges, strict=True)):
            earlier = [other.gops[number] for other in others if other is not coding]
            gops.append(BasedGop(gop, base, self._verdict(coding.gops[number], earlier), charged))
        return tuple(gops)

    def quality(self, miss: float) -> float:
        """The metric's value that misses the target by so much."""
        return self.target + miss if self.goal.lower_is_better else self.target - miss

    def _explore(self, gop: Gop, base: Base, restoration: RestorationCurve) -> Judged:
        if not self.prior.restores:
            return self._judged(gop, base, self._look(gop, base, TRIAL_FRAMES, 0), 0)
        values = restored_qualities(self.prior, self.metric, gop, base.clip, TRIAL_FRAMES, restoration.steps)
        curve = restoration.learn({step: self._miss(value) for step, value in values.items()})
        probes = tuple(Probe(step, base.run.bits, value) for step, value in sorted(values.items()))
        return Judged(gop.own, base.run.crf, base.run.bits, curve, curve.best, curve.at(curve.best), probes)

    def _judge(self, gop: Gop, base: Base, trial: Judged) -> Judged:
        judged = self._judged(gop, base, self._look(gop, base, PROBE_FRAMES, trial.step), trial.step)
        return replace(judged, curve=trial.curve.through(judged.step, judged.miss))

    def _look(self, gop: Gop, base: Base, frames: int, step: int) -> float:
        if not self.prior.restores:
            return opened_quality(self.prior, self.metric, gop, base.clip, frames, self.seed)
        return restored_qualities(self.prior, self.metric, gop, base.clip, frames, [step])[step]

    def _judged(self, gop: Gop, base: Base, quality: float, step: int) -> Judged:
        miss, run = self._miss(quality), base.run
        probes = (Probe(step, run.bits, quality),)
        return Judged(gop.own, run.crf, run.bits, Parabola(step, miss, 0.0), step, miss, probes)

    def _miss(self, quality: float) -> float:
        return self.goal.miss(self.target, quality)

    def _verdict(self, judged: Judged, earlier: Sequence[Judged]) -> Verdict:
        tried = [replace(probe, crf=one.crf) for one in earlier for probe in one.probes]
        return Verdict(
            judged.step if self.prior.restores else None,
            self.quality(judged.miss),
            (*judged.probes, *tried),
            level_fit(judged.crf, judged.bits, self.quality(judged.miss), self.goal),
            self._step_fit(judged.curve) if judged.curve.curvature else None,
            judged.miss <= self.goal.tolerance,
        )

    def _step_fit(self, curve: Parabola) -> Fit:
        return Fit(
            "parabola", tuple((float(step), self.quality(curve.at(step))) for step in range(MAX_RESTORATION + 1))
        )

    def _phase(
        self, what: str, low: float, high: float, gop: Gop, segment: Segment, done: tuple[float, float]
    ) -> Phase:
        number, count = gop.index - segment.gops[0].index, len(segment.gops)
        levels = f"CRF {low:g}" if low == high else f"CRF {low:g} to {high:g}"
        share = done[0] + (done[1] - done[0]) * number / count
        return Phase(Stage.CHOOSING, f"{what} {levels}, GOP {number + 1} of {count}", share)


def _shown(gop: Gop, base: Base) -> PreviewReady:
    """A base's pictures at coding size."""
    height, width = gop.pixels.shape[1:3]
    frames = np.stack([scaled_picture(picture, width, height) for picture in base.clip.frames])
    return PreviewReady(gop.index, gop.start_frame, frames, provisional=True)
