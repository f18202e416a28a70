"""Coded sound into another codec, packet by packet, for files that must play everywhere."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from fractions import Fraction

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.error import FFmpegError
from av.packet import Packet

from codec.arrays import Samples
from codec.format.records import AudioPacket
from codec.video.sound.alignment import silence
from codec.video.sound.decoding import TrackDecoder
from codec.video.sound.track import AudioTrack

_RATE = 48000
_BIT_RATES = {1: 64_000, 2: 128_000}


class Transcoder:
    """Decodes a track and codes it as AAC, at most stereo, at 48 kHz.

    Attributes:
        track: what it makes.
    """

    def __init__(self, track: AudioTrack) -> None:
        encoder = av.CodecContext.create("aac", "w")
        assert isinstance(encoder, AudioCodecContext)
        self._decoder, self._encoder = TrackDecoder(track), encoder
        channels = min(2, track.channels)
        self._encoder.sample_rate, self._encoder.layout = _RATE, ("mono", "stereo")[channels - 1]
        self._encoder.format = "fltp"
        self._encoder.time_base = Fraction(1, _RATE)
        self._encoder.bit_rate = _BIT_RATES[channels]
        self._encoder.open()
        self._resampler = AudioResampler("fltp", self._encoder.layout.name, _RATE)
        self._position = 0
        self.track = AudioTrack(
            codec="aac",
            extradata=self._encoder.extradata or b"",
            sample_rate=_RATE,
            channels=channels,
            layout=self._encoder.layout.name,
            time_base=Fraction(1, _RATE),
            bit_rate=_BIT_RATES[channels],
        )

    def take(self, packet: AudioPacket) -> Iterator[AudioPacket]:
        """What a packet gives; a bad one gives nothing."""
        yield from self._coded(self._decoder.take(packet))

    def finish(self) -> Iterator[AudioPacket]:
        """What is left."""
        yield from self._coded(self._decoder.finish())
        with contextlib.suppress(FFmpegError):
            yield from _packets(self._encoder.encode(None))

    def _coded(self, frames: Iterable[AudioFrame]) -> Iterator[AudioPacket]:
        resampled = (made for frame in frames for made in self._resampler.resample(frame))
        for samples in (placed for made in resampled for placed in self._from_zero(made)):
            samples.pts, samples.time_base = self._position, Fraction(1, _RATE)
            self._position += samples.samples
            yield from _packets(self._encoder.encode(samples))

    def _from_zero(self, frame: AudioFrame) -> Iterator[AudioFrame]:
        """Without what sounds before the clip's first picture; silence before it where the track has a hole."""
        late = 0
        if frame.pts is not None and frame.time_base is not None:
            late = round(frame.pts * frame.time_base * _RATE) - self._position
        if late == 0 or (self._position and abs(late) < _RATE // 20):
            yield frame
            return
        for block in silence(late, self.track.channels):
            yield self._frame(block.T)
        samples = np.asarray(frame.to_ndarray(), np.float32)[:, max(0, -late) :]
        if samples.shape[1]:
            yield self._frame(samples)

    def _frame(self, samples: Samples) -> AudioFrame:
        """Of samples (channels, n)."""
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout=self.track.layout)
        frame.sample_rate = _RATE
        return frame


def _packets(coded: Iterable[Packet[AudioStream]]) -> Iterator[AudioPacket]:
    for packet in coded:
        yield AudioPacket(packet.pts or 0, packet.duration or 0, bytes(packet))
