"""What a record costs beside what it carries; a budget pays for that too."""

from __future__ import annotations

from collections.abc import Iterable

from codec.format import framing, packing
from codec.format.fingerprint import FINGERPRINT_BYTES, HASH_BYTES
from codec.format.header import Header
from codec.format.limits import MAX_CRF, MAX_FRAMES
from codec.format.records import AudioPacket, BaseRun, GopRecord
from codec.video.cutting import Gop

# A step's length is stored as a difference, the GOP's in its record's head and in the file's index; then how many steps
# there are and are sent.
STEP_LENGTH = 2
GOP_LENGTHS = 10
STEP_COUNTS = 4
# An audio packet's time, duration and length, all as differences, and its share of a record's head.
AUDIO_PACKET = 7


def gop_overhead(gop: Gop, header: Header, steps: int) -> int:
    """Most bits of a GOP's record beside base units and payloads, wherever in the file it lies.

    Args:
        steps: that it might hold.
    """
    return _overhead(len(gop.pixels), gop.overlap, header.base_codec != "none", times_of(gop, header), steps)


def kept_overhead(record: GopRecord, steps: int) -> int:
    """What `gop_overhead` said of a GOP when it was coded."""
    return _overhead(record.frames, record.overlap, record.base is not None, record.pts, steps)


def _overhead(frames: int, overlap: int, based: bool, times: tuple[int, ...] | None, steps: int) -> int:
    base = BaseRun(MAX_CRF, 1, "modelled", b"") if based else None
    return overhead_bits(frames, overlap, base, times, steps)


def times_of(gop: Gop, header: Header) -> tuple[int, ...] | None:
    """The times of a GOP's own frames in the header's time base, where timing is variable."""
    return tuple(round(time / header.time_base) for time in gop.times) if header.variable_timing else None


def overhead_bits(frames: int, overlap: int, base: BaseRun | None, times: tuple[int, ...] | None, steps: int) -> int:
    """Most bits of a GOP's record beside base units and payloads, wherever in the file it lies.

    Without probes, which only the search for a quality measures, and no budget pays for.

    Args:
        times: of its own frames, where timing is variable.
        steps: that it might hold.
    """
    record = GopRecord(
        index=MAX_FRAMES // 2,
        start_frame=MAX_FRAMES // 2,
        frames=frames,
        overlap=overlap,
        sent=0,
        steps=(),
        # Nothing is told of a state that nothing has changed.
        z_hash=bytes(HASH_BYTES if steps else 0),
        fingerprint=bytes(FINGERPRINT_BYTES if steps else 0),
        base=base,
        quality=0.5,
        pts=times,
        restoration=None if base is None else 0,
    )
    size = len(framing.frame(framing.GOP, packing.pack_gop(record))) - record.base_bits // 8
    counts = STEP_COUNTS if steps else 0
    return 8 * (size + GOP_LENGTHS + counts + STEP_LENGTH * steps)


def audio_bits(packets: Iterable[AudioPacket]) -> int:
    """Most bits that a track's records take; reads all of it."""
    return 8 * sum(len(packet.data) + AUDIO_PACKET for packet in packets)
