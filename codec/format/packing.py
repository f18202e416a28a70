"""The bytes of each record of a `.fgvc` file; docs/format.md is the specification.

Every `pack_x` has an `unpack_x` that reads the same values in the same order and refuses, by FormatError, bytes that
no `pack_x` writes. Where versions of the format differ, `unpack_x` is told which one to read; `pack_x` writes the
newest. None of them knows of files, and none needs more memory than a few times its input.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from itertools import accumulate, pairwise

from codec.format import limits
from codec.format.fingerprint import FINGERPRINT_BYTES, HASH_BYTES
from codec.format.header import AudioHeader, CoderSpec, ColourDescription, Header, ScheduleSpec, Target, Tiling
from codec.format.records import AudioPacket, AudioRecord, BaseRun, EndRecord, GopRecord, IndexEntry
from codec.format.wire import Cursor, blob, half, require, signed, single, text, varint

VERSION = 3
MIN_GOP_RECORD = 15  # without steps and base; so an index can't be larger than what it indexes

_BASE, _QUALITY, _PROBES, _TIMES, _SENT, _STATE, _RESTORED = (1 << bit for bit in range(7))
_FLAGS = {1: _STATE - 1, 2: 2 * _STATE - 1, 3: 2 * _RESTORED - 1}
_VARIABLE, _AUDIO, _TILED = 1, 2, 4
_REGULAR = 1
_COMPLETE, _JUDGED = 1, 2


def pack_header(header: Header) -> bytes:
    """Bytes of the header, without the file's signature."""
    tiled, voiced = header.tiling is not None, header.audio is not None
    flags = _VARIABLE * header.variable_timing | _AUDIO * voiced | _TILED * tiled
    sizes = (header.source_width, header.source_height, header.coding_width, header.coding_height)
    return b"".join(
        (
            bytes([flags]),
            text(header.prior_id),
            header.weights_hash,
            _code(header.dtype, limits.STORED_DTYPES),
            varint(header.seed),
            _code(header.coder.id, limits.CODERS),
            varint(len(header.coder.params)),
            *map(varint, header.coder.params),
            _pack_schedule(header.schedule),
            *map(varint, sizes),
            _pack_ratio(header.frame_rate),
            _pack_ratio(header.time_base),
            _pack_colour(header.colour),
            _code(header.overlap_mode, limits.OVERLAP_MODES),
            varint(header.gop_frames),
            varint(header.overlap_frames),
            varint(header.reuse),
            _code(header.base_codec, limits.BASE_CODECS),
            _code(header.target.kind, limits.TARGETS),
            single(header.target.value),
            _code(header.metric, limits.METRICS),
            _pack_track(header.audio),
            text(header.writer),
            b"" if header.tiling is None else varint(header.tiling.side) + varint(header.tiling.stride),
        )
    )


def unpack_header(data: bytes, version: int) -> Header:
    """Inverse of pack_header."""
    c = Cursor(data)
    flags = _flags(c, _VARIABLE | _AUDIO | _TILED)
    header = Header(
        prior_id=c.text(limits.MAX_NAME),
        weights_hash=c.take(limits.WEIGHTS_HASH_BYTES),
        dtype=_name(c, limits.STORED_DTYPES, "number type"),
        seed=c.varint(),
        coder=_unpack_coder(c),
        schedule=_unpack_schedule(c, version),
        source_width=c.varint(limits.MAX_SIDE),
        source_height=c.varint(limits.MAX_SIDE),
        coding_width=c.varint(limits.MAX_SIDE),
        coding_height=c.varint(limits.MAX_SIDE),
        frame_rate=_unpack_ratio(c),
        time_base=_unpack_ratio(c),
        variable_timing=bool(flags & _VARIABLE),
        colour=ColourDescription(*c.take(5)),
        overlap_mode=_name(c, limits.OVERLAP_MODES, "overlap mode"),
        gop_frames=c.varint(limits.MAX_GOP_FRAMES),
        overlap_frames=c.varint(limits.MAX_GOP_FRAMES),
        reuse=c.varint(limits.MAX_REUSE),
        base_codec=_name(c, limits.BASE_CODECS, "base codec"),
        target=(target := Target(_name(c, limits.TARGETS, "target"), c.single())),
        metric=_unpack_metric(c, version, target),
        audio=_unpack_track(c) if flags & _AUDIO else None,
        writer=c.text(limits.MAX_NAME),
        tiling=Tiling(c.varint(limits.MAX_SIDE), c.varint(limits.MAX_SIDE)) if flags & _TILED else None,
    )
    c.finish()
    return header


