"""Frames of a source video: upright RGB at the size asked for, with exact timestamps, in constant memory."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from codec.errors import InputError
from codec.video.container.decoding import PictureSource
from codec.video.container.source import seconds
from codec.video.deinterlace import deinterlaced
from codec.video.info import VideoInfo, first_frame, stream_info, swscale_matrix
from codec.video.presentation import Stamped, Timed, present

_EXACT = Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP


@dataclass(frozen=True)
class Frame:
    """One picture and when it is shown.

    Attributes:
        pixels: uint8 (H, W, 3) RGB, upright, square pixels, full range.
        pts: seconds after the clip's first frame.
    """

    pixels: NDArray[np.uint8] = field(repr=False, compare=False)
    pts: Fraction


@dataclass(frozen=True)
class Showing:
    """When a frame is shown, without its pixels.

    Attributes:
        pts: seconds after the clip's first frame.
        duration: seconds; of the last frame as far as the file tells.
        interlaced: whether it holds two fields of different times.
    """

    pts: Fraction
    duration: Fraction
    interlaced: bool


class VideoReader:
    """Reads a video, or the part of it that begins at `start` and lasts `duration` seconds.

    Pixels keep the file's transfer and primaries (no tone mapping); only its matrix and range are undone. Times are
    those of `codec.video.clock` and `codec.video.presentation`.

    Attributes:
        info: of the whole file.
        size: (width, height) of the frames.
        origin: seconds on the file's clock at which the clip's first frame is shown; audio is cut there.
        interlaced: whether any of the frames given so far held two fields of different times.

    Args:
        size: (width, height) to scale to; None keeps the upright source size.
        start: seconds after the file's first frame; the clip begins with the frame nearest to it.
        duration: None reads to the end.
        deinterlace: make interlaced frames whole; others stay as they are.

    Raises:
        InputError: here or while iterating; the file can't be read, is damaged, or ends before `start`.
    """

    def __init__(
        self,
        path: Path,
        *,
        size: tuple[int, int] | None = None,
        start: float = 0.0,
        duration: float | None = None,
        deinterlace: bool = False,
    ) -> None:
        self._path = path
        self._source = PictureSource(path)
        try:
            stamped = self._source.frames()
            first = first_frame(stamped, path)
            self.info: VideoInfo = stream_info(self._source.container, self._source.video, first.frame, path)
            self._timed = self._from_start(itertools.chain([first], stamped), start)
            head = next(self._timed, None)
            if head is None:
                raise InputError(f"{path} ends before {start:g} s; choose an earlier start.")
        except BaseException:
            self._source.close()
            raise
        self.origin: Fraction = head.time
        self.size = size or (self.info.width, self.info.height)
        self._timed = itertools.chain([head], self._timed)
        self._end = None if duration is None else self.origin + seconds(duration)
        self._deinterlace = deinterlace
        self.interlaced = False
        self._reformatter = VideoReformatter()

    @property
    def notes(self) -> tuple[str, ...]:
        """Complete sentences on what was bridged or passed over so far."""
        return self._source.notes(self.origin)

    def frames(self) -> Iterator[Frame]:
        """The clip's frames in order; can be run through once."""
        timed = self._noted(itertools.takewhile(self._is_within, self._timed))
        for item in deinterlaced(timed) if self._deinterlace else timed:
            yield Frame(self._pixels(item.frame), item.time - self.origin)

    def showings(self) -> Iterator[Showing]:
        """When the clip's frames are shown, in order; instead of `frames`, and faster."""
        timed, last = self._timed, next(self._timed, None)
        while last is not None and self._is_within(last):
            following = next(timed, None)
            duration = self._last_duration(last) if following is None else following.time - last.time
            if self._end is not None:
                # A frame that a rate gives its time keeps it; one that stays on screen ends with the clip.
                duration = min(duration, max(self._end - last.time, 1 / self.info.frame_rate))
            yield Showing(last.time - self.origin, duration, last.frame.interlaced_frame)
            last = following

    def close(self) -> None:
        """Releases the file."""
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _noted(self, timed: Iterator[Timed[VideoFrame]]) -> Iterator[Timed[VideoFrame]]:
        for item in timed:
            self.interlaced = self.interlaced or item.frame.interlaced_frame
            yield item

    def _is_within(self, item: Timed[VideoFrame]) -> bool:
        return self._end is None or item.time < self._end

    def _last_duration(self, last: Timed[VideoFrame]) -> Fraction:
        declared = self._source.declared_end()
        if declared is not None and declared > last.time + last.duration:
            return declared - last.time
        return last.duration or 1 / self.info.frame_rate

    def _from_start(self, frames: Iterator[Stamped[VideoFrame]], start: float) -> Iterator[Timed[VideoFrame]]:
        """The clip's frames and their times on the file's clock."""
        timed = self._present(frames)
        if start <= 0:
            return timed
        earliest = next(timed).time + seconds(start) - 1 / self.info.frame_rate / 2
        return itertools.dropwhile(lambda item: item.time < earliest, self._seek(earliest))

    def _seek(self, time: Fraction) -> Iterator[Timed[VideoFrame]]:
        """Frames from a keyframe at or before `time` on, or all of them where the format's index is of no help."""
        if self._source.can_seek:
            with contextlib.suppress(FFmpegError, InputError):
                timed = self._present(self._source.frames_from(time))
                head = next(timed, None)
                if head is not None and head.time <= time:
                    return itertools.chain([head], timed)
        self._source.close()
        self._source = PictureSource(self._path)
        return self._present(self._source.frames(skip_until=time))

    def _present(self, frames: Iterator[Stamped[VideoFrame]]) -> Iterator[Timed[VideoFrame]]:
        return present(frames, 1 / self.info.frame_rate)

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
