"""Walk through sequences and codecs, measure what isn't measured yet, and go on where something fails."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from pathlib import Path

from codec.errors import refusal
from codec.metrics.base import Metric, mean
from codec.metrics.catalog import metric
from codec.parallel.here import Here
from codec.parallel.units import Failed, Told, Workers
from codec.priors.computing import choose_device
from codec.reproduce.codecs import Candidate, Made
from codec.reproduce.points import Ledger, Point
from codec.reproduce.sequences import Clip, Source, read_clip

LOGS = "logs"


@dataclass(frozen=True)
class Experiment:
    """What is compared on what.

    Attributes:
        frames: the first so many of each sequence.
        device: that the metrics run on.
        lines: to which its shorter side is scaled for every codec; None leaves it.
    """

    sources: tuple[Source, ...]
    candidates: tuple[Candidate, ...]
    metrics: tuple[Metric, ...]
    frames: int
    lines: int | None
    device: str = "auto"


@dataclass(frozen=True)
class Started:
    """A codec begins on a sequence; `settings` are the points to come."""

    sequence: str
    codec: str
    settings: tuple[str, ...]


@dataclass(frozen=True)
class PointsMissing:
    """These points are missing, for this reason; the next run tries them again."""

    sequence: str
    codec: str
    settings: tuple[str, ...]
    reason: str


RunEvent = Started | PointsMissing | Point


@dataclass(frozen=True)
class _Unit:
    """One codec at some settings on one sequence; metrics by name, since their networks are large."""

    source: Source
    codec: Candidate
    settings: tuple[str, ...]
    frames: int
    lines: int | None
    metrics: tuple[str, ...]
    device: str
    log: Path


def reproduce(
    experiment: Experiment, ledger: Ledger, workers: Workers | None = None
) -> Generator[RunEvent, None, None]:
    """Measure every point of `experiment` that `ledger` lacks.

    Args:
        workers: measure several at a time; each must see the sequences under their paths.

    Raises:
        SettingsError: our prior's weights are others than those of the ledger's points.
        OutputError: a point can't be kept.
    """
    units = list(_units(experiment, ledger))
    with closing((workers or Here()).run(_measure, units)) as messages:
        for message in messages:
            unit = units[message.unit]
            if isinstance(message, Told):
                if isinstance(message.what, Point):
                    if ledger.has(*message.what.key):
                        continue  # told before its worker died
                    ledger.add(message.what)
                yield message.what
            elif isinstance(message, Failed):
                yield PointsMissing(unit.source.name, unit.codec.name, _missing(ledger, unit), _reason(message.error))


def _units(experiment: Experiment, ledger: Ledger) -> Iterator[_Unit]:
    """What is missing, sequence after sequence, so that a worker often has the last one still in memory.

    Paths are whole, since nodes of a cluster work in other folders.
    """
    folder = ledger.folder.absolute()
    for source, codec in product(experiment.sources, experiment.candidates):
        name = re.sub(r"[^A-Za-z0-9_.-]+", "-", f"{codec.name}-{source.name}")
        whole = _Unit(
            replace(source, path=source.path.absolute()),
            codec,
            codec.settings,
            experiment.frames,
            experiment.lines,
            tuple(metric.name for metric in experiment.metrics),
            experiment.device,
            folder / LOGS / f"{name}.txt",
        )
        settings = _missing(ledger, whole)
        batches = [settings] if codec.together else [(setting,) for setting in settings]
        yield from (replace(whole, settings=batch) for batch in batches if batch)


def _missing(ledger: Ledger, unit: _Unit) -> tuple[str, ...]:
    return tuple(setting for setting in unit.settings if not ledger.has(unit.source.name, unit.codec.name, setting))


def _measure(unit: _Unit) -> Generator[Started | Point, None, None]:
    """A worker's part. Whatever a codec dies of on one sequence (a GPU's memory, a bug), others go on."""
    clip = _clip(unit.source, unit.frames, unit.lines)
    yield Started(unit.source.name, unit.codec.name, unit.settings)
    judges = _judges(unit.metrics, unit.device)
    for setting, made in unit.codec.code(clip, unit.settings, unit.log):
        yield _point(unit, clip, judges, setting, made)


@lru_cache(maxsize=1)
def _clip(source: Source, frames: int, lines: int | None) -> Clip:
    return read_clip(source, frames, lines)


@lru_cache(maxsize=1)
def _judges(names: tuple[str, ...], device: str) -> tuple[Metric, ...]:
    return tuple(metric(name, device=choose_device(device)) for name in names)


def _reason(error: BaseException) -> str:
    told = refusal(error)
    lines = str(told or error).strip().splitlines()
    said = lines[0] if lines else "no reason given"
    return said if told is not None else f"{type(error).__name__}: {said}"


def _point(unit: _Unit, clip: Clip, judges: Sequence[Metric], setting: str, made: Made) -> Point:
    count = len(clip.frames)
    return Point(
        sequence=unit.source.name,
        codec=unit.codec.name,
        setting=setting,
        bytes=made.bytes,
        bpp=8 * made.bytes / clip.pixels,
        kbps=8 * made.bytes * float(clip.rate) / count / 1000,
        metrics={judge.name: mean(judge(clip.frames, made.frames)) for judge in judges},
        encode_fps=None if made.encode_s is None else count / made.encode_s,
        decode_fps=None if made.decode_s is None else count / made.decode_s,
        weights=made.weights,
    )