def pack_gop(gop: GopRecord) -> bytes:
    """Bytes of a GOP: its numbers, then its base, then its steps' payloads."""
    flags = (
        _BASE * (gop.base is not None)
        | _QUALITY * (gop.quality is not None)
        | _PROBES * bool(gop.probes)
        | _TIMES * (gop.pts is not None)
        | _SENT * (gop.sent != len(gop.steps))
        | _STATE * bool(gop.z_hash)
        | _RESTORED * (gop.restoration is not None)
    )
    return b"".join(
        (
            bytes([flags]),
            *map(varint, (gop.index, gop.start_frame, gop.frames, gop.overlap, len(gop.steps))),
            varint(gop.sent) if flags & _SENT else b"",
            b"" if gop.restoration is None else bytes([gop.restoration]),
            # Neighbouring steps are about equally long, so most differences fit in one byte.
            *_deltas(map(len, gop.steps)),
            b"" if gop.quality is None else half(gop.quality),
            _pack_probes(gop.probes) if gop.probes else b"",
            gop.z_hash,
            gop.fingerprint,
            *_deltas(gop.pts or ()),
            b"" if gop.base is None else _pack_base(gop.base),
            *gop.steps,
        )
    )


def unpack_gop(data: bytes, version: int) -> GopRecord:
    """Inverse of pack_gop."""
    c = Cursor(data)
    flags = _flags(c, _FLAGS[version]) | (_STATE if version == 1 else 0)
    index, start_frame = c.varint(limits.MAX_FRAMES), c.varint(limits.MAX_FRAMES)
    frames, overlap = c.varint(limits.MAX_GOP_FRAMES), c.varint(limits.MAX_GOP_FRAMES)
    steps = c.varint(limits.MAX_LEVELS - 1)
    sent = c.varint(steps) if flags & _SENT else steps
    restoration = c.byte() if flags & _RESTORED else None
    lengths = _sums(c, steps)
    quality = c.half() if flags & _QUALITY else None
    probes = _unpack_probes(c) if flags & _PROBES else ()
    z_hash, fingerprint = (c.take(HASH_BYTES), c.take(FINGERPRINT_BYTES)) if flags & _STATE else (b"", b"")
    shown = max(frames - overlap, 0)
    pts = _sums(c, shown) if flags & _TIMES else None
    base = _unpack_base(c, shown, version) if flags & _BASE else None
    payloads = tuple(c.take(length) for length in lengths)
    c.finish()
    return GopRecord(
        index,
        start_frame,
        frames,
        overlap,
        sent,
        payloads,
        z_hash,
        fingerprint,
        base,
        quality,
        probes,
        pts,
        restoration,
    )


def pack_audio(record: AudioRecord) -> bytes:
    """Bytes of a run of audio packets; a run without gaps, of equal durations, spends none on timing."""
    packets = record.packets
    gaps = [b.pts - a.pts - a.duration for a, b in pairwise(packets)]
    durations = [packet.duration for packet in packets]
    regular = not any(gaps) and len(set(durations)) == 1
    return b"".join(
        (
            bytes([_REGULAR * regular]),
            varint(len(packets)),
            signed(packets[0].pts),
            varint(durations[0]) if regular else b"".join((*map(signed, gaps), *map(varint, durations))),
            *(varint(len(packet.data)) for packet in packets),
            *(packet.data for packet in packets),
        )
    )


