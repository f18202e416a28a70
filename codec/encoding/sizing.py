"""What the choice of a coding size looks at: pictures of the source made small and large again, or a base's bits."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from statistics import fmean

import numpy as np

from codec.base.av1 import encode_segment
from codec.base.level import StreamLevels
from codec.control.base_levels.segment_coder import TRIAL_PRESET
from codec.control.coding_size import COARSEST, CodingSize, Offers, for_quality, for_rate, only_one
from codec.encoding.controllers import ChosenMetric
from codec.events import Event, Phase, Stage
from codec.format.limits import MAX_SEGMENT_FRAMES
from codec.metrics.base import against
from codec.metrics.parts import Part
from codec.settings import Quality
from codec.video import Timeline, scaled_picture
from codec.video.delivery import delivered
from codec.video.stills import Stills

# What is scaled: so many pictures, of each a part of at most so many pixels a side.
PICTURES, PART = 3, 256
# What is coded: so many runs of frames.
RUNS, RUN_FRAMES = 2, 32


@dataclass(frozen=True)
class SizeSearch:
    """Chooses the coding size of one video.

    Attributes:
        pictures: of the source.
        goal: a quality, or the bits a second that a base may take.
    """

    pictures: Stills
    timeline: Timeline
    measured: ChosenMetric
    goal: Quality | float

    def choose(self, on_offer: Offers) -> Generator[Event, None, CodingSize]:
        """Returns one of the sizes; tells which and why."""
        if len(on_offer.within) == 1:
            return (yield from only_one(on_offer))
        if isinstance(self.goal, Quality):
            scaled = self._scaling()
            return (yield from for_quality(on_offer, self.measured.goal, self.goal.value, scaled))
        trial = on_offer.within[1]
        yield Phase(Stage.OPENING, f"trying a base at {trial.width}x{trial.height}")
        return (yield from for_rate(on_offer, self.goal, trial, self.base_rate(trial)))

    def _scaling(self) -> Callable[[CodingSize], float]:
        """The metric of pictures that were scaled to a size and back."""
        length = self._last_begins
        originals = [self.pictures.at(length * (2 * place + 1) / (2 * PICTURES)) for place in range(PICTURES)]
        height, width = originals[0].shape[:2]
        parts = [Part.number(place, width, height, PART) for place in range(PICTURES)]
        judge = against(
            self.measured.metric, np.stack([part.of(one) for part, one in zip(parts, originals, strict=True)])
        )

        def scaled(size: CodingSize) -> float:
            back = (scaled_picture(scaled_picture(one, *size.size), width, height) for one in originals)
            return float(np.mean(judge(np.stack([part.of(one) for part, one in zip(parts, back, strict=True)]))))

        return scaled

    @property
    def _last_begins(self) -> Fraction:
        """Seconds. The last frame may stay for long, and no frame begins in that time."""
        return self.timeline.duration - self.timeline.last_duration

    def base_rate(self, size: CodingSize) -> float:
        """Bits a second of a base at a size, quickly coded at the coarsest level that still looks good."""
        frames, rate = self.timeline.frames, float(self.timeline.average_rate)
        per_keyframe = min(frames, MAX_SEGMENT_FRAMES)
        return rate * fmean(self._bits_a_frame(size, Fraction(run, RUNS), per_keyframe) for run in range(RUNS))

    def _bits_a_frame(self, size: CodingSize, place: Fraction, per_keyframe: int) -> float:
        """Of a short run of frames from a share of the video's length on; as many share its keyframe as in a file."""
        reading = self.pictures.read_from(self._last_begins * place, size.size)
        with reading as reader, closing(delivered(reader.frames(), self.pictures.path)) as shown:
            frames = np.stack([frame.pixels for frame in islice(shown, RUN_FRAMES)])
        levels = StreamLevels.constant(COARSEST)
        bits = [8 * len(f.packet) for f in encode_segment(frames, levels, 1, self.timeline.nominal_rate, TRIAL_PRESET)]
        return bits[0] / per_keyframe + (fmean(bits[1:]) if len(bits) > 1 else 0.0)
