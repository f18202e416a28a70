"""What is open: a source, a reconstruction, or both; read from files, without Qt."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from app.core.files import SUFFIX, is_there, reading
from app.core.timing import Timing
from codec.batch.sources import VIDEO_SUFFIXES
from codec.control.base_levels.curves import level_fit
from codec.control.sent_steps.prefixes import MeasuredGop, refit
from codec.decoding.retarget import sent_quality
from codec.errors import InputError
from codec.events import BaseChosen, GopDone
from codec.format.info import FileInfo, describe, is_worse, stored_gop
from codec.format.reader import BitstreamReader
from codec.format.records import GopRecord
from codec.goals import GoalMetric, goal_of_kind
from codec.priors.defaults import defaults_of
from codec.settings import EncodeSettings
from codec.video import AudioInfo, VideoInfo, coding_size, probe


@dataclass(frozen=True)
class SourceFacts:
    """What a source is, for people.

    Attributes:
        codec: FFmpeg's name.
        seconds: None where the file doesn't say.
        audio: "" where there is no sound.
        tracks: all of its sound.
    """

    path: Path
    bytes: int
    codec: str
    width: int
    height: int
    rate: Fraction
    seconds: float | None
    audio: str
    tracks: tuple[AudioInfo, ...] = ()

    @classmethod
    def of(cls, path: Path, info: VideoInfo) -> SourceFacts:
        """From what was read of a file; raises InputError where it has gone meanwhile."""
        seconds = None if info.duration is None else float(info.duration)
        audio = "" if info.audio is None else info.audio.codec
        with reading(path):
            size = path.stat().st_size
        tracks = info.audio_tracks
        return cls(path, size, info.codec, info.width, info.height, info.frame_rate, seconds, audio, tracks)


@dataclass(frozen=True)
class Document:
    """What the canvas shows.

    Attributes:
        source: the original, or None where only a .fgvc file is known.
        result: a finished .fgvc file, or None.
        job_id: the job it belongs to, or "".
        start: seconds of the source before the first frame.
        size: (width, height) at which it is coded.
        source_size: (width, height) of the source, and of what decoding writes; None where they aren't known.
        info: of `result`.
        bases: why the levels of its bases are what they are, as far as its encode has told in this session.
        times: seconds at which each frame is shown; empty where frames come at a constant rate, or it isn't known yet.
        end: when the last of these ends; None where it takes as long as others, or it isn't known yet.
        audio_track: the source's track that is heard, None for the default one.
        deinterlace: how its encode reads the source, as in `EncodeSettings`.
        cut: whether it ends where its encode was told to, which may be before its source does.
    """

    source: Path | None
    result: Path | None
    job_id: str
    start: float
    count: int
    rate: Fraction
    size: tuple[int, int]
    gops: tuple[GopDone, ...] = ()
    bases: tuple[BaseChosen, ...] = ()
    info: FileInfo | None = None
    source_size: tuple[int, int] | None = None
    times: tuple[float, ...] = ()
    end: float | None = None
    source_facts: SourceFacts | None = None
    audio_track: int | None = None
    deinterlace: str = "auto"
    cut: bool = False

    @property
    def full_size(self) -> tuple[int, int]:
        """(width, height) that people see in the end: the source's own."""
        return self.source_size or self.size

    @property
    def timing(self) -> Timing:
        """When its frames are shown, as far as it is known."""
        return Timing(self.rate, self.times, self.end)

    def seconds(self, frame: int) -> float:
        """When a frame is shown, in seconds after the first; of `count`, how long it takes."""
        return self.timing.seconds(frame)

    def part(self, frame: int, count: int) -> tuple[float, float]:
        """Where in its source `count` frames from `frame` on begin, and how long they take, in seconds."""
        begin = self.seconds(frame)
        return self.start + begin, self.seconds(frame + count) - begin

    @property
    def average_rate(self) -> float | None:
        """Frames a second over all of it where they come unevenly, else None."""
        return self.count / self.seconds(self.count) if self.times else None

    @property
    def chains(self) -> tuple[int, ...]:
        """First frames of the runs of GOPs that can only be decoded from their start."""
        return tuple(gop.start_frame for gop in self.info.gops if gop.overlap == 0) if self.info is not None else ()

    @property
    def metric(self) -> GoalMetric | None:
        """What the file's quality was measured in."""
        return None if self.info is None else goal_of_kind(self.info.header.metric)

    @property
    def bits_of_a_gop(self) -> float | None:
        """What a GOP of the usual length may cost where the file was made for a rate or a size, else None."""
        info = self.info
        if info is None or info.header.target.kind not in ("bitrate", "size"):
            return None
        value, frames = info.header.target.value, min(info.header.gop_frames, info.frames)
        rate = 1000 * value / float(self.rate)
        if info.header.target.kind == "size":
            rate = 8 * max(0.0, value - info.audio_bytes) / info.frames
        return rate * frames

    @property
    def target(self) -> float | None:
        """The quality that the file was made for; None where it was made for a rate or a size."""
        target = None if self.info is None else self.info.header.target
        return None if target is None or goal_of_kind(target.kind) is None else float(target.value)


