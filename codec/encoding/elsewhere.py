"""Segments coded by workers: what they are sent, and what they do with it.

A worker opens the prior and the metric once for a file. Every segment travels with its pixels: they are read once, by
who asks for the work, and so are the same wherever they are coded.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from codec.control.base_levels.budget_search import Look, SegmentTrial
from codec.control.coding_size import offers
from codec.encoding.controllers import ChosenMetric, choose_metric, control_of, look_of
from codec.encoding.segment_encoder import MadeGop, SegmentEncoder
from codec.errors import PriorError
from codec.events import Event, Phase, PreviewReady, StepCoded
from codec.format.header import Header
from codec.format.limits import MAX_SEGMENT_FRAMES
from codec.parallel.opening import suited_workers
from codec.parallel.units import Workers
from codec.priors.base import Condition, VideoPrior
from codec.priors.catalog import memory_of_several, open_prior
from codec.priors.defaults import defaults_of
from codec.settings import EncodeSettings
from codec.video import VideoInfo, coding_size, probe
from codec.video.cutting import Segment


@dataclass(frozen=True)
class SegmentTask:
    """One segment of a file, and what the file's plan has settled."""

    settings: EncodeSettings
    header: Header
    segment: Segment = field(repr=False)


# Of torch for each worker: a segment's encode keeps one and a half cores busy, SVT-AV1's own threads among them.
_THREADS = 2


def own_workers(source: Path, settings: EncodeSettings) -> AbstractContextManager[Workers | None]:
    """Processes of this machine for an encode, where it is long enough for several; until the block is left.

    Raises:
        InputError: the source can't be read.
        PriorError: there is no such prior.
    """
    info, own = probe(source), defaults_of(settings.prior)
    frames = _frames(info, settings)
    side = settings.short_side
    sizes = [s.size for s in offers(info, own, frames).within] if side is None else [coding_size(info, side, 2)]
    width, height = sizes[-1]
    memory = memory_of_several(settings.prior, settings.device, width * height)
    return suited_workers(frames // MAX_SEGMENT_FRAMES, _THREADS, memory)


def _frames(info: VideoInfo, settings: EncodeSettings) -> int:
    """About how many are coded; at least 1, and that where nobody knows."""
    if info.frame_count is None:
        return 1
    left = info.frame_count - round(settings.start * info.frame_rate)
    asked = left if settings.duration is None else round(settings.duration * info.frame_rate)
    return max(1, min(left, asked))


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
    """Whether an event only shows what is worked on: it need not wait for its turn.

    Nor must pictures: those of segments that are ahead of their turn would fill the memory.
    """
    return isinstance(what, Phase | StepCoded | PreviewReady)
