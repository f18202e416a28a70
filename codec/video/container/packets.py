"""Packets of a file's pictures and sound in the file's order, their timestamps on one clock."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from av.audio.stream import AudioStream
from av.container.input import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.stream import VideoStream

from codec.video.clock import Clock, Stamp

# AVFMT_TS_DISCONT and AVFMT_NOTIMESTAMPS of libavformat/avformat.h; PyAV names only some flags.
_DISCONTINUOUS, _UNTIMED = 0x0200, 0x0080

_Stream = TypeVar("_Stream", VideoStream, AudioStream)


def has_times(container: InputContainer) -> bool:
    """Whether the format stores timestamps at all; raw streams don't."""
    return not container.format.flags & _UNTIMED


def has_discontinuities(container: InputContainer) -> bool:
    """Whether the format's timestamps may jump, so that they are no use for seeking either."""
    return bool(container.format.flags & _DISCONTINUOUS)


def only_decoding_times(container: InputContainer) -> bool:
    """Whether the format (AVI) counts packets only: what FFmpeg makes of the other times and durations is a guess."""
    return container.format.name == "avi"


class Packets:
    """Reads both streams, since each tells where the other's timestamps jump.

    Attributes:
        clock: what it has bridged so far.
        reading: whether a read is under way: forever, where a disk or network is dead.
        stopped: where the file could not be read further, as FFmpeg says it; None at a proper end.
    """

    def __init__(self, container: InputContainer, video: VideoStream | None, audio: AudioStream | None) -> None:
        self.clock = Clock(has_discontinuities(container), None if video is None else video.index)
        self.reading = False
        self.stopped: FFmpegError | None = None
        self._container = container
        self._guesses = only_decoding_times(container)
        self._streams = [stream for stream in (video, audio) if stream is not None]

    def of(self, wanted: _Stream) -> Iterator[Packet[_Stream]]:
        """The packets of one of the streams, then an empty one that flushes its decoder."""
        try:
            for packet in self._demux():
                self._put_on_clock(packet)
                if packet.stream.index == wanted.index:
                    yield packet
        except FFmpegError as error:
            self.stopped = error

    def _demux(self) -> Iterator[Packet[Any]]:
        packets = self._container.demux(*self._streams)
        while True:
            self.reading = True
            try:
                packet = next(packets, None)
            finally:
                self.reading = False
            if packet is None:
                return
            yield packet

    def _put_on_clock(self, packet: Packet[_Stream]) -> None:
        base = packet.time_base
        if self._guesses and packet.stream.type == "video":
            packet.pts = None
        dts = None if packet.dts is None else packet.dts * base
        stamp = Stamp(packet.stream.index, dts, (packet.duration or 0) * base, packet.pos)
        ticks = round(self.clock.shift(stamp) / base)
        if not ticks:
            return
        if packet.pts is not None:
            packet.pts += ticks
        if packet.dts is not None:
            packet.dts += ticks
