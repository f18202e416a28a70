"""What controls an encode, from the settings and the file's header: the goal's metric, and both knobs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from codec.control.base_levels.base_level import Ladder, LevelSearch
from codec.control.base_levels.budget_search import BudgetSearch, Look
from codec.control.base_levels.segment_coder import SegmentCoder
from codec.control.control import Control, WithoutBase
from codec.control.sent_steps.quality import QualityController, RateControl
from codec.encoding.record_cost import gop_overhead
from codec.format.header import Header
from codec.goals import GOAL_METRICS, GoalMetric
from codec.metrics.base import Metric
from codec.metrics.catalog import metric
from codec.priors.base import Condition, VideoPrior
from codec.priors.computing import Computing
from codec.settings import EncodeSettings, Quality
from codec.video.cutting import Segment

# Of a budget, where the prior sends steps over its base: they take the rest.
BASE_SHARE = 0.98


@dataclass(frozen=True)
class ChosenMetric:
    """What the controller measures."""

    metric: Metric
    goal: GoalMetric


@dataclass(frozen=True)
class Budget:
    """What a bitrate or a size allows.

    Attributes:
        about: bits for the bases and records of the video, while nobody knows how it is cut.
        bits_of: the same, given the file's header and how many frames and GOPs there are.
        steps: chooses the steps that are sent.
    """

    about: float
    bits_of: Callable[[Header, int, int], float]
    steps: RateControl


def choose_metric(settings: EncodeSettings, prior: VideoPrior[Condition], based: bool) -> ChosenMetric | None:
    """The goal's metric; a budget with a base equalises DISTS, without one it measures nothing."""
    if not (based or isinstance(settings.goal, Quality)):
        return None
    goal = GOAL_METRICS[settings.goal.metric if isinstance(settings.goal, Quality) else "dists"]
    quick = Computing.choose(settings.device, settings.dtype).restoring
    return ChosenMetric(metric(goal.name, device=prior.device, dtype=quick), goal)


def control_of(
    settings: EncodeSettings,
    prior: VideoPrior[Condition],
    header: Header,
    measured: ChosenMetric | None,
    budget: Budget | None,
) -> Control:
    """Both knobs.

    Args:
        budget: None where a quality is the goal.
    """
    coder = _base_coder(settings, prior, header, measured)
    goal = settings.goal
    if isinstance(goal, Quality):
        assert measured is not None
        steps = QualityController(goal.value, measured.goal.tolerance, measured.goal.lower_is_better)
        each = goal.statistic == "gop"
        return Control(WithoutBase() if coder is None else LevelSearch(coder, _ladder(coder), each), steps)
    assert budget is not None
    share = 1.0 if prior.restores else BASE_SHARE
    base = (
        WithoutBase() if coder is None else BudgetSearch(_look(coder, header), partial(budget.bits_of, header), share)
    )
    return Control(base, budget.steps)


def look_of(
    settings: EncodeSettings, prior: VideoPrior[Condition], header: Header, measured: ChosenMetric | None
) -> Look:
    """How the search of a budget looks at a segment, wherever it does."""
    coder = _base_coder(settings, prior, header, measured)
    assert coder is not None
    return _look(coder, header)


def _base_coder(
    settings: EncodeSettings, prior: VideoPrior[Condition], header: Header, measured: ChosenMetric | None
) -> SegmentCoder | None:
    if header.base_codec == "none":
        return None
    assert measured is not None
    goal = settings.goal
    target = goal.value if isinstance(goal, Quality) else measured.goal.usual
    return SegmentCoder(
        prior, measured.metric, measured.goal, target, header.frame_rate, settings.seed, settings.preview
    )


def _ladder(coder: SegmentCoder) -> Ladder:
    return Ladder.of(coder.prior.base_levels)


def _look(coder: SegmentCoder, header: Header) -> Look:
    # A restored GOP sends no steps.
    steps = 0 if coder.prior.restores else coder.prior.schedule.steps

    def overhead(segment: Segment) -> int:
        return sum(gop_overhead(gop, header, steps) for gop in segment.gops)

    return Look(coder, _ladder(coder), overhead)
