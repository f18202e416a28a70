"""Audio between the source's packets and the file's records: about a GOP's time of packets in each."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from codec.format.header import AudioHeader
from codec.format.limits import MAX_PACKETS
from codec.format.records import AudioPacket, AudioRecord
from codec.format.writer import BitstreamWriter
from codec.video import Audio, AudioTrack


def header_of(track: AudioTrack) -> AudioHeader:
    """What the file's header keeps of a source's track."""
    return AudioHeader(track.codec, track.extradata, track.sample_rate, track.channels, track.time_base)


class AudioFeed:
    """Appends a source's audio to a file in step with its GOPs.

    Args:
        after: last packet time that the file already holds (when resuming), in the track's time base.
    """

    def __init__(self, audio: Audio | None, writer: BitstreamWriter, after: int | None) -> None:
        self._writer = writer
        self._time_base = audio.track.time_base if audio else Fraction(1)
        packets: Iterator[AudioPacket] = audio.packets if audio else iter(())
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
            batch.append(self._next)
            self._next = next(self._packets, None)
            if len(batch) == MAX_PACKETS:
                self._writer.append_audio(AudioRecord(tuple(batch)))
                batch = []
        if batch:
            self._writer.append_audio(AudioRecord(tuple(batch)))
