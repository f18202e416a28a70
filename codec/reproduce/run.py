"""Walk through sequences and codecs, measure what isn't measured yet, and go on where something fails."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from codec.errors import FreeGvcError
from codec.metrics.base import Metric, mean
from codec.reproduce.codecs import Candidate, Made
from codec.reproduce.points import Ledger, Point
from codec.reproduce.sequences import Clip, Source, read_clip

LOGS = "logs"


@dataclass(frozen=True)
class Experiment:
    """What is compared on what.

    Attributes:
        frames: the first so many of each sequence.
        lines: to which its shorter side is scaled for every codec; None leaves it.
    """

    sources: tuple[Source, ...]
    candidates: tuple[Candidate, ...]
    metrics: tuple[Metric, ...]
    frames: int
    lines: int | None


@dataclass(frozen=True)
class Started:
    """A codec begins on a sequence; `settings` are the points to come."""

    sequence: str
    codec: str
    settings: tuple[str, ...]


@dataclass(frozen=True)
class Failed:
    """These points are missing, for this reason; the next run tries them again."""

    sequence: str
    codec: str
    settings: tuple[str, ...]
    reason: str


RunEvent = Started | Failed | Point


def reproduce(experiment: Experiment, ledger: Ledger) -> Iterator[RunEvent]:
    """Measure every point of `experiment` that `ledger` lacks.

    Raises:
        SettingsError: our prior's weights are others than those of the ledger's points.
        OutputError: a point can't be kept.
    """
    for source in experiment.sources:
        missing = [(codec, _missing(ledger, source, codec)) for codec in experiment.candidates]
        missing = [(codec, settings) for codec, settings in missing if settings]
        if not missing:
            continue
        try:
            clip = read_clip(source, experiment.frames, experiment.lines)
        except FreeGvcError as error:
            yield Failed(source.name, "every codec", (), str(error))
            continue
        for codec, settings in missing:
            for batch in [settings] if codec.together else [(setting,) for setting in settings]:
                yield from _batch(experiment, ledger, source, clip, codec, batch)


def _missing(ledger: Ledger, source: Source, codec: Candidate) -> tuple[str, ...]:
    return tuple(setting for setting in codec.settings if not ledger.has(source.name, codec.name, setting))


def _batch(
    experiment: Experiment, ledger: Ledger, source: Source, clip: Clip, codec: Candidate, settings: Sequence[str]
) -> Iterator[RunEvent]:
    yield Started(source.name, codec.name, tuple(settings))
    log = ledger.folder / LOGS / f"{re.sub(r'[^A-Za-z0-9_.-]+', '-', f'{codec.name}-{source.name}')}.txt"
    made = codec.code(clip, settings, log)
    while True:
        try:
            setting, result = next(made)
            point = _point(experiment, source, clip, codec, setting, result)
        except StopIteration:
            return
        # Whatever a codec dies of on one sequence (a GPU's memory, a decoder's bug), a night's run must go on.
        except Exception as error:
            yield Failed(source.name, codec.name, _missing_of(ledger, source, codec, settings), _reason(error))
            return
        ledger.add(point)
        yield point


def _missing_of(ledger: Ledger, source: Source, codec: Candidate, settings: Sequence[str]) -> tuple[str, ...]:
    return tuple(setting for setting in settings if not ledger.has(source.name, codec.name, setting))


def _reason(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    said = lines[0] if lines else "no reason given"
    return said if isinstance(error, FreeGvcError) else f"{type(error).__name__}: {said}"


def _point(experiment: Experiment, source: Source, clip: Clip, codec: Candidate, setting: str, made: Made) -> Point:
    count = len(clip.frames)
    return Point(
        sequence=source.name,
        codec=codec.name,
        setting=setting,
        bytes=made.bytes,
        bpp=8 * made.bytes / clip.pixels,
        kbps=8 * made.bytes * float(clip.rate) / count / 1000,
        metrics={judge.name: mean(judge(clip.frames, made.frames)) for judge in experiment.metrics},
        encode_fps=None if made.encode_s is None else count / made.encode_s,
        decode_fps=None if made.decode_s is None else count / made.decode_s,
        weights=made.weights,
    )
