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

from codec.format.records import AudioPacket
from codec.video.sound.samples import decoded
from codec.video.sound.track import AudioTrack

_RATE = 48000
_BIT_RATES = {1: 64_000, 2: 128_000}


class Transcoder:
    """Decodes a track and codes it as AAC, at most stereo, at 48 kHz.

    Attributes:
        track: what it makes.
    """

    def __init__(self, track: AudioTrack) -> None:
        self._from = track
        decoder, encoder = av.CodecContext.create(track.codec, "r"), av.CodecContext.create("aac", "w")
        assert isinstance(decoder, AudioCodecContext)
        assert isinstance(encoder, AudioCodecContext)
        self._decoder, self._encoder = decoder, encoder
        self._decoder.extradata = track.extradata or None
        # Packets' times count what a codec needs to start; left to itself the decoder drops it and says nothing.
        self._decoder.options = {"flags2": "+skip_manual"}
        self._decoder.sample_rate = track.sample_rate
        self._decoder.layout = f"{track.channels}c" if track.channels > 2 else ("mono", "stereo")[track.channels - 1]
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
        coded = Packet(packet.data)
        coded.pts = coded.dts = packet.pts
        coded.duration, coded.time_base = packet.duration, self._from.time_base
        yield from self._coded(decoded(lambda: self._decoder.decode(coded)))

    def finish(self) -> Iterator[AudioPacket]:
        """What is left."""
        yield from self._coded(decoded(lambda: self._decoder.decode(None)))
        with contextlib.suppress(FFmpegError):
            yield from _packets(self._encoder.encode(None))

    def _coded(self, frames: Iterable[AudioFrame]) -> Iterator[AudioPacket]:
        for frame in frames:
            for made in self._resampler.resample(frame):
                samples = self._from_zero(made)
                if samples is None:
                    continue
                samples.pts, samples.time_base = self._position, Fraction(1, _RATE)
                self._position += samples.samples
                yield from _packets(self._encoder.encode(samples))

    def _from_zero(self, frame: AudioFrame) -> AudioFrame | None:
        """Without what sounds before the clip's first picture; silence where the track has a hole."""
        if frame.pts is None or frame.time_base is None:
            return frame
        late = round(frame.pts * frame.time_base * _RATE) - self._position
        if self._position and abs(late) < _RATE // 20:
            return frame
        samples = np.asarray(frame.to_ndarray())
        samples = samples[:, -late:] if late < 0 else np.pad(samples, ((0, 0), (late, 0)))
        if not samples.shape[1]:
            return None
        cut = AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout=frame.layout.name)
        cut.sample_rate = _RATE
        return cut


def _packets(coded: Iterable[Packet[AudioStream]]) -> Iterator[AudioPacket]:
    for packet in coded:
        yield AudioPacket(packet.pts or 0, packet.duration or 0, bytes(packet))
