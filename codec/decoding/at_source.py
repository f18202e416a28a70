"""Quality where people look at it: at the source's size, while GOPs are judged at the size they are coded at."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from codec.arrays import Picture
from codec.decoding.stills import Still, stills
from codec.errors import InputError, TooSmallError
from codec.events import Event, Phase, Stage, Warned
from codec.format.reader import BitstreamReader
from codec.metrics.base import Metric
from codec.metrics.parts import Part
from codec.priors.base import Condition, VideoPrior
from codec.video import scaled_picture
from codec.video.stills import Stills

# What is looked at: so many pictures at most, and of each a part of at most so many pixels a side. VGG16 takes about
# two seconds for both sides of such a part.
MOST_PICTURES, PART = 4, 384


@dataclass(frozen=True)
class AtSource:
    """Judges a file's pictures as decoding writes them, scaled to the source's size, against the source's own."""

    source: Stills
    prior: VideoPrior[Condition]
    metric: Metric

    def quality(self, coded: Path, low: float, high: float) -> Generator[Event, None, float | None]:
        """The metric's mean over a few parts of the pictures in the file `coded`, which may lack its end.

        None where they are too small for the metric, or the source can't be read any more.

        Args:
            low, high: shares of the whole work that lie behind the beginning and the end of this.
        """
        values: list[float] = []
        try:
            with BitstreamReader(coded) as reader:
                for still in stills(reader, self.prior, MOST_PICTURES):
                    share = low + (high - low) * len(values) / MOST_PICTURES
                    yield Phase(Stage.FINISHING, f"comparing picture {len(values) + 1} with the source's", share)
                    values.append(self._compared(still, self.source.at(still.time), len(values)))
        except TooSmallError:
            return None
        except InputError as error:
            yield Warned(f"The result couldn't be compared with the source's pictures: {error}")
            return None
        return fmean(values)

    def _compared(self, still: Still, original: Picture, number: int) -> float:
        height, width = original.shape[:2]
        part = Part.number(number, width, height, PART)
        shown = scaled_picture(still.pixels, width, height)
        return float(self.metric(part.of(original)[None], part.of(shown)[None])[0])