def unpack_audio(data: bytes) -> AudioRecord:
    """Inverse of pack_audio."""
    c = Cursor(data)
    flags = _flags(c, _REGULAR)
    count = c.varint(limits.MAX_PACKETS)
    require(count > 0, "an audio record is empty")
    first = c.signed()
    gaps = [0] * (count - 1) if flags & _REGULAR else [c.signed() for _ in range(count - 1)]
    durations = [c.varint()] * count if flags & _REGULAR else [c.varint() for _ in range(count)]
    times = accumulate((gap + length for gap, length in zip(gaps, durations, strict=False)), initial=first)
    lengths = [c.varint() for _ in range(count)]
    packets = [AudioPacket(pts, d, c.take(n)) for pts, d, n in zip(times, durations, lengths, strict=True)]
    c.finish()
    return AudioRecord(tuple(packets))


def pack_end(end: EndRecord) -> bytes:
    """Bytes of the last record; the index as differences."""
    offsets = [0, *(entry.offset for entry in end.index)]
    starts = [0, *(entry.start_frame for entry in end.index)]
    moves = zip(pairwise(offsets), pairwise(starts), end.index, strict=True)
    judged = end.quality_at_source is not None
    return b"".join(
        (
            bytes([_COMPLETE * end.complete | _JUDGED * judged]),
            *map(varint, (end.frames, end.base_bytes, end.audio_bytes, end.last_duration)),
            b"" if end.quality_at_source is None else half(end.quality_at_source),
            varint(len(end.index)),
            *(varint(b - a) + varint((t - s) << 1 | entry.chain_start) for (a, b), (s, t), entry in moves),
        )
    )


def unpack_end(data: bytes, offset: int, version: int) -> EndRecord:
    """Inverse of pack_end for an end record that lies at `offset` in its file; no index points past it."""
    c = Cursor(data)
    flags = _flags(c, _COMPLETE | (_JUDGED if version > 2 else 0))
    frames, base_bytes, audio_bytes = c.varint(limits.MAX_FRAMES), c.varint(offset), c.varint(offset)
    last_duration = c.varint() if version > 2 else 0
    quality_at_source = c.half() if flags & _JUDGED else None
    entries = []
    at = start = 0
    for _ in range(c.varint(limits.MAX_FRAMES)):
        ahead, move = c.varint(offset), c.varint(2 * limits.MAX_FRAMES + 1)
        at, start = at + ahead, start + (move >> 1)
        require(ahead >= MIN_GOP_RECORD and at < offset, "the index points where no GOP can be")
        require(start < limits.MAX_FRAMES, "the index names a frame out of range")
        entries.append(IndexEntry(at, start, bool(move & 1)))
    c.finish()
    complete, index = bool(flags & _COMPLETE), tuple(entries)
    return EndRecord(complete, frames, base_bytes, audio_bytes, index, last_duration, quality_at_source)


def _flags(c: Cursor, known: int) -> int:
    flags = c.byte()
    require(flags & ~known == 0, f"unknown flags {flags:#04x}")
    return flags


def _code(name: str, known: tuple[str, ...]) -> bytes:
    return bytes([known.index(name)])


def _name(c: Cursor, known: tuple[str, ...], what: str) -> str:
    code = c.byte()
    require(code < len(known), f"{what} {code} is unknown to this version of the program")
    return known[code]


def _deltas(values: Iterable[int]) -> Iterable[bytes]:
    previous = 0
    for value in values:
        yield signed(value - previous)
        previous = value


def _sums(c: Cursor, count: int) -> tuple[int, ...]:
    return tuple(accumulate(c.signed() for _ in range(count)))


def _pack_ratio(value: Fraction) -> bytes:
    return varint(value.numerator) + varint(value.denominator)


def _unpack_ratio(c: Cursor) -> Fraction:
    numerator, denominator = c.varint(limits.MAX_RATIO), c.varint(limits.MAX_RATIO)
    require(denominator > 0, "a ratio is divided by zero")
    return Fraction(numerator, denominator)


