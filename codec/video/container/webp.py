"""Animated WebP, which FFmpeg's decoder passes over: read by Pillow, handed on as a losslessly coded video."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
import numpy as np
from av.codec.context import Flags
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image, UnidentifiedImageError

from codec.errors import InputError

_MILLISECOND = Fraction(1, 1000)
# Browsers show a frame without a duration for a tenth of a second.
_UNSPECIFIED = 100
_HEAD = 21
_MOST_BYTES = 1 << 30
_ANIMATION = 0x02


def is_animated(path: Path) -> bool:
    """Whether a file is a WebP picture of several frames (RIFF, WEBP, VP8X with the animation flag)."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return False
    is_extended = head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X"
    return is_extended and len(head) == _HEAD and bool(head[20] & _ANIMATION)


def as_video(path: Path) -> BytesIO:
    """In memory: PNG pictures in QuickTime, each for its own time, the last one too.

    Raises:
        InputError: the file can't be decoded, or is too long to be held.
    """
    file = BytesIO()
    try:
        with Image.open(path) as image, av.open(file, "w", format="mov") as container:
            stream = container.add_stream("png", rate=25, options={"compression_level": "1"})
            assert isinstance(stream, VideoStream)
            context = stream.codec_context
            context.width, context.height = image.size
            context.pix_fmt, context.time_base = "rgb24", _MILLISECOND
            context.flags |= Flags.frame_duration
            stream.time_base = _MILLISECOND
            for frame in _frames(image):
                container.mux(stream.encode(frame))
                if file.tell() > _MOST_BYTES:
                    raise InputError(f"{path} is too long an animation to be held in memory; make it a video first.")
            container.mux(stream.encode(None))
    except (OSError, ValueError, UnidentifiedImageError, Image.DecompressionBombError, FFmpegError) as error:
        raise InputError(f"{path} can't be decoded; check that it plays in another program.") from error
    file.seek(0)
    return file


def _frames(image: Image.Image) -> Iterator[VideoFrame]:
    time = 0
    for number in range(getattr(image, "n_frames", 1)):
        image.seek(number)
        frame = VideoFrame.from_ndarray(np.asarray(image.convert("RGB"), np.uint8), format="rgb24")
        frame.pts, frame.time_base = time, _MILLISECOND
        frame.duration = int(image.info.get("duration", 0)) or _UNSPECIFIED
        time += frame.duration
        yield frame
