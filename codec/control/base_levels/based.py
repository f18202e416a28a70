"""A segment's GOPs over the base that was coded for them: what belongs to a GOP travels with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import islice

import numpy as np

from codec.arrays import Picture
from codec.base.av1 import BaseFrame, encode_segment
from codec.base.level import BaseLevel, StreamLevels
from codec.base.units import UnitPacker
from codec.events import Fit, Probe
from codec.format.records import BaseRun
from codec.priors.base import BaseClip
from codec.video.cutting import Gop, Segment

_STRETCH = 8  # frames: at 240 lines about a second's work


@dataclass(frozen=True)
class Base:
    """The base of one GOP.

    Attributes:
        run: of its own frames, as the file holds it.
        clip: the decoded pictures of all its frames.
    """

    run: BaseRun
    clip: BaseClip = field(repr=False)

    @property
    def level(self) -> BaseLevel:
        """Its level."""
        return BaseLevel(self.run.crf, self.run.scale)


@dataclass(frozen=True)
class Verdict:
    """How a GOP looks over its base with nothing sent, and what was measured for that.

    Attributes:
        step: of the restoration, None where the prior has none.
        quality: the goal's metric at it.
        probes: all that was measured, the base's trials included.
        bits_fit, step_fit: quality over bits and over steps.
        reachable: False where no level and step come near enough to the goal.
    """

    step: int | None
    quality: float
    probes: tuple[Probe, ...]
    bits_fit: Fit | None
    step_fit: Fit | None
    reachable: bool = True


@dataclass(frozen=True)
class BasedGop:
    """A GOP as it is going to be coded.

    Attributes:
        base: None where there is none.
        verdict: None where nothing was measured.
        charged_bits: what a budget pays for the base: the segment's mean, for its keyframe serves every GOP.
    """

    gop: Gop
    base: Base | None = None
    verdict: Verdict | None = None
    charged_bits: int = 0

    def reaching(self, goal: bool) -> BasedGop:
        """The same GOP, judged by another goal than its quality."""
        return self if self.verdict is None else replace(self, verdict=replace(self.verdict, reachable=goal))

    @property
    def base_bits(self) -> int:
        """Bits of the base."""
        return 0 if self.base is None else self.base.run.bits


def charged_bits(bases: Sequence[int], own: Sequence[int]) -> list[int]:
    """What a budget pays for the base of each GOP of a segment.

    Args:
        bases: bits of each GOP's base.
        own: frames that each GOP adds to the video.
    """
    per_frame = sum(bases) / sum(own)
    return [round(per_frame * frames) for frames in own]


def code_base(
    segment: Segment, levels: StreamLevels, scale: int, frame_rate: Fraction, preset: int
) -> Iterator[tuple[Gop, Base] | None]:
    """Each GOP with its base, as soon as that is coded; the encoder's own threads work on meanwhile.

    Every few frames a None comes between, so that whoever is asked to stop need not finish a GOP first.
    """
    coded = encode_segment(segment.pixels, levels, scale, frame_rate, preset)
    packer = UnitPacker()
    before: list[Picture] = []
    for gop, crf in zip(segment.gops, levels.crfs, strict=True):
        own: list[BaseFrame] = []
        while len(own) < gop.own:
            own += islice(coded, min(_STRETCH, gop.own - len(own)))
            if len(own) < gop.own:
                yield None
        pictures = [*before[len(before) - gop.overlap :], *(frame.picture for frame in own)]
        run = BaseRun(crf, scale, "modelled", packer.pack([frame.packet for frame in own]))
        yield gop, Base(run, BaseClip(np.stack(pictures), crf, scale))
        before = pictures
