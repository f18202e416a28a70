"""The bytes of a `.fgvc` file's header; docs/format.md is the specification, packing.py has those of its records."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import accumulate, pairwise

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
from codec.format.wire import Cursor, blob, code, ratio, require, signed, single, text, varint

# Of the header. Versions before 4 always tell trajectory and time base.
_VARIABLE, _AUDIO, _TILED, _TRAJECTORY, _TIME_BASE = (1 << bit for bit in range(5))
_HEADER_FLAGS = {1: _TRAJECTORY - 1, 2: _TRAJECTORY - 1, 3: _TRAJECTORY - 1, 4: 2 * _TIME_BASE - 1}
# Descriptions of colour that one byte tells: nothing is known, and BT.709 as most files have it.
_COLOURS = (ColourDescription(), ColourDescription(1, 1, 1, 1, 8))


def pack_header(header: Header) -> bytes:
    """Bytes of the header, without the file's signature."""
    flags = (
        _VARIABLE * header.variable_timing
        | _AUDIO * (header.audio is not None)
        | _TILED * (header.tiling is not None)
        | _TRAJECTORY * (header.trajectory is not None)
        | _TIME_BASE * (header.time_base * header.frame_rate != 1)
    )
    sizes = (header.source_width, header.source_height, header.coding_width, header.coding_height)
    return b"".join(
        (
            bytes([flags]),
            text(header.prior_id),
            header.weights_hash,
            code(header.dtype, limits.STORED_DTYPES),
            b"" if header.trajectory is None else _pack_shared(header.trajectory),
            *map(varint, sizes),
            ratio(header.frame_rate),
            ratio(header.time_base) if flags & _TIME_BASE else b"",
            _pack_colour(header.colour),
            code(header.overlap_mode, limits.OVERLAP_MODES),
            varint(header.gop_frames),
            varint(header.overlap_frames),
            b"" if header.trajectory is None else varint(header.trajectory.reuse),
            code(header.base_codec, limits.BASE_CODECS),
            code(header.target.kind, limits.TARGETS),
            single(header.target.value),
            code(header.metric, limits.METRICS),
            _pack_track(header.audio),
            text(header.writer),
            b"" if header.tiling is None else varint(header.tiling.side) + varint(header.tiling.stride),
        )
    )


def unpack_header(data: bytes, version: int) -> Header:
    """Inverse of pack_header."""
    c = Cursor(data)
    flags = c.flags(_HEADER_FLAGS[version]) | (_TRAJECTORY | _TIME_BASE if version < 4 else 0)
    prior_id, weights_hash = c.text(limits.MAX_NAME), c.take(limits.WEIGHTS_HASH_BYTES)
    dtype = c.name(limits.STORED_DTYPES, "number type")
    shared = (c.varint(), _unpack_coder(c), _unpack_schedule(c, version)) if flags & _TRAJECTORY else None
    header = Header(
        prior_id=prior_id,
        weights_hash=weights_hash,
        dtype=dtype,
        source_width=c.varint(limits.MAX_SIDE),
        source_height=c.varint(limits.MAX_SIDE),
        coding_width=c.varint(limits.MAX_SIDE),
        coding_height=c.varint(limits.MAX_SIDE),
        frame_rate=(rate := c.ratio(limits.MAX_RATIO)),
        time_base=c.ratio(limits.MAX_RATIO) if flags & _TIME_BASE else 1 / rate,
        variable_timing=bool(flags & _VARIABLE),
        colour=_unpack_colour(c, version),
        overlap_mode=c.name(limits.OVERLAP_MODES, "overlap mode"),
        gop_frames=c.varint(limits.MAX_GOP_FRAMES),
        overlap_frames=c.varint(limits.MAX_GOP_FRAMES),
        trajectory=None if shared is None else TrajectorySpec(*shared, c.varint(limits.MAX_REUSE)),
        base_codec=c.name(limits.BASE_CODECS, "base codec"),
        target=(target := Target(c.name(limits.TARGETS, "target"), c.single())),
        metric=_unpack_metric(c, version, target),
        audio=_unpack_track(c) if flags & _AUDIO else None,
        writer=c.text(limits.MAX_NAME),
        tiling=Tiling(c.varint(limits.MAX_SIDE), c.varint(limits.MAX_SIDE)) if flags & _TILED else None,
    )
    c.finish()
    if version > 3 and flags & _TIME_BASE:
        require(header.time_base * header.frame_rate != 1, "a header tells the usual time base")
    return header


def _pack_shared(trajectory: TrajectorySpec) -> bytes:
    """All of it but `reuse`, which lies further on."""
    coder = trajectory.coder
    parameters = (len(coder.params), *coder.params)
    head = varint(trajectory.seed) + code(coder.id, limits.CODERS) + b"".join(map(varint, parameters))
    return head + _pack_schedule(trajectory.schedule)


def _unpack_coder(c: Cursor) -> CoderSpec:
    name = c.name(limits.CODERS, "channel coder")
    count = c.varint(limits.MAX_CODER_PARAMS)
    return CoderSpec(name, tuple(c.varint() for _ in range(count)))


def _pack_schedule(schedule: ScheduleSpec) -> bytes:
    # Levels follow smooth curves, so their third differences take a byte each.
    differences = _thrice(_differences, [schedule.unit - level for level in schedule.levels])
    head = code(schedule.kind, limits.SCHEDULES) + varint(schedule.unit) + varint(len(schedule.levels))
    return head + b"".join(map(signed, differences))


def _unpack_schedule(c: Cursor, version: int) -> ScheduleSpec:
    kind = c.name(limits.SCHEDULES, "noise schedule")
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
    if colour in _COLOURS:
        return bytes([_COLOURS.index(colour)])
    described = (colour.primaries, colour.transfer, colour.matrix, colour.range, colour.bit_depth)
    return bytes((len(_COLOURS), *described))


def _unpack_colour(c: Cursor, version: int) -> ColourDescription:
    usual = len(_COLOURS) if version < 4 else c.byte()
    require(usual <= len(_COLOURS), f"description of colour {usual} is unknown to this version of the program")
    if usual < len(_COLOURS):
        return _COLOURS[usual]
    described = ColourDescription(*c.take(5))
    require(version < 4 or described not in _COLOURS, "a usual description of colour is spelled out")
    return described


def _pack_track(track: AudioHeader | None) -> bytes:
    if track is None:
        return b""
    rates = varint(track.sample_rate) + varint(track.channels) + ratio(track.time_base)
    return text(track.codec) + rates + blob(track.extradata)


def _unpack_track(c: Cursor) -> AudioHeader:
    codec, rate, channels, time_base = c.text(limits.MAX_NAME), c.varint(), c.varint(), c.ratio(limits.MAX_RATIO)
    return AudioHeader(codec, c.blob(limits.MAX_EXTRADATA), rate, channels, time_base)


def _unpack_metric(c: Cursor, version: int, target: Target) -> str:
    """What quality is measured in; versions 1 and 2 measured the target's metric, where it is one."""
    if version > 2:
        return c.name(limits.METRICS, "metric")
    return target.kind if target.kind in limits.METRICS else "none"
