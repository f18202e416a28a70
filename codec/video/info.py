"""What a source video is: geometry, timing, colour and audio, known before coding starts."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TypeVar, cast

import numpy as np
from av.audio.stream import AudioStream
from av.container.input import InputContainer
from av.error import FFmpegError
from av.sidedata.sidedata import SideData
from av.sidedata.sidedata import Type as SideDataType
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from codec.errors import InputError
from codec.video.container.packets import has_times
from codec.video.container.source import audio_streams, check_size, open_source, select_audio, select_video

_Frame = TypeVar("_Frame")

_FALLBACK_RATE = Fraction(25)
_MAX_RATE = 1000
# FFmpeg guesses a rate from the finest difference of times; beyond this it is a clock's rate, not a camera's.
_MAX_GUESSED = 120
_MAX_PIXEL_ASPECT = 8
_UNSPECIFIED = 2
_BT709, _BT601 = 1, 6
# What no tag can make too large for a number, nor too long to be read as one.
_COUNT = re.compile(r"[0-9]{1,9}")
# Matrices swscale knows, by their code in ISO/IEC 23091-2 and in its own numbering.
_SWSCALE_MATRICES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}


@dataclass(frozen=True)
class Colour:
    """Colour description as the file's integer codes (ISO/IEC 23091-2); 2 means unspecified.

    Attributes:
        range: 0 unspecified, 1 limited, 2 full.
    """

    primaries: int = _UNSPECIFIED
    transfer: int = _UNSPECIFIED
    matrix: int = _UNSPECIFIED
    range: int = 0

    def matrix_for(self, width: int, height: int) -> int:
        """The matrix to convert with: the file's, or as players guess it, BT.709 for HD and BT.601 below."""
        if self.matrix in _SWSCALE_MATRICES:
            return self.matrix
        return _BT709 if width >= 1280 or height > 576 else _BT601


def swscale_matrix(matrix: int) -> int:
    """swscale's number of a matrix that `Colour.matrix_for` returned."""
    return _SWSCALE_MATRICES[matrix]


