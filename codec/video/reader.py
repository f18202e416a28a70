"""Frames of a source video: upright RGB at the size asked for, with exact timestamps, in constant memory."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self, cast

import numpy as np
from av.container.input import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from codec.errors import InputError
from codec.video.info import VideoInfo, describe, first_frame, swscale_matrix
from codec.video.source import open_source, seconds, select_video

_EXACT = Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP
# Of a Matroska file: so many unaccounted bytes and so many seconds without a picture mean lost clusters, and so many
# seconds missing at the end a file cut off.
_HOLE_BYTES = 1024
_HOLE_SECONDS = Fraction(1, 2)
_MISSING_END = 1


@dataclass(frozen=True)
class Frame:
    """One picture and when it is shown.

    Attributes:
        pixels: uint8 (H, W, 3) RGB, upright, square pixels, full range.
        pts: seconds after the clip's first frame.
    """

    pixels: NDArray[np.uint8] = field(repr=False, compare=False)
    pts: Fraction


class VideoReader:
    """Reads a video, or the part of it that begins at `start` and lasts `duration` seconds.

    Pixels keep the file's transfer and primaries (no tone mapping); only its matrix and range are undone. A frame
    without a timestamp is shown one frame period after its predecessor, one that isn't later than it one tick after.

    Attributes:
        info: of the whole file.
        size: (width, height) of the frames.
        origin: seconds on the file's own clock at which the clip's first frame is shown; audio is cut there.

    Args:
        size: (width, height) to scale to; None keeps the upright source size.
        start: seconds after the file's first frame; the clip begins with the frame nearest to it.
        duration: None reads to the end.

    Raises:
        InputError: here or while iterating; the file can't be read, is damaged, or ends before `start`.
    """

    def __init__(
        self, path: Path, *, size: tuple[int, int] | None = None, start: float = 0.0, duration: float | None = None
    ) -> None:
        self._path = path
        self._container = open_source(path)
        try:
            self._stream = select_video(self._container, path)
            frames = _Decoder(self._container, self._stream, path).frames()
            first = first_frame(frames, path)
            self.info: VideoInfo = describe(self._container, self._stream, first, path)
            self._timed = self._from_start(itertools.chain([first], frames), start)
            head = next(self._timed, None)
            if head is None:
                raise InputError(f"{path} ends before {start:g} s; choose an earlier start.")
        except BaseException:
            self._container.close()
            raise
        self.origin: Fraction = head[1]
        self.size = size or (self.info.width, self.info.height)
        self._timed = itertools.chain([head], self._timed)
        self._end = None if duration is None else self.origin + seconds(duration)
        self._reformatter = VideoReformatter()

    def frames(self) -> Iterator[Frame]:
        """The clip's frames in order; can be run through once."""
        for frame, time in self._timed:
            if self._end is not None and time >= self._end:
                return
            yield Frame(self._pixels(frame), time - self.origin)

    def close(self) -> None:
        """Releases the file."""
        self._container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _from_start(self, frames: Iterator[VideoFrame], start: float) -> Iterator[tuple[VideoFrame, Fraction]]:
        """The clip's frames and their times on the file's clock."""
        timed = self._time(frames)
        if start <= 0:
            return timed
        earliest = next(timed)[1] + seconds(start) - 1 / self.info.frame_rate / 2
        return itertools.dropwhile(lambda item: item[1] < earliest, self._seek(earliest))

    def _seek(self, time: Fraction) -> Iterator[tuple[VideoFrame, Fraction]]:
        """Frames from a keyframe at or before `time` on, or all of them where the format's index is of no help."""
        with contextlib.suppress(FFmpegError, InputError):
            self._container.seek(int(time / self.info.time_base), stream=self._stream)
            timed = self._time(_Decoder(self._container, self._stream, self._path).frames())
            head = next(timed, None)
            if head is not None and head[1] <= time:
                return itertools.chain([head], timed)
        self._container.close()
        self._container = open_source(self._path)
        self._stream = select_video(self._container, self._path)
        return self._time(_Decoder(self._container, self._stream, self._path).frames())

    def _time(self, frames: Iterator[VideoFrame]) -> Iterator[tuple[VideoFrame, Fraction]]:
        clock = _Clock(self.info.time_base, 1 / self.info.frame_rate)
        return ((frame, clock.time(frame)) for frame in frames)

    def _pixels(self, frame: VideoFrame) -> NDArray[np.uint8]:
        orientation = self.info.orientation
        width, height = reversed(self.size) if orientation.transposed else self.size
        shrinks = width * height < frame.width * frame.height
        rgb = self._reformatter.reformat(
            frame,
            width,
            height,
            "rgb24",
            src_colorspace=swscale_matrix(self.info.colour.matrix_for(frame.width, frame.height)),
            interpolation=_EXACT | (Interpolation.AREA if shrinks else Interpolation.LANCZOS),
            threads=1,
        )
        return orientation.apply(np.asarray(rgb.to_ndarray(), np.uint8))


