"""Segments coded by workers: what they are sent, and what they do with it.

A worker opens the prior and the metric once for a file. Every segment travels with its pixels: they are read once, by
who asks for the work, and so are the same wherever they are coded.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from codec.control.base_levels.budget_search import Look, SegmentTrial
from codec.encoding.controllers import ChosenMetric, choose_metric, control_of, look_of
from codec.encoding.segment_encoder import MadeGop, SegmentEncoder
from codec.errors import PriorError
from codec.events import Event, Phase, PreviewReady, StepCoded
from codec.format.header import Header
from codec.priors.base import Condition, VideoPrior
from codec.priors.catalog import open_prior
from codec.settings import EncodeSettings
from codec.video.cutting import Segment


@dataclass(frozen=True)
class SegmentTask:
    """One segment of a file, and what the file's plan has settled."""

    settings: EncodeSettings
    header: Header
    segment: Segment = field(repr=False)


def encode_segment(task: SegmentTask) -> Generator[Event | MadeGop, None, None]:
    """A worker's part of an encode for a quality: the segment's GOPs."""
    yield from _segment_encoder(task.settings, task.header).encode(task.segment)


def look_at_segment(task: SegmentTask) -> Generator[Event, None, SegmentTrial]:
    """A worker's part of an encode for a budget: what its search wants to know of a segment."""
    return (yield from _look(task.settings, task.header).at(task.segment))


@lru_cache(maxsize=1)
def _segment_encoder(settings: EncodeSettings, header: Header) -> SegmentEncoder:
    prior, measured = _opened(settings, header)
    return SegmentEncoder.of(settings, prior, header, control_of(settings, prior, header, measured, None), measured)


@lru_cache(maxsize=1)
def _look(settings: EncodeSettings, header: Header) -> Look:
    prior, measured = _opened(settings, header)
    return look_of(settings, prior, header, measured)


def _opened(settings: EncodeSettings, header: Header) -> tuple[VideoPrior[Condition], ChosenMetric | None]:
    """The prior and the metric that the header names.

    Raises:
        PriorError: this worker has others.
    """
    prior = open_prior(settings.prior, settings.device, settings.dtype)
    measured = choose_metric(settings, prior, header.base_codec != "none")
    kind = "none" if measured is None else measured.goal.kind
    own = prior.weights_hash, prior.dtype, prior.tiling, kind
    if own != (header.weights_hash, header.dtype, header.tiling, header.metric):
        raise PriorError(
            f"A worker has other weights of the prior {prior.id} or of its metric, or another device; "
            "install the same version and the same models everywhere."
        )
    return prior, measured


def is_live(what: Any) -> bool:
    """Whether an event shows only that work goes on, and tells nothing of the file."""
    return isinstance(what, Phase | StepCoded) or (isinstance(what, PreviewReady) and what.provisional)
