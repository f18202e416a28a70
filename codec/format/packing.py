"""The bytes of each record of a `.fgvc` file; docs/format.md is the specification.

Every `pack_x` has an `unpack_x` that reads the same values in the same order and refuses, by FormatError, bytes that
no `pack_x` writes. Where versions of the format differ, `unpack_x` is told which one to read; `pack_x` writes the
newest. None of them knows of files, and none needs more memory than a few times its input.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate, pairwise

from codec.format import limits
from codec.format.fingerprint import FINGERPRINT_BYTES, HASH_BYTES
from codec.format.records import AudioPacket, AudioRecord, BaseRun, EndRecord, GopRecord, IndexEntry
from codec.format.wire import Cursor, half, require, signed, varint

VERSION = 4
MIN_GOP_RECORD = 13  # without steps and base; so an index can't be larger than what it indexes

# Of a GOP. Versions before 4 always tell overlap and steps, and _STEPS that fewer are sent than there are.
_BASE, _QUALITY, _PROBES, _TIMES, _STEPS, _STATE, _RESTORED, _OVERLAP = (1 << bit for bit in range(8))
_GOP_FLAGS = {1: _STATE - 1, 2: _RESTORED - 1, 3: _OVERLAP - 1, 4: 2 * _OVERLAP - 1}
_REGULAR = 1
_COMPLETE, _JUDGED = 1, 2


def pack_gop(gop: GopRecord) -> bytes:
    """Bytes of a GOP: its numbers, then its steps' payloads, then its base."""
    flags = (
        _BASE * (gop.base is not None)
        | _QUALITY * (gop.quality is not None)
        | _PROBES * bool(gop.probes)
        | _TIMES * (gop.pts is not None)
        | _STEPS * bool(gop.steps)
        | _STATE * bool(gop.z_hash)
        | _RESTORED * (gop.restoration is not None)
        | _OVERLAP * (gop.overlap > 0)
    )
    return b"".join(
        (
            bytes([flags]),
            *map(varint, (gop.index, gop.start_frame, gop.frames)),
            varint(gop.overlap) if gop.overlap else b"",
            varint(len(gop.steps)) + varint(gop.sent) if gop.steps else b"",
            b"" if gop.restoration is None else bytes([gop.restoration]),
            # Neighbouring steps are about equally long, so most differences fit in one byte.
            *_deltas(map(len, gop.steps)),
            b"" if gop.quality is None else half(gop.quality),
            _pack_probes(gop.probes) if gop.probes else b"",
            gop.z_hash,
            gop.fingerprint,
            *_deltas(gop.pts or ()),
            *gop.steps,
            b"" if gop.base is None else _pack_base(gop.base),
        )
    )


def unpack_gop(data: bytes, version: int) -> GopRecord:
    """Inverse of pack_gop."""
    c = Cursor(data)
    flags = c.flags(_GOP_FLAGS[version]) | (_STATE if version == 1 else 0)
    index, start_frame = c.varint(limits.MAX_FRAMES), c.varint(limits.MAX_FRAMES)
    frames = c.varint(limits.MAX_GOP_FRAMES)
    overlap, steps, sent = _unpack_extent(c, flags, version)
    restoration = c.byte() if flags & _RESTORED else None
    lengths = _sums(c, steps)
    quality = c.half() if flags & _QUALITY else None
    probes = _unpack_probes(c) if flags & _PROBES else ()
    z_hash, fingerprint = (c.take(HASH_BYTES), c.take(FINGERPRINT_BYTES)) if flags & _STATE else (b"", b"")
    shown = max(frames - overlap, 0)
    pts = _sums(c, shown) if flags & _TIMES else None
    base = _unpack_base(c, shown, version) if flags & _BASE and version < 4 else None
    payloads = tuple(c.take(length) for length in lengths)
    base = _unpack_base(c, shown, version) if flags & _BASE and version > 3 else base
    c.finish()
    return GopRecord(
        index=index,
        start_frame=start_frame,
        frames=frames,
        overlap=overlap,
        sent=sent,
        steps=payloads,
        z_hash=z_hash,
        fingerprint=fingerprint,
        base=base,
        quality=quality,
        probes=probes,
        pts=pts,
        restoration=restoration,
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
    flags = c.flags(_REGULAR)
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
    flags = c.flags(_COMPLETE | (_JUDGED if version > 2 else 0))
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


def _deltas(values: Iterable[int]) -> Iterable[bytes]:
    previous = 0
    for value in values:
        yield signed(value - previous)
        previous = value


def _sums(c: Cursor, count: int) -> tuple[int, ...]:
    return tuple(accumulate(c.signed() for _ in range(count)))


def _pack_probes(probes: tuple[tuple[int, float], ...]) -> bytes:
    return varint(len(probes)) + b"".join(bytes([step]) + half(value) for step, value in probes)


def _unpack_probes(c: Cursor) -> tuple[tuple[int, float], ...]:
    return tuple((c.byte(), c.half()) for _ in range(c.varint(limits.MAX_PROBES)))


def _unpack_extent(c: Cursor, flags: int, version: int) -> tuple[int, int, int]:
    """(overlap, steps, sent); version 4 leaves out what is 0."""
    overlap = c.varint(limits.MAX_GOP_FRAMES) if version < 4 or flags & _OVERLAP else 0
    steps = c.varint(limits.MAX_LEVELS - 1) if version < 4 or flags & _STEPS else 0
    sent = c.varint(steps) if flags & _STEPS else steps
    if version > 3:
        told = bool(flags & _OVERLAP), bool(flags & _STEPS)
        require(told == (overlap > 0, steps > 0), "a GOP tells of no overlap or no steps")
    return overlap, steps, sent


def _pack_base(base: BaseRun) -> bytes:
    require(base.packing == "modelled", "a base layer of version 1 can't be written any more")
    return varint(round(limits.CRF_UNIT * base.crf) << 1 | base.scale - 1) + base.data


def _unpack_base(c: Cursor, count: int, version: int) -> BaseRun:
    crf, scale = _unpack_level(c, version)
    if version > 1:
        return BaseRun(crf, scale, "modelled", c.take(c.left) if version > 3 else c.blob(c.left))
    lengths = [c.varint() for _ in range(count)]
    return BaseRun(crf, scale, "plain", b"".join((*map(varint, lengths), c.take(sum(lengths)))))


def _unpack_level(c: Cursor, version: int) -> tuple[float, int]:
    """(crf, scale); versions 1 and 2 rounded the CRF."""
    if version > 2:
        packed = c.varint(limits.CRF_UNIT * limits.MAX_CRF << 1 | 1)
        return (packed >> 1) / limits.CRF_UNIT, (packed & 1) + 1
    packed = c.byte()
    return packed & 63 | packed >> 7 << 6, (packed >> 6 & 1) + 1