class _Clock:
    """Strictly rising times in seconds of decoded frames, whatever their timestamps."""

    def __init__(self, time_base: Fraction, period: Fraction) -> None:
        self._time_base = time_base
        self._period = period
        self._last: Fraction | None = None

    def time(self, frame: VideoFrame) -> Fraction:
        time = None if frame.pts is None else frame.pts * self._time_base
        if self._last is None:
            time = time or Fraction(0)
        elif time is None:
            time = self._last + self._period
        elif time <= self._last:
            # No more than a tick, or one doubled timestamp would delay every frame after it.
            time = self._last + self._time_base
        self._last = time
        return time


class _Decoder:
    """Decodes a stream and refuses damage: silently concealed pictures would be coded as if they were the source."""

    def __init__(self, container: InputContainer, stream: VideoStream, path: Path) -> None:
        self._container = container
        self._stream = stream
        self._path = path
        self._matroska = "matroska" in container.format.name
        self._reached = Fraction(0)
        self._any_reached = Fraction(0)

    def frames(self) -> Iterator[VideoFrame]:
        shown = Fraction(0)
        try:
            for packet in self._packets():
                for frame in packet.decode():
                    if frame.is_corrupt:
                        raise self._damaged(shown)
                    shown = Fraction(frame.time or shown)
                    yield frame
        except FFmpegError as error:
            raise self._damaged(shown) from error

    def _packets(self) -> Iterator[Packet[VideoStream]]:
        packets = self._matroska_packets() if self._matroska else self._container.demux(self._stream)
        for packet in packets:
            if packet.is_corrupt:
                raise self._damaged(self._reached)
            if packet.pts is not None:
                self._reached = max(self._reached, packet.pts * packet.time_base)
            yield packet

    def _matroska_packets(self) -> Iterator[Packet[VideoStream]]:
        """FFmpeg's Matroska demuxer skips damaged clusters in silence; bytes that belong to no packet betray them."""
        ledger = _ByteLedger()
        for packet in self._container.demux():
            ledger.enter(packet)
            if packet.pts is not None:
                self._any_reached = max(self._any_reached, packet.pts * packet.time_base)
            if packet.stream.index != self._stream.index:
                continue
            if packet.pts is not None:
                skipped = packet.pts * packet.time_base - self._reached
                if ledger.take_hole() > _HOLE_BYTES and skipped > _HOLE_SECONDS:
                    raise self._damaged(self._reached)
            elif packet.size == 0:
                self._check_end()
            yield cast("Packet[VideoStream]", packet)

    def _check_end(self) -> None:
        declared = Fraction(self._container.duration or 0, 1_000_000)
        # Of any stream: sound may well outlast the pictures.
        if declared - self._any_reached > _MISSING_END:
            raise self._damaged(self._reached)

    def _damaged(self, time: Fraction) -> InputError:
        begin = (self._stream.start_time or 0) * (self._stream.time_base or 0)
        return InputError(
            f"{self._path} is damaged at about {float(time - begin):.1f} s; get an intact copy, "
            "or code only the part before it by giving a duration."
        )


class _ByteLedger:
    """Finds the largest run of a file's bytes that no packet, of any stream, accounts for."""

    def __init__(self) -> None:
        self._position: int | None = None
        self._end = 0
        self._hole = 0

    def enter(self, packet: Packet[Stream]) -> None:
        if packet.pos is None:
            return
        if packet.pos != self._position:
            self._hole = max(self._hole, packet.pos - self._end) if self._position is not None else 0
            self._position = self._end = packet.pos
        # Packets of one laced block share its position.
        self._end += packet.size

    def take_hole(self) -> int:
        hole, self._hole = self._hole, 0
        return hole
