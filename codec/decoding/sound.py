"""Sound as samples on the pictures' clock, to play it beside them: of a video, or of a `.fgvc` file by itself.

Sample 0 belongs to the clip's first frame: who plays both shows frames at their times.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Protocol

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.error import FFmpegError
from av.packet import Packet

from codec.arrays import Samples
from codec.format.header import AudioHeader
from codec.format.reader import BitstreamReader
from codec.format.records import AudioPacket, AudioRecord, IndexEntry
from codec.video import VideoReader
from codec.video.container.packets import Packets, has_discontinuities
from codec.video.container.source import open_source, select_audio, select_video
from codec.video.sound.alignment import Piece, aligned
from codec.video.sound.samples import decoded, resampled

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
        """See `SoundSource.read`; FormatError where the file holds no readable part."""
        with BitstreamReader(self.path) as reader:
            track = reader.header.audio
            if track is None:
                return
            decoder = _decoder(track)
            first = gop_before(reader, at - _WARM_UP)
            records = (record for record in reader.records(first) if isinstance(record, AudioRecord))
            late = (at - _WARM_UP) / track.time_base
            packets = (packet for record in records for packet in record.packets if packet.pts >= late)
            frames = _replayed(decoder, packets, track)
            yield from aligned(resampled(frames, Fraction(0), "stereo", rate), rate)


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
        FormatError: it is no such file.
    """
    with BitstreamReader(path) as reader:
        return None if reader.header.audio is None else CodedSound(path)


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


# --- Decoding -----------------------------------------------------------------------------------------------------


def _decoder(track: AudioHeader) -> AudioCodecContext:
    decoder = av.CodecContext.create(track.codec, "r")
    assert isinstance(decoder, AudioCodecContext)
    decoder.extradata = track.extradata or None
    # Packets' times count what a codec needs to start; left to itself the decoder drops it and says nothing.
    decoder.options = {"flags2": "+skip_manual"}
    decoder.sample_rate = track.sample_rate
    decoder.layout = f"{track.channels}c" if track.channels > 2 else ("mono", "stereo")[track.channels - 1]
    return decoder


def _replayed(decoder: AudioCodecContext, packets: Iterator[AudioPacket], track: AudioHeader) -> Iterator[AudioFrame]:
    for packet in packets:
        coded = Packet(packet.data)
        coded.pts = coded.dts = packet.pts
        coded.duration, coded.time_base = packet.duration, track.time_base
        yield from decoded(partial(decoder.decode, coded))
    yield from decoded(partial(decoder.decode, None))
