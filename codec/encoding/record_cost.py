"""What a record costs beside what it carries; a budget pays for that too."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from codec.format import framing, packing
from codec.format.fingerprint import FINGERPRINT_BYTES, HASH_BYTES
from codec.format.header import Header
from codec.format.limits import MAX_CRF, MAX_FRAMES, MAX_PACKETS
from codec.format.reader import pack_file_end, pack_file_header
from codec.format.records import AudioPacket, BaseRun, EndRecord, GopRecord
from codec.format.wire import signed, varint
from codec.video.cutting import Gop, largest_gop

# A step's length is stored as a difference, the GOP's in its record's head and in the file's index; then how many steps
# there are and are sent.
STEP_LENGTH = 2
GOP_LENGTHS = 10
STEP_COUNTS = 4
# An audio packet's time, duration and length, all as differences, and its share of a record's head.
AUDIO_PACKET = 7
# The head of a record of audio: mark, type, length, check, checksum; flags, how many packets, first time, duration.
AUDIO_RECORD = 12 + 13
# How many GOPs the index has; the GOPs themselves are in their overhead.
INDEX_COUNT = 4


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


@dataclass(frozen=True)
class SoundCost:
    """Most bits that a track takes in a file, however its packets are cut into records.

    Attributes:
        packets: how many there are.
        data: bits of themselves and their lengths.
        timing: bits for the time of one, where a record has gaps or durations that differ.
        odd: how many begin behind a gap, or last longer or shorter than the one before.
        usual: seconds that most of them last.
    """

    packets: int
    data: int
    timing: int
    odd: int
    usual: Fraction

    @classmethod
    def of(cls, packets: Iterable[AudioPacket], time_base: Fraction) -> SoundCost:
        """Of a track's packets, all of which are read."""
        count = data = timing = odd = 0
        durations: Counter[int] = Counter()
        before: AudioPacket | None = None
        for packet in packets:
            count, data = count + 1, data + len(packet.data) + len(varint(len(packet.data)))
            gap = 0 if before is None else packet.pts - before.pts - before.duration
            odd += before is not None and (gap != 0 or packet.duration != before.duration)
            timing = max(timing, len(signed(gap)) + len(varint(packet.duration)))
            durations[packet.duration] += 1
            before = packet
        usual = durations.most_common(1)[0][0] if durations else 0
        return cls(count, 8 * data, 8 * timing, odd, usual * time_base)

    @property
    def anyhow(self) -> int:
        """Whatever the GOPs between them are."""
        return self.data + 8 * AUDIO_PACKET * self.packets

    def between(self, gops: int, header: Header) -> int:
        """In a file of so many GOPs: records lie behind them, and before the end."""
        if not self.packets:
            return 0
        records = gops + 1 + self.packets // MAX_PACKETS
        spoilt = self.packets
        if self.usual and not header.variable_timing:
            frames = largest_gop(header.gop_frames, header.overlap_frames)
            # A record holds a GOP's time, and what begins at either end.
            spoilt = min(spoilt, self.odd * (math.ceil(frames / header.frame_rate / self.usual) + self.odd + 2))
        return min(self.data + 8 * AUDIO_RECORD * records + self.timing * (spoilt if self.odd else 0), self.anyhow)


def file_overhead(header: Header) -> int:
    """Most bits of a file beside its records."""
    most = 2**63 - 1
    end = EndRecord(True, MAX_FRAMES, most, most, (), most // 4, 0.5)
    return 8 * (len(pack_file_header(header)) + len(pack_file_end(end)) + INDEX_COUNT)