def of_source(path: Path, settings: EncodeSettings, job_id: str = "") -> Document:
    """A source that is to be coded; raises InputError where it can't be read, PriorError without such a prior."""
    info = probe(path)
    own = defaults_of(settings.prior)
    size = coding_size(info, settings.short_side or own.short_side, own.size_multiple)
    frames = _count(info, settings)
    full = (info.width, info.height)
    return Document(
        source=path,
        result=None,
        job_id=job_id,
        start=settings.start,
        count=frames,
        rate=info.frame_rate,
        size=size,
        source_size=full,
        source_facts=SourceFacts.of(path, info),
        audio_track=settings.audio_track,
        deinterlace=settings.deinterlace,
        cut=settings.duration is not None,
    )


def of_result(path: Path, source: Path | None = None, start: float = 0.0, job_id: str = "") -> Document:
    """A finished file; raises InputError or FormatError where it can't be read."""
    with reading(path):
        info = describe(path)
        gops = tuple(gop_events(path))
        times = frame_times(path, info.frames)
    # Its last picture may be held although the others come evenly.
    uneven = info.header.variable_timing or info.seconds > (info.frames + 0.5) / info.header.frame_rate
    size = (info.header.coding_width, info.header.coding_height)
    known = source if source is not None and is_there(source) else None
    facts = None if known is None else SourceFacts.of(known, probe(known))
    full = (info.header.source_width, info.header.source_height)
    return Document(
        source=known,
        result=path,
        job_id=job_id,
        start=start,
        count=info.frames,
        rate=info.header.frame_rate,
        size=size,
        gops=gops,
        info=info,
        source_size=full,
        times=times if uneven else (),
        end=info.seconds if uneven else None,
        source_facts=facts,
    )


def with_source(document: Document, source: Path) -> Document:
    """A finished file beside the video it was made from; raises InputError where that can't be read."""
    facts = SourceFacts.of(source, probe(source))
    return replace(document, source=source, source_facts=facts)


def gop_events(path: Path) -> Iterable[GopDone]:
    """The GOPs of a file as its encoder told them, with the curve over bits that follows from their points."""
    with BitstreamReader(path) as reader:
        records = [record for record in reader.records() if isinstance(record, GopRecord)]
        header = reader.header
    # Steps of a restoration are free: no curve over bits goes through them.
    sent = [record for record in records if record.steps]
    points = (MeasuredGop(r.prefix_bits(), r.frames - r.overlap, sent_quality(r), r.sent) for r in sent)
    fits = dict(zip((record.index for record in sent), refit(points), strict=True))
    metric = goal_of_kind(header.metric)
    for record in records:
        gop = stored_gop(record, record.t_star, None, fits.get(record.index))
        if gop.quality is not None and metric is not None and gop.crf is not None and gop.fit is None:
            gop = replace(gop, fit=level_fit(gop.crf, record.base_bits, gop.quality, metric))
        yield replace(gop, missed=is_worse(header, gop.quality))


def frame_times(path: Path, count: int) -> tuple[float, ...]:
    """Seconds at which each of a file's frames is shown; those that tell none come evenly after the one before."""
    with BitstreamReader(path) as reader:
        base, period = reader.header.time_base, float(1 / reader.header.frame_rate)
        known = {
            number: float(ticks * base)
            for record in reader.records()
            if isinstance(record, GopRecord)
            for number, ticks in enumerate(record.pts or (), record.start_frame + record.overlap)
        }
    times: list[float] = []
    for number in range(count):
        times.append(known.get(number, times[-1] + period if times else 0.0))
    return tuple(times)


def free_name(path: Path, taken: Iterable[Path] = ()) -> Path:
    """`path`, or the same with a number where it is in use."""
    used = set(taken)
    candidate, number = path, 2
    while is_there(candidate) or candidate in used:
        candidate = path.with_stem(f"{path.stem} ({number})")
        number += 1
    return candidate


def videos_in(path: Path) -> list[Path]:
    """A file as it is, a folder as the videos and .fgvc files right inside it.

    Raises:
        InputError: the folder holds none, or can't be looked into.
    """
    with reading(path):
        if not path.is_dir():
            return [path]
        inside = sorted(item for item in path.iterdir() if item.suffix.lower() in (*VIDEO_SUFFIXES, SUFFIX))
    if not inside:
        raise InputError(f"{path} holds no videos; choose a folder with some, or a file.")
    return inside


def _count(info: VideoInfo, settings: EncodeSettings) -> int:
    if info.frame_count is None:
        return 0 if settings.duration is None else round(settings.duration * info.frame_rate)
    left = max(1, info.frame_count - round(settings.start * info.frame_rate))
    return left if settings.duration is None else min(left, max(1, round(settings.duration * info.frame_rate)))
