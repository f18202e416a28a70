"""Sound as samples on the pictures' clock, to play it beside them: of a video, or of a `.fgvc` file by itself.

Sample 0 belongs to the clip's first frame: who plays both shows frames at their times.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.layout import AudioLayout
from av.error import FFmpegError

from codec.arrays import Samples
from codec.errors import FormatError
from codec.format.header import AudioHeader
from codec.format.reader import BitstreamReader
from codec.format.records import AudioPacket, AudioRecord, IndexEntry
from codec.video import VideoReader
from codec.video.container.packets import Packets, has_discontinuities
from codec.video.container.source import open_source, select_audio, select_video
from codec.video.sound.alignment import Piece, aligned
from codec.video.sound.decoding import TrackDecoder
from codec.video.sound.samples import decoded, resampled
from codec.video.sound.track import COPYABLE, AudioTrack

STEREO = 2

# A decoder that starts in mid-stream needs some packets until it gives what it would have given from the start.
_WARM_UP = Fraction(1, 4)


class SoundSource(Protocol):
    """Something whose sound can be read from any time on."""

    def read(self, at: Fraction, rate: int) -> Iterator[Piece]:
        """Pieces in order, resampled to `rate` a second, from `at` seconds after the first frame or a little before.

        Raises:
            InputError: the file can't be read.
        """
        ...


@dataclass(frozen=True)
class VideoSound:
    """The sound of a video.

    Attributes:
        origin: seconds on its own clock at which the clip's first frame is shown.
        track: its number, None for the default one.
    """

    path: Path
    origin: Fraction
    track: int | None = None

    def read(self, at: Fraction, rate: int) -> Iterator[Piece]:
        """See `SoundSource.read`; bad packets are left out."""
        with open_source(self.path) as container:
            video = select_video(container, self.path)
            stream = select_audio(container, video, self.path, self.track)
            if stream is None:
                return
            base = stream.time_base or Fraction(1, stream.codec_context.sample_rate)
            wanted = self.origin + max(Fraction(0), at) - _WARM_UP
            if at > 0 and not has_discontinuities(container):
                # Where a format can't, reading from its start finds the place too.
                with contextlib.suppress(FFmpegError):
                    container.seek(int(wanted / base), stream=stream)
            packets = (
                packet
                for packet in Packets(container, video, stream).of(stream)
                if packet.pts is None or packet.pts * packet.time_base >= wanted
            )
            frames = (frame for packet in packets for frame in decoded(packet.decode))
            yield from aligned(resampled(frames, self.origin, "stereo", rate), rate)


@dataclass(frozen=True)
class CodedSound:
    """The sound that a `.fgvc` file carries."""

    path: Path

    def read(self, at: Fraction, rate: int) -> Iterator[Piece]:
        """See `SoundSource.read`; FormatError where no part of the file can be read, or its sound not be decoded."""
        with BitstreamReader(self.path) as reader:
            if reader.header.audio is None:
                return
            track = track_of(self.path, reader.header.audio)
            first = gop_before(reader, at - _WARM_UP)
            records = (record for record in reader.records(first) if isinstance(record, AudioRecord))
            late = (at - _WARM_UP) / track.time_base
            packets = (packet for record in records for packet in record.packets if packet.pts >= late)
            yield from aligned(resampled(_decoded(track, packets), Fraction(0), "stereo", rate), rate)


def gop_before(reader: BitstreamReader, time: Fraction) -> IndexEntry | None:
    """A GOP behind which all sound from `time` on lies, seconds after the first frame; None where only reading tells.

    Sound lies behind the GOP that is shown with it; one GOP more is for rounding.
    """
    if reader.end is None or reader.header.variable_timing:
        return None
    shown = time * reader.header.frame_rate
    begun = [entry for entry in reader.end.index if entry.start_frame <= shown]
    return begun[-2] if len(begun) > 1 else None


def sound_of_video(path: Path, start: float, track: int | None = None) -> VideoSound | None:
    """The sound of a clip that begins `start` seconds into a video; None where there is none.

    Args:
        track: its number, None for the default one.

    Raises:
        InputError: the file can't be read, or has no track of that number.
    """
    with open_source(path) as container:
        if select_audio(container, select_video(container, path), path, track) is None:
            return None
    with VideoReader(path, start=start) as reader:
        return VideoSound(path, reader.origin, track)


def sound_of_coded(path: Path) -> CodedSound | None:
    """The sound of a `.fgvc` file; None where there is none.

    Raises:
        InputError: the file can't be opened.
        FormatError: it is no such file, or its sound can't be decoded.
    """
    with BitstreamReader(path) as reader:
        if reader.header.audio is None:
            return None
        track_of(path, reader.header.audio)
        return CodedSound(path)


def blocks(pieces: Iterator[Piece], number: int, size: int) -> Iterator[Samples]:
    """Blocks `number`, `number + 1`, ... of `size` samples each; silence where no piece has any.

    The last one ends with the last piece.
    """
    begin, block, held = number * size, _silence(size), False
    for piece in pieces:
        wave, first = piece.samples[max(0, begin - piece.first) :], max(piece.first, begin)
        while len(wave):
            part = wave[: max(0, begin + size - first)]
            block[first - begin :][: len(part)] = part
            wave, first, held = wave[len(part) :], first + len(part), True
            if first >= begin + size:
                yield block
                begin, block, held = begin + size, _silence(size), False
    if held:
        yield block


def _silence(size: int) -> Samples:
    return np.zeros((size, STEREO), np.float32)


def track_of(path: Path, header: AudioHeader) -> AudioTrack:
    """What a decoder and a muxer need, from what the header of the file `path` keeps.

    Raises:
        FormatError: no encoder writes such a track.
    """
    layout = _layout(header.channels)
    if header.codec not in COPYABLE or layout is None:
        raise FormatError(
            f"{path} names sound that can't be decoded ({header.codec} of {header.channels} channels); "
            "leave it out (--no-audio), or encode the source again."
        )
    return AudioTrack(
        header.codec, header.extradata, header.sample_rate, header.channels, layout, header.time_base, None
    )


def _layout(channels: int) -> str | None:
    """FFmpeg's usual one of so many channels."""
    try:
        return AudioLayout(f"{channels}c").name
    except ValueError:
        return None


def _decoded(track: AudioTrack, packets: Iterator[AudioPacket]) -> Iterator[AudioFrame]:
    decoder = TrackDecoder(track)
    for packet in packets:
        yield from decoder.take(packet)
    yield from decoder.finish()
