"""What a `.fgvc` file holds, read without any network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from codec.events import Finished, Fit, GopDone, Probe
from codec.format.header import Header
from codec.format.reader import BitstreamReader, Damage
from codec.format.records import AudioRecord, EndRecord, GopRecord
from codec.goals import goal_of_kind


@dataclass(frozen=True)
class GopInfo:
    """One GOP's line: where it lies, what it costs, how good it is.

    Attributes:
        t_star, steps: the step at which its trajectory stops, of so many that there are.
        crf, scale: level of the base; None and 1 without one.
    """

    index: int
    start_frame: int
    frames: int
    overlap: int
    t_star: int
    steps: int
    bits: int
    base_bits: int
    implicit_bits: int
    quality: float | None
    crf: float | None
    scale: int


@dataclass(frozen=True)
class FileInfo:
    """A whole file.

    Attributes:
        seconds: from the first frame's beginning to the last one's end.
        bpp: video bits per pixel at coding size; kbps: video kilobits a second, audio_kbps the sound's.
        quality: at coding size, mean over the frames of all GOPs that were measured; None where none was.
        quality_at_source: at the source's size, on a few pictures; None where the encoder didn't look.
        complete: whether encoding reached the source's end.
        damage: one sentence for each part that can't be read.
    """

    path: Path
    header: Header
    bytes: int
    audio_bytes: int
    base_bytes: int
    frames: int
    seconds: float
    bpp: float
    kbps: float
    audio_kbps: float
    quality: float | None
    quality_at_source: float | None
    complete: bool
    gops: tuple[GopInfo, ...]
    damage: tuple[str, ...]


def describe(path: Path) -> FileInfo:
    """Read headers and records of `path`.

    Raises:
        InputError: the file can't be opened.
        FormatError: it is no `.fgvc` file, or holds no whole GOP.
    """
    with BitstreamReader(path) as reader:
        found = _Found.of(reader)
        header, end = reader.header, reader.end
    audio = found.audio_bytes if end is None else end.audio_bytes
    size = path.stat().st_size
    gops = tuple(found.gops)
    frames = max(gop.start_frame + gop.frames for gop in gops)
    bits = 8 * (size - audio)
    seconds = float(seconds_shown(header, found.last_time, end))
    return FileInfo(
        path=path,
        header=header,
        bytes=size,
        audio_bytes=audio,
        base_bytes=sum(gop.base_bits for gop in gops) // 8,
        frames=frames,
        seconds=seconds,
        bpp=bits / (frames * header.coding_width * header.coding_height),
        kbps=bits / seconds / 1000,
        audio_kbps=8 * audio / seconds / 1000,
        quality=mean_quality((gop.quality, gop.frames - gop.overlap) for gop in gops),
        quality_at_source=None if end is None else end.quality_at_source,
        complete=end is not None and end.complete,
        gops=gops,
        damage=tuple(found.damage),
    )


@dataclass
class _Found:
    """What a file's records hold.

    Attributes:
        last_time: seconds at which the last frame is shown.
    """

    gops: list[GopInfo] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)
    audio_bytes: int = 0
    last_time: Fraction = Fraction(0)

    @classmethod
    def of(cls, reader: BitstreamReader) -> _Found:
        found = cls()
        for record in reader.records():
            if isinstance(record, GopRecord):
                found.gops.append(_gop(record))
                found.last_time = last_time(record, reader.header)
            elif isinstance(record, Damage):
                found.damage.append(record.message)
            elif isinstance(record, AudioRecord):
                found.audio_bytes += sum(len(packet.data) for packet in record.packets)
        return found


def finished(path: Path, gops: Sequence[GopDone]) -> Finished:
    """What the file `path`, which was just written, is like; `gops` as they were told."""
    info = describe(path)
    header, measured = info.header, goal_of_kind(info.header.metric)
    return Finished(
        path=path,
        bytes=info.bytes,
        audio_bytes=info.audio_bytes,
        base_bytes=info.base_bytes,
        frames=info.frames,
        bpp=info.bpp,
        kbps=info.kbps,
        audio_kbps=info.audio_kbps,
        source_width=header.source_width,
        source_height=header.source_height,
        coding_width=header.coding_width,
        coding_height=header.coding_height,
        metric="" if measured is None else measured.name,
        quality=quality_of(gops),
        quality_at_source=info.quality_at_source,
        gops=tuple(gops),
    )


def mean_quality(measured: Iterable[tuple[float | None, int]]) -> float | None:
    """Mean over frames of GOPs given as (quality, own frames); None where not one was measured."""
    known = [(quality, own) for quality, own in measured if quality is not None]
    return sum(quality * own for quality, own in known) / sum(own for _, own in known) if known else None


def quality_of(gops: Sequence[GopDone]) -> float | None:
    """Mean over the frames of GOPs in order, each counted once; None where not one was measured."""
    ends = (0, *(gop.frames_done for gop in gops))
    own = (gop.frames_done - max(end, gop.start_frame) for end, gop in zip(ends, gops, strict=False))
    return mean_quality(zip((gop.quality for gop in gops), own, strict=True))


def last_time(record: GopRecord, header: Header) -> Fraction:
    """Seconds at which a GOP's last frame is shown."""
    if record.pts:
        return record.pts[-1] * header.time_base
    return (record.end_frame - 1) / header.frame_rate


def seconds_shown(header: Header, last: Fraction, end: EndRecord | None) -> Fraction:
    """How long a file's pictures last whose last one is shown at `last`, in seconds; `end`: its end record, or None."""
    if end is not None and end.last_duration:
        return last + end.last_duration * header.time_base
    if header.variable_timing and end is not None and end.frames / header.frame_rate > last:
        # What the average rate leaves for the last frame, where nothing else says.
        return end.frames / header.frame_rate
    return last + 1 / header.frame_rate


def _gop(record: GopRecord) -> GopInfo:
    bits = record.bits_at(record.t_star)
    return GopInfo(
        index=record.index,
        start_frame=record.start_frame,
        frames=record.frames,
        overlap=record.overlap,
        t_star=record.t_star,
        steps=record.deepest,
        bits=bits,
        base_bits=record.base_bits,
        implicit_bits=bits - record.base_bits,
        quality=record.quality,
        crf=None if record.base is None else record.base.crf,
        scale=1 if record.base is None else record.base.scale,
    )


def is_worse(header: Header, quality: float | None) -> bool:
    """Whether a GOP of this quality looks worse than the file's target allows; False where it aims at bits."""
    aim = goal_of_kind(header.target.kind)
    return quality is not None and aim is not None and aim.miss(header.target.value, quality) > aim.tolerance


def stored_gop(record: GopRecord, t_star: int, frames_total: int | None, fit: Fit | None = None) -> GopDone:
    """A GOP of a file as its encoder told it, were it replayed up to `t_star`."""
    return GopDone(
        index=record.index,
        start_frame=record.start_frame,
        frames=record.frames,
        t_star=t_star,
        bits=record.bits_at(t_star),
        base_bits=record.base_bits,
        quality=dict(record.measured()).get(t_star),
        probes=tuple(Probe(step, record.bits_at(step), value) for step, value in record.measured()),
        frames_done=record.end_frame,
        frames_total=frames_total,
        fit=fit,
        crf=None if record.base is None else record.base.crf,
        scale=1 if record.base is None else record.base.scale,
        sent_bits=record.bits_at(t_star) - record.base_bits,
    )