@dataclass(frozen=True)
class Orientation:
    """How stored pictures become upright: transpose first, then mirror."""

    transposed: bool = False
    mirrored_x: bool = False
    mirrored_y: bool = False

    @property
    def rotation(self) -> int:
        """Degrees clockwise of the rotation that is part of it: 0, 90, 180 or 270."""
        if self.transposed:
            return 90 if self.mirrored_x else 270
        return 180 if self.mirrored_y else 0

    def apply(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """(h, w, 3) as stored -> (H, W, 3) upright, contiguous."""
        if self.transposed:
            picture = picture.transpose(1, 0, 2)
        if self.mirrored_x:
            picture = picture[:, ::-1]
        if self.mirrored_y:
            picture = picture[::-1]
        return np.ascontiguousarray(picture)

    @classmethod
    def from_display_matrix(cls, matrix: bytes) -> Orientation:
        """Of ISO/IEC 14496-12's matrix, nine native 32-bit numbers: x' = a x + c y, y' = b x + d y."""
        a, b, _, c, d = struct.unpack("=5i", matrix[:20])
        if abs(a) >= abs(b):
            return cls(False, a < 0, d < 0)
        return cls(True, c < 0, b < 0)


@dataclass(frozen=True)
class AudioInfo:
    """An audio track.

    Attributes:
        language, title: as the file tells them, else "".
    """

    codec: str
    sample_rate: int
    channels: int
    layout: str
    bit_rate: int | None
    language: str = ""
    title: str = ""


@dataclass(frozen=True)
class VideoInfo:
    """A source video, upright and with square pixels.

    Attributes:
        orientation: how the stored pictures must be turned.
        frame_rate: nominal, frames a second: what the stream says of itself. Frames over time may be fewer
            (`codec.video.timeline`).
        time_base: every timestamp is a multiple of it, in seconds.
        frame_count: an estimate where the file doesn't count its frames, None where it doesn't say how long it is.
        duration: seconds, or None.
        bit_depth: of the stored samples.
        audio: the track that is carried unless another is asked for: of the picture's programme the default one, else
            the first; None where there is none that can be decoded.
        audio_tracks: all that can be decoded, in the file's order.
        interlaced: whether the first frame holds two fields of different times.
        undecodable_audio: how many tracks are in codecs that nothing here decodes.
        codec: FFmpeg's name of what it is coded with.
    """

    width: int
    height: int
    orientation: Orientation
    frame_rate: Fraction
    time_base: Fraction
    frame_count: int | None
    duration: Fraction | None
    colour: Colour
    bit_depth: int
    audio: AudioInfo | None
    interlaced: bool = False
    undecodable_audio: int = 0
    codec: str = ""
    audio_tracks: tuple[AudioInfo, ...] = ()

    @property
    def rotation(self) -> int:
        """Degrees clockwise by which the stored pictures are turned."""
        return self.orientation.rotation

    @property
    def has_audio(self) -> bool:
        """Whether an audio track can be carried along."""
        return self.audio is not None


def probe(path: Path) -> VideoInfo:
    """Reads a file's properties and decodes its first frame.

    Raises:
        InputError: the file can't be read as a video, has no frames, or is too large.
    """
    with open_source(path) as container:
        stream = select_video(container, path)
        return stream_info(container, stream, first_frame(container.decode(stream), path), path)


def first_frame(frames: Iterator[_Frame], path: Path) -> _Frame:
    """The first of `frames`; raises InputError where there is none."""
    try:
        frame = next(frames, None)
    except FFmpegError as error:
        raise InputError(f"{path} can't be decoded; check that it plays in another program.") from error
    if frame is None:
        raise InputError(f"{path} holds no video frames; choose another file.")
    return frame


def stream_info(container: InputContainer, stream: VideoStream, first: VideoFrame, path: Path) -> VideoInfo:
    """What `probe` returns, of a file that is open and whose first frame is decoded."""
    orientation = _orientation(first)
    width, height = _upright_size(first, stream.sample_aspect_ratio, orientation)
    check_size(width, height, path)
    frame_rate = _nominal_rate(container, stream)
    duration = _duration(container, stream)
    average = stream.average_rate or frame_rate
    counted = _counted(stream) or (None if duration is None else max(1, round(duration * average)))
    audio = select_audio(container, stream, path)
    return VideoInfo(
        width=width,
        height=height,
        orientation=orientation,
        frame_rate=frame_rate,
        time_base=stream.time_base or 1 / frame_rate,
        frame_count=counted,
        duration=duration,
        colour=Colour(first.color_primaries, first.color_trc, first.colorspace, _range(first)),
        bit_depth=first.format.components[0].bits,
        audio=None if audio is None else _describe_audio(audio),
        interlaced=first.interlaced_frame,
        undecodable_audio=sum(track.codec_context is None for track in container.streams.audio),
        codec=stream.codec_context.codec.canonical_name,
        audio_tracks=tuple(map(_describe_audio, audio_streams(container, stream, path))),
    )


def coding_size(info: VideoInfo, short_side: int, multiple: int) -> tuple[int, int]:
    """(width, height) at which a video is coded: its shorter side about `short_side`, both multiples of `multiple`.

    Keeps the aspect as nearly as the multiple allows and never scales up (but for rounding up to the multiple).
    """
    scale = min(Fraction(1), Fraction(short_side, min(info.width, info.height)))
    width, height = (max(1, math.floor(side * scale / multiple + Fraction(1, 2))) for side in (info.width, info.height))
    return width * multiple, height * multiple


def _range(frame: VideoFrame) -> int:
    return 2 if frame.format.name.startswith("yuvj") else int(frame.color_range)


def _orientation(frame: VideoFrame) -> Orientation:
    for data in cast(Iterable[SideData], frame.side_data):
        if data.type == SideDataType.DISPLAYMATRIX:
            return Orientation.from_display_matrix(bytes(data))
    return Orientation()


def _upright_size(frame: VideoFrame, aspect: Fraction | None, orientation: Orientation) -> tuple[int, int]:
    """Square pixels by stretching the side that has too few, so that nothing is lost."""
    width, height = frame.width, frame.height
    if aspect and Fraction(1, _MAX_PIXEL_ASPECT) <= aspect <= _MAX_PIXEL_ASPECT:
        width = round(width * max(aspect, Fraction(1)))
        height = round(height / min(aspect, Fraction(1)))
    return (height, width) if orientation.transposed else (width, height)


def _nominal_rate(container: InputContainer, stream: VideoStream) -> Fraction:
    """The rate a stream is made for. Its average is less where pictures are left out or stay on screen."""
    own = stream.codec_context.framerate
    average, guessed = stream.average_rate, stream.guessed_rate
    if not has_times(container):
        # FFmpeg takes raw streams for 25 frames a second unless told, even those that tell their own rate.
        average = own or guessed or average
    elif guessed and guessed <= _MAX_GUESSED and not (average and guessed <= average <= _MAX_GUESSED):
        average = guessed
    for rate in (average, guessed, stream.base_rate):
        if rate and 0 < rate <= _MAX_RATE:
            return rate
    return _FALLBACK_RATE


def _counted(stream: VideoStream) -> int:
    """Frames as the file counts them, 0 where it doesn't."""
    said = [value for key, value in stream.metadata.items() if key.split("-")[0] == "NUMBER_OF_FRAMES"]
    return stream.frames or (int(said[0]) if said and _COUNT.fullmatch(said[0]) else 0)


def _duration(container: InputContainer, stream: VideoStream) -> Fraction | None:
    if stream.duration and stream.time_base:
        return stream.duration * stream.time_base
    return Fraction(container.duration, 1_000_000) if container.duration else None


def _describe_audio(stream: AudioStream) -> AudioInfo:
    context = stream.codec_context
    name = context.codec.canonical_name
    told = stream.metadata
    return AudioInfo(
        name,
        context.sample_rate,
        context.channels,
        context.layout.name,
        context.bit_rate or None,
        told.get("language", ""),
        told.get("title", ""),
    )
