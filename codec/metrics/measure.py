"""Compare a decoded clip with its source: every metric, frame by frame, in constant memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np

from codec.arrays import Frames
from codec.errors import InputError, SettingsError, TooSmallError
from codec.metrics.base import Metric, Values, mean
from codec.video import Frame, VideoReader

BLOCK_BYTES = 1 << 26
"""Pixels of each clip held at a time; VMAF's motion starts anew with every block of this size."""

Pair = tuple[Frame, Frame]


@dataclass(frozen=True)
class MetricResult:
    """What one metric said.

    Attributes:
        values: float64, one per compared frame after the first `context`.
    """

    name: str
    lower_is_better: bool
    good: tuple[float, float]
    context: int
    values: Values

    @property
    def mean(self) -> float:
        """Over all values; nan where there is none (a temporal metric of one frame)."""
        return mean(self.values)


@dataclass(frozen=True)
class Measurement:
    """A whole comparison.

    Attributes:
        width, height: the reference's upright size, at which both clips were compared.
        times: seconds after the reference's first frame of every compared frame.
        results: in the order the metrics were asked for.
        notes: complete sentences about what was scaled or left out.
    """

    width: int
    height: int
    times: tuple[float, ...]
    results: tuple[MetricResult, ...]
    notes: tuple[str, ...]


def measure(
    reference: Path,
    test: Path,
    metrics: Sequence[Metric],
    *,
    limit: int | None = None,
    deinterlace: str = "auto",
    on_frames: Callable[[int], None] = lambda _: None,
) -> Measurement:
    """Compare `test` with `reference`.

    Frames are matched by when they are shown. A test clip of another size is scaled to the reference's; frames
    without a counterpart are left out; both are said in the notes.

    Args:
        limit: at most so many matched frames; None compares all.
        deinterlace: "auto" joins the fields of the reference's interlaced frames, as an encode does.
        on_frames: told how many frames are compared so far, block by block.

    Raises:
        InputError: a file can't be read, no frames match, or the picture is too small for every metric.
        SettingsError: the limit is below 1.
    """
    if limit is not None and limit < 1:
        raise SettingsError(f"At least one frame must be compared, not {limit}.")
    joined = deinterlace == "auto"
    with VideoReader(reference, deinterlace=joined) as source, VideoReader(test, size=source.size) as decoded:
        matching = _Matching(source.frames(), decoded.frames(), 1 / source.info.frame_rate)
        series = _Series(metrics)
        for pairs in _blocks(islice(matching.pairs(), limit), BLOCK_BYTES // (3 * source.size[0] * source.size[1])):
            series.add(pairs)
            on_frames(len(series.times))
        if not series.times:
            raise InputError(
                f"No frame of {test} is shown when one of {reference} is; compare clips of the same scene."
            )
        left_out = (*series.notes(), *matching.notes(stopped=len(series.times) == limit))
        notes = (*_size_note(source, decoded), *_fields_note(source, joined), *left_out)
        return Measurement(*source.size, tuple(series.times), series.results(), notes)


class _Matching:
    """Pairs each reference frame with the test frame shown nearest to it, at most half a frame period away."""

    def __init__(self, reference: Iterator[Frame], test: Iterator[Frame], period: Fraction) -> None:
        self._reference, self._test = reference, test
        self._tolerance = period / 2
        self._ended: list[str] = []
        self._alone = {"reference": 0, "test": 0}

    def pairs(self) -> Iterator[Pair]:
        """Matched frames in order."""
        source, now, following = next(self._reference, None), next(self._test, None), next(self._test, None)
        while source and now:
            nearer_follows = following and abs(following.pts - source.pts) < abs(now.pts - source.pts)
            matched = not nearer_follows and abs(now.pts - source.pts) <= self._tolerance
            test_is_late = now.pts > source.pts and not matched
            if matched:
                yield source, now
            else:
                self._alone["reference" if test_is_late else "test"] += 1
            if matched or test_is_late:
                source = next(self._reference, None)
            if not test_is_late:
                now, following = following, next(self._test, None)
        self._ended = [name for name, frame in (("reference", source), ("test", now)) if frame is None]

    def notes(self, *, stopped: bool) -> Iterator[str]:
        """What was left out; `stopped` where the caller asked for no more frames."""
        for name, count in self._alone.items():
            if count:
                yield f"{count} frames of the {name} clip have no counterpart and are left out."
        if len(self._ended) == 1 and not stopped:
            other = "test" if self._ended[0] == "reference" else "reference"
            yield f"The {self._ended[0]} clip ends first; what the {other} clip shows after that is left out."


class _Judged:
    """What one metric says of block after block, or why it can't."""

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        self.refusal: TooSmallError | None = None
        self._values: list[Values] = []

    def add(self, reference: Frames, test: Frames) -> None:
        if self.refusal is not None:
            return
        try:
            self._values.append(self.metric(reference, test))
        except TooSmallError as error:
            self.refusal = error

    def result(self) -> MetricResult:
        metric = self.metric
        values = np.concatenate(self._values)
        return MetricResult(metric.name, metric.lower_is_better, metric.good, metric.context, values)


class _Series:
    """Values of all metrics, block after block; temporal metrics see the last frame of the block before."""

    def __init__(self, metrics: Sequence[Metric]) -> None:
        self.times: list[float] = []
        self._judged = [_Judged(metric) for metric in metrics]
        self._last: list[Pair] = []

    def add(self, pairs: list[Pair]) -> None:
        known = len(self._last)
        together = [*self._last, *pairs]
        reference, test = (np.stack([pair[side].pixels for pair in together]) for side in (0, 1))
        for judged in self._judged:
            skip = max(0, known - judged.metric.context)
            judged.add(reference[skip:], test[skip:])
        self.times += [float(pair[0].pts) for pair in pairs]
        self._last = pairs[-1:]

    def results(self) -> tuple[MetricResult, ...]:
        refusals = [judged.refusal for judged in self._judged]
        if refusals and all(refusals):
            raise next(error for error in refusals if error is not None)
        return tuple(judged.result() for judged in self._judged if judged.refusal is None)

    def notes(self) -> Iterator[str]:
        """Which metrics are left out, and why."""
        for judged in self._judged:
            if judged.refusal is not None:
                yield f"{str(judged.refusal).rpartition('; ')[0]}; it is left out."


def _blocks(pairs: Iterator[Pair], size: int) -> Iterator[list[Pair]]:
    while block := list(islice(pairs, max(1, size))):
        yield block


def _fields_note(source: VideoReader, joined: bool) -> Iterator[str]:
    if source.interlaced and joined:
        yield "The reference is interlaced and was deinterlaced first; --deinterlace off compares it as it is."
    elif source.interlaced:
        yield "The reference is interlaced and was compared as it is."


def _size_note(source: VideoReader, decoded: VideoReader) -> Iterator[str]:
    own, wanted = (decoded.info.width, decoded.info.height), source.size
    if own != wanted:
        yield f"The test clip is {own[0]}x{own[1]} and was compared at the reference's {wanted[0]}x{wanted[1]}."
