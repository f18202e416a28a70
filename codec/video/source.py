"""Opening a source file: what is refused at once, and which of its streams count."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TypeVar

import av
from av.audio.stream import AudioStream
from av.container.input import InputContainer
from av.error import FFmpegError
from av.stream import Disposition
from av.video.stream import VideoStream

from codec.errors import InputError

MAX_SIDE = 16384
MAX_PIXELS = 1 << 26

_Stream = TypeVar("_Stream", VideoStream, AudioStream)


def open_source(path: Path) -> InputContainer:
    """Opens a local media file; the caller closes it.

    Raises:
        InputError: no such file, a folder, no permission, a still picture, or nothing FFmpeg can read.
    """
    if not path.exists():
        raise InputError(f"There is no file {path}; check its name.")
    if path.is_dir():
        raise InputError(f"{path} is a folder; name a video file.")
    try:
        # Only local files: a playlist posing as a video must not reach the network.
        options = {"protocol_whitelist": "file"}
        container = av.open(str(path.resolve()), "r", options=options, metadata_errors="ignore")
    except PermissionError as error:
        raise InputError(f"{path} can't be opened for reading; check its permissions.") from error
    except (FFmpegError, OSError) as error:
        raise InputError(
            f"{path} isn't a video that can be read, or it is incomplete; check that it plays in another program."
        ) from error
    if container.format.name.endswith("_pipe") or container.format.name == "image2":
        container.close()
        raise InputError(f"{path} is a picture, not a video; choose a video file.")
    return container


def select_video(container: InputContainer, path: Path) -> VideoStream:
    """The default video stream, else the first; cover art doesn't count.

    Raises:
        InputError: there is none, or its declared size is out of bounds.
    """
    moving = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    if not moving:
        raise InputError(f"{path} has no video track; choose a file with one.")
    stream = _default(moving)
    check_size(stream.codec_context.width, stream.codec_context.height, path)
    # Decoders refuse a larger picture in mid-stream before they allocate it.
    stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
    stream.thread_type = "AUTO"
    return stream


def select_audio(container: InputContainer) -> AudioStream | None:
    """The default audio stream, else the first, else None."""
    return _default(list(container.streams.audio)) if container.streams.audio else None


def check_size(width: int, height: int, path: Path) -> None:
    """Raises InputError for a picture that is empty or too large to handle."""
    if width < 1 or height < 1:
        raise InputError(f"{path} doesn't say how large its picture is; check that it plays in another program.")
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise InputError(
            f"{path} declares a picture of {width}x{height}; at most {MAX_SIDE} a side and "
            f"{MAX_PIXELS // 1_000_000} megapixels are supported, so scale it down first."
        )


def seconds(value: float) -> Fraction:
    """What a user means by a number of seconds: 0.2 is 1/5, not the binary number a little above it."""
    return Fraction(value).limit_denominator(1_000_000)


def _default(streams: list[_Stream]) -> _Stream:
    return next((stream for stream in streams if stream.disposition & Disposition.default), streams[0])
