"""The audio track beside the video: packets carried unchanged, re-encoded to low-rate Opus, or left out.

One track is carried: the file's default one, else its first.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container.input import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from numpy.typing import NDArray

from codec.errors import InputError
from codec.video.source import open_source, seconds, select_audio

COPYABLE = ("aac", "mp3", "opus", "ac3", "eac3", "flac", "alac")
OPUS_RATE = 48000
_OPUS_CLOCK = Fraction(1, OPUS_RATE)
# Three 20 ms frames share one packet: a third of the packets, hence of what a container spends on each.
_OPUS_FRAME_MS = 60
_OPUS_BIT_RATES = {1: 24_000, 2: 32_000}
_SILENCE_AFTER = OPUS_RATE // 10
_MAX_SILENCE = 60 * OPUS_RATE


class AudioMode(StrEnum):
    """What happens to the audio."""

    COPY = "copy"
    OPUS = "opus"
    NONE = "none"


@dataclass(frozen=True)
class AudioTrack:
    """What a decoder and a muxer need to know of a track.

    Attributes:
        codec: FFmpeg's name ("aac", "opus").
        extradata: the codec's own header, b"" where it has none.
        layout: FFmpeg's channel layout name ("stereo").
        time_base: of its packets, seconds.
        bit_rate: bits a second, or None.
    """

    codec: str
    extradata: bytes
    sample_rate: int
    channels: int
    layout: str
    time_base: Fraction
    bit_rate: int | None


@dataclass(frozen=True)
class AudioPacket:
    """One coded packet; `pts` and `duration` count the track's time base from the clip's first video frame on.

    `pts` is negative for the packets that a decoder only needs to warm up.
    """

    pts: int
    duration: int
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class Audio:
    """A track and its packets in order; they are read while iterating, once."""

    track: AudioTrack
    packets: Iterator[AudioPacket]


def read_audio(
    path: Path, origin: Fraction, duration: float | None, mode: AudioMode, bit_rate: int | None = None
) -> Audio | None:
    """Audio of the clip that begins at `origin` (`VideoReader.origin`) and lasts `duration` seconds.

    Args:
        bit_rate: of Opus, bits a second; None takes 32 kbit/s for stereo, 24 for mono.

    Returns:
        None for mode `none` and for files without audio.

    Raises:
        InputError: the file can't be read, or its audio codec can't be copied.
    """
    if mode is AudioMode.NONE:
        return None
    container = open_source(path)
    stream = select_audio(container)
    if stream is None:
        container.close()
        return None
    end = None if duration is None else origin + seconds(duration)
    if mode is AudioMode.OPUS:
        return _encode_opus(container, stream, origin, end, bit_rate)
    return _copy(container, stream, origin, end, path)


# --- Copy ----------------------------------------------------------------------------------------------------------


def _copy(container: InputContainer, stream: AudioStream, origin: Fraction, end: Fraction | None, path: Path) -> Audio:
    context = stream.codec_context
    codec = context.codec.canonical_name
    if codec not in COPYABLE:
        container.close()
        raise InputError(f"{path} has {codec} audio, which can't be carried unchanged; choose Opus or no audio.")
    time_base = stream.time_base or Fraction(1, context.sample_rate)
    track = AudioTrack(
        codec=codec,
        extradata=context.extradata or b"",
        sample_rate=context.sample_rate,
        channels=context.channels,
        layout=context.layout.name,
        time_base=time_base,
        bit_rate=context.bit_rate or None,
    )
    return Audio(
        track, _copied_packets(container, stream, origin / time_base, None if end is None else end / time_base)
    )


def _copied_packets(
    container: InputContainer, stream: AudioStream, origin: Fraction, end: Fraction | None
) -> Iterator[AudioPacket]:
    """Packets that sound between `origin` and `end`, and one before: these codecs decode a packet with its past."""
    offset = round(origin)
    previous: AudioPacket | None = None
    with container:
        for packet in _demux(container, stream):
            if packet.pts is None or not packet.size:
                continue
            if end is not None and packet.pts >= end:
                break
            current = AudioPacket(packet.pts - offset, packet.duration or 0, bytes(packet))
            if current.pts + current.duration <= 0:
                previous = current
                continue
            if previous is not None:
                yield previous
                previous = None
            yield current


def _demux(container: InputContainer, stream: AudioStream) -> Iterator[Packet[AudioStream]]:
    with contextlib.suppress(FFmpegError):
        yield from container.demux(stream)


# --- Opus ----------------------------------------------------------------------------------------------------------


def _encode_opus(
    container: InputContainer, stream: AudioStream, origin: Fraction, end: Fraction | None, bit_rate: int | None
) -> Audio:
    layout = "mono" if stream.codec_context.channels == 1 else "stereo"
    channels = 1 if layout == "mono" else 2
    encoder = av.CodecContext.create("libopus", "w")
    encoder.sample_rate = OPUS_RATE
    encoder.layout = layout
    encoder.format = "s16"
    encoder.time_base = _OPUS_CLOCK
    encoder.bit_rate = bit_rate or _OPUS_BIT_RATES[channels]
    encoder.options = {"frame_duration": str(_OPUS_FRAME_MS), "vbr": "on", "application": "audio"}
    encoder.open()
    track = AudioTrack(
        codec="opus",
        extradata=encoder.extradata or b"",
        sample_rate=OPUS_RATE,
        channels=channels,
        layout=layout,
        time_base=_OPUS_CLOCK,
        bit_rate=encoder.bit_rate,
    )
    return Audio(track, _opus_packets(container, stream, origin, end, encoder))


def _opus_packets(
    container: InputContainer,
    stream: AudioStream,
    origin: Fraction,
    end: Fraction | None,
    encoder: AudioCodecContext,
) -> Iterator[AudioPacket]:
    layout = encoder.layout.name
    limit = None if end is None else round((end - origin) * OPUS_RATE)
    position = 0
    with container:
        for samples in _continuous(_decoded(container, stream, layout), origin, limit, encoder.channels):
            frame = AudioFrame.from_ndarray(samples, format="s16", layout=layout)
            frame.sample_rate = OPUS_RATE
            frame.time_base = _OPUS_CLOCK
            frame.pts = position
            position += frame.samples
            yield from _packed(encoder, frame)
        if position:
            yield from _packed(encoder, None)


def _packed(encoder: AudioCodecContext, frame: AudioFrame | None) -> Iterator[AudioPacket]:
    for packet in encoder.encode(frame):
        yield AudioPacket(packet.pts or 0, packet.duration or 0, bytes(packet))


def _decoded(
    container: InputContainer, stream: AudioStream, layout: str
) -> Iterator[tuple[Fraction | None, NDArray[np.int16]]]:
    """(time on the file's clock, interleaved samples at 48 kHz, shape (1, n * channels)); bad packets are left out."""
    resampler = AudioResampler("s16", layout, OPUS_RATE)
    for packet in _demux(container, stream):
        try:
            frames: list[AudioFrame | None] = list(packet.decode())
        except FFmpegError:
            continue
        if not packet.size:
            frames.append(None)
        for frame in frames:
            for resampled in resampler.resample(frame):
                time = None if resampled.pts is None else resampled.pts * (resampled.time_base or _OPUS_CLOCK)
                yield time, np.asarray(resampled.to_ndarray(), np.int16)


def _continuous(
    timed: Iterator[tuple[Fraction | None, NDArray[np.int16]]], origin: Fraction, limit: int | None, channels: int
) -> Iterator[NDArray[np.int16]]:
    """Samples from `origin` on without holes: cut to the clip, silence where the source has a gap."""
    position = 0
    for time, samples in timed:
        late = 0 if time is None else round((time - origin) * OPUS_RATE) - position
        # Once running, only real gaps count: timestamps of coarse clocks jitter around the sample count.
        if position and abs(late) < _SILENCE_AFTER:
            late = 0
        silence = np.zeros((1, max(0, min(late, _MAX_SILENCE)) * channels), np.int16)
        piece = np.concatenate([silence, samples[:, max(0, -late) * channels :]], axis=1)
        if limit is not None:
            piece = piece[:, : (limit - position) * channels]
        position += piece.shape[1] // channels
        if piece.size:
            yield piece
        if position == limit:
            return
