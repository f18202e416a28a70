"""Audio between the source's packets and the file's records: about a GOP's time of packets in each."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from codec.format.records import MAX_PACKETS, AudioPacket, AudioRecord, AudioTrack
from codec.format.writer import BitstreamWriter
from codec.video import Audio
from codec.video import AudioPacket as SourcePacket
from codec.video import AudioTrack as SourceTrack


def header_of(track: SourceTrack) -> AudioTrack:
    """What the file's header keeps of a source's track."""
    return AudioTrack(track.codec, track.extradata, track.sample_rate, track.channels, track.time_base)


class AudioFeed:
    """Appends a source's audio to a file in step with its GOPs.

    Args:
        after: last packet time that the file already holds (when resuming), in the track's time base.
    """

    def __init__(self, audio: Audio | None, writer: BitstreamWriter, after: int | None) -> None:
        self._writer = writer
        self._time_base = audio.track.time_base if audio else Fraction(1)
        packets: Iterator[SourcePacket] = audio.packets if audio else iter(())
        self._packets = (packet for packet in packets if after is None or packet.pts > after)
        self._next = next(self._packets, None)

    def advance(self, time: Fraction) -> None:
        """Append all packets that begin up to `time` seconds after the clip's start."""
        self._append(time)

    def finish(self) -> None:
        """Append the rest."""
        self._append(None)

    def _append(self, until: Fraction | None) -> None:
        batch: list[AudioPacket] = []
        while self._next is not None and (until is None or self._next.pts * self._time_base <= until):
            batch.append(AudioPacket(self._next.pts, self._next.duration, self._next.data))
            self._next = next(self._packets, None)
            if len(batch) == MAX_PACKETS:
                self._writer.append_audio(AudioRecord(tuple(batch)))
                batch = []
        if batch:
            self._writer.append_audio(AudioRecord(tuple(batch)))