def _unpack_coder(c: Cursor) -> CoderSpec:
    name = _name(c, limits.CODERS, "channel coder")
    count = c.varint(limits.MAX_CODER_PARAMS)
    return CoderSpec(name, tuple(c.varint() for _ in range(count)))


def _pack_schedule(schedule: ScheduleSpec) -> bytes:
    # Levels follow smooth curves, so their third differences take a byte each.
    differences = _thrice(_differences, [schedule.unit - level for level in schedule.levels])
    head = _code(schedule.kind, limits.SCHEDULES) + varint(schedule.unit) + varint(len(schedule.levels))
    return head + b"".join(map(signed, differences))


def _unpack_schedule(c: Cursor, version: int) -> ScheduleSpec:
    kind = _name(c, limits.SCHEDULES, "noise schedule")
    unit, count = c.varint(limits.MAX_LEVEL), c.varint(limits.MAX_LEVELS)
    if version == 1:
        falls = [c.varint(limits.MAX_LEVEL) for _ in range(count)]
        return ScheduleSpec(kind, unit, tuple(accumulate(falls, lambda level, fall: level - fall, initial=unit))[1:])
    depths = _thrice(accumulate, [c.signed() for _ in range(count)])
    return ScheduleSpec(kind, unit, tuple(unit - depth for depth in depths))


def _differences(values: Iterable[int]) -> Iterable[int]:
    return (b - a for a, b in pairwise((0, *values)))


def _thrice(change: Callable[[Iterable[int]], Iterable[int]], values: Iterable[int]) -> tuple[int, ...]:
    return tuple(change(change(change(values))))


def _pack_colour(colour: ColourDescription) -> bytes:
    return bytes((colour.primaries, colour.transfer, colour.matrix, colour.range, colour.bit_depth))


def _pack_track(track: AudioHeader | None) -> bytes:
    if track is None:
        return b""
    rates = varint(track.sample_rate) + varint(track.channels) + _pack_ratio(track.time_base)
    return text(track.codec) + rates + blob(track.extradata)


def _unpack_track(c: Cursor) -> AudioHeader:
    codec, rate, channels, time_base = c.text(limits.MAX_NAME), c.varint(), c.varint(), _unpack_ratio(c)
    return AudioHeader(codec, c.blob(limits.MAX_EXTRADATA), rate, channels, time_base)


def _pack_probes(probes: tuple[tuple[int, float], ...]) -> bytes:
    return varint(len(probes)) + b"".join(bytes([step]) + half(value) for step, value in probes)


def _unpack_probes(c: Cursor) -> tuple[tuple[int, float], ...]:
    return tuple((c.byte(), c.half()) for _ in range(c.varint(limits.MAX_PROBES)))


def _pack_base(base: BaseRun) -> bytes:
    require(base.packing == "modelled", "a base layer of version 1 can't be written any more")
    return varint(round(limits.CRF_UNIT * base.crf) << 1 | base.scale - 1) + blob(base.data)


def _unpack_base(c: Cursor, count: int, version: int) -> BaseRun:
    crf, scale = _unpack_level(c, version)
    if version > 1:
        return BaseRun(crf, scale, "modelled", c.blob(c.left))
    lengths = [c.varint() for _ in range(count)]
    return BaseRun(crf, scale, "plain", b"".join((*map(varint, lengths), c.take(sum(lengths)))))


def _unpack_level(c: Cursor, version: int) -> tuple[float, int]:
    """(crf, scale); versions 1 and 2 rounded the CRF."""
    if version > 2:
        packed = c.varint(limits.CRF_UNIT * limits.MAX_CRF << 1 | 1)
        return (packed >> 1) / limits.CRF_UNIT, (packed & 1) + 1
    packed = c.byte()
    return packed & 63 | packed >> 7 << 6, (packed >> 6 & 1) + 1


def _unpack_metric(c: Cursor, version: int, target: Target) -> str:
    """What quality is measured in; versions 1 and 2 measured the target's metric, where it is one."""
    if version > 2:
        return _name(c, limits.METRICS, "metric")
    return target.kind if target.kind in limits.METRICS else "none"
