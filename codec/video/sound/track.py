"""The audio track beside the video: packets carried unchanged, re-encoded to low-rate Opus, or left out.

One track is carried: of the picture's programme the default one, else the first, that can be decoded; or that of the
number that was asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from pathlib import Path

import av
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container.input import InputContainer
from av.packet import Packet

from codec.errors import InputError
from codec.format.records import AudioPacket
from codec.video.container import adts
from codec.video.container.packets import Packets
from codec.video.container.source import open_source, seconds, select_audio, select_video
from codec.video.delivery import OPENING_PATIENCE, delivered
from codec.video.sound.alignment import aligned, continuous
from codec.video.sound.samples import decoded, resampled

COPYABLE = ("aac", "mp3", "opus", "ac3", "eac3", "flac", "alac")
OPUS_RATE = 48000
_OPUS_CLOCK = Fraction(1, OPUS_RATE)
# Three 20 ms frames share one packet: a third of the packets, hence of what a container spends on each.
_OPUS_FRAME_MS = 60
# At less than this two channels are worse than one (Opus' own advice is 24 kbit/s for speech, 32 for music).
_LEAST_STEREO = 24_000
_USUAL = 32_000


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
class Audio:
    """A track and its packets in order; they are read while iterating, once."""

    track: AudioTrack
    packets: Iterator[AudioPacket]


def read_audio(
    path: Path,
    origin: Fraction,
    duration: float | None,
    mode: AudioMode,
    bit_rate: int | None = None,
    pictures_end: Fraction | None = None,
    number: int | None = None,
) -> Audio | None:
    """Audio of the clip that begins at `origin` (`VideoReader.origin`) and lasts `duration` seconds.

    Args:
        bit_rate: of Opus, bits a second, 32 kbit/s by default; below 24 kbit/s the sound becomes mono.
        pictures_end: seconds after `origin` at which the last picture ends, where that is known: no silence leads far
            beyond it.
        number: of the track, 1 for the first that can be decoded; None takes the default one.

    Returns:
        None for mode `none` and for files without audio that can be decoded.

    Raises:
        InputError: the file can't be read, has no track of that number, or its audio codec can't be copied; or while
            iterating, it has stopped delivering.
    """
    if mode is AudioMode.NONE:
        return None
    source = _Source.open(path, origin, None if duration is None else seconds(duration), pictures_end, number)
    if source is None:
        return None
    audio = _encode_opus(source, bit_rate) if mode is AudioMode.OPUS else _copy(source)
    # The patience of an opening: where sound ends early, or has a hole, all the pictures behind it are passed by.
    return replace(audio, packets=delivered(audio.packets, path, OPENING_PATIENCE))


@dataclass(frozen=True)
class _Source:
    """An open file, its sound on the clock that its pictures have, and the part of it that is wanted."""

    path: Path
    container: InputContainer
    stream: AudioStream
    packets: Packets
    origin: Fraction
    duration: Fraction | None
    pictures_end: Fraction | None

    @classmethod
    def open(
        cls,
        path: Path,
        origin: Fraction,
        duration: Fraction | None,
        pictures_end: Fraction | None,
        number: int | None,
    ) -> _Source | None:
        container = open_source(path)
        try:
            video = select_video(container, path) if container.streams.video else None
            stream = select_audio(container, video, path, number)
        except InputError:
            container.close()
            raise
        if stream is None:
            container.close()
            return None
        return cls(path, container, stream, Packets(container, video, stream), origin, duration, pictures_end)

    def demux(self) -> Iterator[Packet[AudioStream]]:
        """Packets up to where the file can be read."""
        return self.packets.of(self.stream)


# --- Copy ----------------------------------------------------------------------------------------------------------


def _copy(source: _Source) -> Audio:
    context = source.stream.codec_context
    codec = context.codec.canonical_name
    if codec not in COPYABLE:
        source.container.close()
        raise InputError(f"{source.path} has {codec} audio, which can't be carried unchanged; choose Opus or no audio.")
    packets = source.demux()
    extradata = context.extradata or b""
    if codec == "aac" and not extradata:
        # Transport streams carry a header in every packet, which other containers keep once.
        packets, extradata = adts.unwrapped(packets, source.path)
    track = AudioTrack(
        codec=codec,
        extradata=extradata,
        sample_rate=context.sample_rate,
        channels=context.channels,
        layout=context.layout.name,
        time_base=source.stream.time_base or Fraction(1, context.sample_rate),
        bit_rate=context.bit_rate or None,
    )
    return Audio(track, _copied_packets(source, packets, track.time_base))


def _copied_packets(
    source: _Source, packets: Iterator[Packet[AudioStream]], time_base: Fraction
) -> Iterator[AudioPacket]:
    """Packets that sound within the clip, and one before: these codecs decode a packet with its past.

    One that overlaps its predecessor by more than half is left out, so that joined sound stays in step.
    """
    offset = round(source.origin / time_base)
    end = None if source.duration is None else source.duration / time_base
    warming: AudioPacket | None = None
    reached: int | None = None
    with source.container:
        for packet in packets:
            if packet.pts is None or not packet.size:
                continue
            current = AudioPacket(packet.pts - offset, packet.duration or 0, bytes(packet))
            if end is not None and current.pts >= end:
                break
            if reached is not None and current.pts + current.duration // 2 < reached:
                continue
            reached = current.pts + current.duration
            if reached <= 0:
                warming = current
                continue
            if warming is not None:
                yield warming
                warming = None
            yield current


# --- Opus ----------------------------------------------------------------------------------------------------------


def _encode_opus(source: _Source, bit_rate: int | None) -> Audio:
    rate = bit_rate or _USUAL
    layout = "mono" if source.stream.codec_context.channels == 1 or rate < _LEAST_STEREO else "stereo"
    channels = 1 if layout == "mono" else 2
    encoder = av.CodecContext.create("libopus", "w")
    encoder.sample_rate = OPUS_RATE
    encoder.layout = layout
    encoder.format = "flt"
    encoder.time_base = _OPUS_CLOCK
    encoder.bit_rate = rate
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
    return Audio(track, _opus_packets(source, encoder))


def _opus_packets(source: _Source, encoder: AudioCodecContext) -> Iterator[AudioPacket]:
    layout = encoder.layout.name
    limit = None if source.duration is None else round(source.duration * OPUS_RATE)
    position = 0
    with source.container:
        frames = (frame for packet in source.demux() for frame in decoded(packet.decode))
        heard = resampled(frames, source.origin, layout, OPUS_RATE)
        for samples in continuous(aligned(heard, OPUS_RATE, source.pictures_end), limit):
            frame = AudioFrame.from_ndarray(samples.reshape(1, -1), format="flt", layout=layout)
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
