"""Values for the format's tests: two small films with everything in them, and hypothesis strategies for any other."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from codec.format import limits
from codec.format.header import (
    AudioHeader,
    CoderSpec,
    ColourDescription,
    Header,
    ScheduleSpec,
    Target,
    Tiling,
    TrajectorySpec,
)
from codec.format.reader import BitstreamReader, Damage
from codec.format.records import AudioPacket, AudioRecord, BaseRun, GopRecord
from codec.format.writer import BitstreamWriter

Film = tuple[Header, tuple[GopRecord | AudioRecord, ...]]
Item = GopRecord | AudioRecord | Damage

HASH, PRINT = b"\x01\x02\x03\x04", b"\x10\x20\x30\x40\x50\x60\x70\x80"

PLAIN = Header(
    prior_id="wan2.1-1.3b",
    weights_hash=bytes(range(8)),
    dtype="bfloat16",
    trajectory=TrajectorySpec(
        7, CoderSpec("trellis", (4, 8)), ScheduleSpec("flow", 1000, tuple(range(1000, 0, -40))), reuse=1
    ),
    source_width=1920,
    source_height=1080,
    coding_width=832,
    coding_height=480,
    frame_rate=Fraction(16),
    time_base=Fraction(1, 16),
    variable_timing=False,
    colour=ColourDescription(1, 1, 1, 1, 8),
    overlap_mode="plain",
    gop_frames=48,
    overlap_frames=4,
    base_codec="none",
    target=Target("dists", 0.125),
    metric="dists",
    audio=None,
    writer="0.1.0",
)
FULL = dataclasses.replace(
    PLAIN,
    prior_id="pocket",
    dtype="float32",
    trajectory=TrajectorySpec(2**64 - 1, CoderSpec("pfr"), ScheduleSpec("vp", 1000, (999, 700, 300, 0)), reuse=2),
    frame_rate=Fraction(30000, 1001),
    time_base=Fraction(1, 90000),
    variable_timing=True,
    colour=ColourDescription(9, 16, 9, 1, 10),
    overlap_mode="guided",
    gop_frames=4,
    overlap_frames=1,
    base_codec="av1",
    audio=AudioHeader("aac", b"\x12\x10", 48000, 2, Fraction(1, 48000)),
    tiling=Tiling(256, 192),
)


RESTORED = dataclasses.replace(
    PLAIN,
    prior_id="pocket",
    dtype="float32",
    trajectory=None,
    frame_rate=Fraction(30000, 1001),
    time_base=Fraction(1001, 30000),
    colour=ColourDescription(),
    base_codec="av1",
)


def gop(index: int, start: int, frames: int, overlap: int, **more: Any) -> GopRecord:
    values: dict[str, Any] = {"sent": 2, "steps": (b"ab", b"cde"), "z_hash": HASH, "fingerprint": PRINT} | more
    return GopRecord(index, start, frames, overlap, **values)


def _full_gop(index: int, start: int, overlap: int) -> GopRecord:
    shown = range(start + overlap, start + 4)
    base = BaseRun(60.25 - index, 2, "modelled", bytes(shown) * 2)
    pts = tuple(3003 * frame + frame % 2 for frame in shown)
    return gop(index, start, 4, overlap, sent=1, base=base, quality=0.25, probes=((0, 0.5), (2, 0.125)), pts=pts)


def _restored_gop(index: int, start: int, overlap: int) -> GopRecord:
    whole = _full_gop(index, start, overlap)
    probes = ((0, 0.5), (8, 0.25))
    return dataclasses.replace(whole, sent=0, steps=(), z_hash=b"", fingerprint=b"", probes=probes, restoration=5)


def _audio(start: int, durations: tuple[int, ...], gap: int) -> AudioRecord:
    packets = []
    for number, duration in enumerate(durations):
        packets.append(AudioPacket(start, duration, bytes([number] * (number + 1))))
        start += duration + gap
    return AudioRecord(tuple(packets))


FILMS: dict[str, Film] = {
    "plain": (PLAIN, tuple(gop(n, 44 * n, 48, 4 if n else 0) for n in range(3))),
    "full": (
        FULL,
        (
            _full_gop(0, 0, 0),
            _audio(-1024, (1024, 1024, 1024), 0),
            _full_gop(1, 3, 1),
            _audio(2048, (1024, 960), -1),
            _full_gop(2, 7, 0),
            _restored_gop(3, 10, 1),
        ),
    ),
    "restored": (
        RESTORED,
        tuple(dataclasses.replace(_restored_gop(n, 4 * n, 0), pts=None, probes=()) for n in range(3)),
    ),
}


QUALITIES_AT_SOURCE: dict[str, float | None] = {"plain": None, "full": 0.1875, "restored": 0.25}


def write(path: Path, film: Film, quality_at_source: float | None = None) -> bytes:
    header, items = film
    with BitstreamWriter(path, header) as writer:
        append(writer, items)
        writer.finish(quality_at_source=quality_at_source)
    return path.read_bytes()


def append(writer: BitstreamWriter, items: tuple[GopRecord | AudioRecord, ...]) -> None:
    for item in items:
        if isinstance(item, GopRecord):
            writer.append_gop(item)
        else:
            writer.append_audio(item)


def jsonable(value: Any) -> Any:
    """Dataclasses as JSON: bytes as hexadecimal, fractions as "n/d"."""
    match value:
        case bytes():
            return value.hex()
        case Fraction():
            return f"{value.numerator}/{value.denominator}"
        case tuple():
            return [jsonable(item) for item in value]
        case _ if dataclasses.is_dataclass(value):
            return {field.name: jsonable(getattr(value, field.name)) for field in dataclasses.fields(value)}
        case _:
            return value


def with_header(path: Path, target: Path, **changes: Any) -> Path:
    """A file of GOPs alone, whole, as if its header said something else."""
    with (
        BitstreamReader(path) as reader,
        BitstreamWriter(target, dataclasses.replace(reader.header, **changes)) as writer,
    ):
        for record in reader.records():
            assert isinstance(record, GopRecord)
            writer.append_gop(record)
        writer.finish()
    return target


names = st.text(min_size=1, max_size=16)
blobs = st.binary(max_size=40)
halves = st.floats(width=16, min_value=-60000, max_value=60000)
ratios = st.builds(Fraction, st.integers(1, limits.MAX_RATIO), st.integers(1, limits.MAX_RATIO))
times = st.integers(-(2**61), 2**61)
sizes = st.tuples(st.integers(1, 8192), st.integers(1, 4096))


@st.composite
def schedules(draw: st.DrawFn) -> ScheduleSpec:
    unit = draw(st.integers(2, limits.MAX_LEVEL))
    levels = draw(st.sets(st.integers(0, unit), min_size=2, max_size=min(unit + 1, 256)))
    return ScheduleSpec(draw(st.sampled_from(limits.SCHEDULES)), unit, tuple(sorted(levels, reverse=True)))


@st.composite
def trajectories(draw: st.DrawFn) -> TrajectorySpec:
    parameters = tuple(draw(st.lists(st.integers(0, 2**32 - 1), max_size=8)))
    coder = CoderSpec(draw(st.sampled_from(limits.CODERS)), parameters)
    return TrajectorySpec(draw(st.integers(0, 2**64 - 1)), coder, draw(schedules()), draw(st.integers(1, 255)))


SIDES = st.integers(1, limits.MAX_SIDE)


@st.composite
def headers(draw: st.DrawFn) -> Header:
    (source_width, source_height), (coding_width, coding_height) = draw(sizes), draw(sizes)
    length = draw(st.integers(1, 1024))
    code = st.integers(0, 255)
    colours = st.builds(ColourDescription, code, code, code, code, st.integers(1, 16))
    usual = st.sampled_from((ColourDescription(), ColourDescription(1, 1, 1, 1, 8)))
    base_codec, rate = draw(st.sampled_from(limits.BASE_CODECS)), draw(ratios)
    track = st.builds(AudioHeader, names, blobs, st.integers(1, 2**24), st.integers(1, 255), ratios)
    return Header(
        prior_id=draw(names),
        weights_hash=draw(st.binary(min_size=8, max_size=8)),
        dtype=draw(st.sampled_from(limits.STORED_DTYPES)),
        trajectory=draw(trajectories() if base_codec == "none" else st.none() | trajectories()),
        source_width=source_width,
        source_height=source_height,
        coding_width=coding_width,
        coding_height=coding_height,
        frame_rate=rate,
        time_base=draw(ratios | st.just(1 / rate)),
        variable_timing=draw(st.booleans()),
        colour=draw(usual | colours),
        overlap_mode=draw(st.sampled_from(limits.OVERLAP_MODES)),
        gop_frames=length,
        overlap_frames=draw(st.integers(0, length - 1)),
        base_codec=base_codec,
        target=Target(draw(st.sampled_from(limits.TARGETS)), draw(st.floats(-(2.0**99), 2.0**99, width=32))),
        metric=draw(st.sampled_from(limits.METRICS)),
        audio=draw(st.none() | track),
        writer=draw(names),
        tiling=draw(st.none() | st.builds(lambda a, b: Tiling(max(a, b), min(a, b)), SIDES, SIDES)),
    )


bases = st.builds(
    BaseRun, st.integers(0, 280).map(lambda crf: crf / 4), st.sampled_from((1, 2)), st.just("modelled"), blobs
)


@st.composite
def gops(draw: st.DrawFn) -> GopRecord:
    frames = draw(st.integers(1, 12))
    overlap = draw(st.integers(0, frames - 1))
    base = draw(st.none() | bases)
    steps = tuple(draw(st.lists(blobs, max_size=20)))
    sent = draw(st.integers(0, len(steps)))
    restoration = draw(_restorations(bool(steps))) if base is not None else None
    t_star = (restoration or 0) + sent
    deepest = limits.MAX_RESTORATION if restoration is not None and not steps else (restoration or 0) + len(steps)
    probes = draw(st.dictionaries(st.integers(0, deepest).filter(lambda step: step != t_star), halves, max_size=5))
    exactly = {"min_size": frames - overlap, "max_size": frames - overlap}
    start = draw(st.integers(0, 2**31 - 13))
    told = sent > 0 or draw(st.booleans())
    return GopRecord(
        index=draw(st.integers(0, start)),
        start_frame=start,
        frames=frames,
        overlap=overlap,
        sent=sent,
        steps=steps,
        z_hash=draw(st.binary(min_size=4, max_size=4)) if told else b"",
        fingerprint=draw(st.binary(min_size=8, max_size=8)) if told else b"",
        base=base,
        quality=draw(st.none() | halves),
        probes=tuple(sorted(probes.items())),
        pts=draw(st.none() | st.lists(st.integers(0, 2**61), **exactly).map(sorted).map(tuple)),
        restoration=restoration,
    )


def _restorations(steps: bool) -> st.SearchStrategy[int | None]:
    return (
        st.sampled_from((None, limits.WHOLE_RESTORATION))
        if steps
        else st.none() | st.integers(0, limits.MAX_RESTORATION)
    )


packets = st.builds(AudioPacket, times, st.integers(0, 2**32 - 1), blobs)
audio_records = st.lists(packets, min_size=1, max_size=20).map(tuple).map(AudioRecord)


def read(path: Path) -> list[Item]:
    """Everything that a reader finds, in order."""
    with BitstreamReader(path) as reader:
        return list(reader.records())


def indices(items: list[Item]) -> list[int]:
    """The numbers of the GOPs among them."""
    return [item.index for item in items if isinstance(item, GopRecord)]
