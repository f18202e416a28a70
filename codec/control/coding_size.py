"""At which size a video is coded, where the user leaves that to the program.

For a quality it is the smallest size that scaling alone leaves near enough to the source: pictures of the source are
made small and large again, and the goal's metric says what that costs. For a bitrate or a size it is the largest one
whose base fits into the bits at a level that still looks good: over five clips at 5 to 60 kbit/s that came within 0.004
of the best size's DISTS at the source's size on average, where 240 lines for all were 0.026 away
(benchmarks/coding_size.txt).

Larger sizes cost time, which goes by pixels; what they may cost is bounded for a frame and for the whole video.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

from codec.control.base_levels.coarseness import coarseness
from codec.events import Event, Phase, SizeChosen, SizeTried, Stage, Warned
from codec.goals import GoalMetric
from codec.priors.defaults import CodingDefaults
from codec.video import VideoInfo, coding_size

# Of a source: at so many lines it is coded as it is.
SMALL = 240
# Scaling may use up so much of what a target leaves between it and the source. Where it took 36 to 50 % of it, the next
# larger size reached that quality at the source's size with fewer bits on three clips of five.
SCALING_SHARE = 0.4
# A base that needs a coarser level than this for the bits looks better at a smaller size.
COARSEST = 66.0
# A base takes pixels to this power in bits, at one level and from one size to the next.
BITS_BY_PIXELS = 0.66
# Seconds that an encode takes for a million pixels on two cores (both cores' time, measured at 230,000 and at 410,000
# pixels: 3.9 and 4.5), and what it may take by itself.
SECONDS_PER_MEGAPIXEL = 4.0
MOST_SECONDS_A_FRAME, MOST_SECONDS = 2.0, 3600.0


@dataclass(frozen=True)
class CodingSize:
    """One size on offer.

    Attributes:
        short_side: what `--short-side` would be given for it.
    """

    short_side: int
    width: int
    height: int

    @property
    def size(self) -> tuple[int, int]:
        """(width, height)."""
        return self.width, self.height

    @property
    def pixels(self) -> int:
        """Of a frame."""
        return self.width * self.height

    @property
    def seconds(self) -> float:
        """That an encode takes for a frame, about."""
        return SECONDS_PER_MEGAPIXEL * self.pixels / 1_000_000


@dataclass(frozen=True)
class Offers:
    """The sizes that a video may be coded at, rising.

    Attributes:
        within: those that take no longer than they may; never empty.
        beyond: larger ones.
    """

    within: tuple[CodingSize, ...]
    beyond: tuple[CodingSize, ...] = ()

    @property
    def why_no_larger(self) -> str:
        """In words."""
        if self.beyond:
            return f"larger sizes would take more than {MOST_SECONDS_A_FRAME:g} s a frame or an hour in all"
        return "no larger size is on offer"


def offers(info: VideoInfo, own: CodingDefaults, frames: int) -> Offers:
    """The sizes of a prior for `frames` pictures; never above the source's, the only one where that is small."""
    source = min(info.width, info.height)
    sides = sorted({min(side, source) for side in own.short_sides}) if source > SMALL else [source]
    sizes = [CodingSize(side, *coding_size(info, side, own.size_multiple)) for side in sides]
    most = min(MOST_SECONDS_A_FRAME, MOST_SECONDS / frames)
    count = sum(size.short_side <= SMALL or size.seconds <= most for size in sizes)
    return Offers(tuple(sizes[: count or 1]), tuple(sizes[count or 1 :]))


def near_enough(goal: GoalMetric, target: float, scaled: float) -> bool:
    """Whether scaling, of which the metric says `scaled`, leaves enough of what `target` allows to coding.

    All that a target allows beyond what a base of level `COARSEST` needs is scaling's: a small picture looks better
    then than a large one over a base that shows next to nothing.
    """
    asked = abs(target - goal.perfect)
    coarsest = abs(goal.usual - goal.perfect) + coarseness(COARSEST) * goal.per_halving
    allowed = SCALING_SHARE * min(asked, coarsest) + max(0.0, asked - coarsest)
    return abs(scaled - goal.perfect) <= allowed


def for_quality(
    on_offer: Offers, goal: GoalMetric, target: float, scaled: Callable[[CodingSize], float]
) -> Generator[Event, None, CodingSize]:
    """Returns the smallest size that scaling leaves near enough to the source, else the largest; tells why.

    Args:
        scaled: the goal's metric for pictures that were scaled to a size and back.
    """
    tried: list[SizeTried] = []
    for size in on_offer.within:
        yield Phase(Stage.OPENING, f"looking at the source at {size.width}x{size.height}")
        tried.append(SizeTried(size.width, size.height, scaled(size)))
        if near_enough(goal, target, tried[-1].value):
            break
    value = tried[-1].value
    why = f"scaling alone comes to {goal.label} {value:.3f}, where {target:g} is asked for"
    if near_enough(goal, target, value):
        why += "" if len(tried) == 1 else f"; at {tried[-2].width}x{tried[-2].height} to {tried[-2].value:.3f}"
    else:
        why += f"; {on_offer.why_no_larger}"
    yield _chosen(size, tried, goal.name, why)
    if goal.miss(target, value) > 0:
        yield Warned(
            f"Scaling to {size.width}x{size.height} alone costs {goal.label} {value:.3f} against the source, more than "
            f"the {target:g} asked for: give a larger --short-side, which takes longer, or another --target."
        )
    return size


def for_rate(
    on_offer: Offers, bits_per_second: float, trial: CodingSize, trial_rate: float
) -> Generator[Event, None, CodingSize]:
    """Returns the largest size whose base fits into the bits, else the smallest; tells why.

    Args:
        trial_rate: bits a second that a base of level `COARSEST` took at the size `trial`.
    """
    rates: list[float] = [trial_rate * (size.pixels / trial.pixels) ** BITS_BY_PIXELS for size in on_offer.within]
    number = max(sum(rate <= bits_per_second for rate in rates) - 1, 0)
    size, larger = on_offer.within[number], rates[number + 1 :]
    why = f"a base of CRF {COARSEST:g} takes about {_kbps(rates[number])} of {_kbps(bits_per_second)} kbit/s"
    why += f"; the next larger size {_kbps(larger[0])}" if larger else f"; {on_offer.why_no_larger}"
    tried = [SizeTried(each.width, each.height, rate) for each, rate in zip(on_offer.within, rates, strict=True)]
    yield _chosen(size, tried, "bits a second", why)
    return size


def only_one(on_offer: Offers) -> Generator[Event, None, CodingSize]:
    """Returns the only size on offer."""
    size = on_offer.within[0]
    why = "so small a source keeps its size" if size.short_side <= SMALL else "the prior is made for that"
    yield _chosen(size, [], "", why)
    return size


def _kbps(rate: float) -> str:
    return f"{rate / 1000:.3g}"


def _chosen(size: CodingSize, tried: Sequence[SizeTried], measured: str, why: str) -> SizeChosen:
    return SizeChosen(size.width, size.height, size.short_side, tuple(tried), measured, why)
