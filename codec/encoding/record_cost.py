"""What a record costs beside what it carries; a budget pays for that too."""

from __future__ import annotations

from collections.abc import Iterable

from codec.format import framing, packing
from codec.format.fingerprint import FINGERPRINT_BYTES, HASH_BYTES
from codec.format.records import MAX_FRAMES, BaseRun, GopRecord
from codec.video import AudioPacket

# A step's length is stored as a difference, the GOP's in its record's head and in the file's index.
STEP_LENGTH = 2
GOP_LENGTHS = 10
# An audio packet's time, duration and length, all as differences, and its share of a record's head.
AUDIO_PACKET = 7


def overhead_bits(frames: int, overlap: int, base: BaseRun | None, times: tuple[int, ...] | None, steps: int) -> int:
    """Most bits of a GOP's record beside base units and payloads, wherever in the file it lies.

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
        z_hash=bytes(HASH_BYTES),
        fingerprint=bytes(FINGERPRINT_BYTES),
        base=base,
        pts=times,
    )
    size = len(framing.frame(framing.GOP, packing.pack_gop(record))) - record.base_bits // 8
    return 8 * (size + GOP_LENGTHS + STEP_LENGTH * steps)


def audio_bits(packets: Iterable[AudioPacket]) -> int:
    """Most bits that a track's records take; reads all of it."""
    return 8 * sum(len(packet.data) + AUDIO_PACKET for packet in packets)
