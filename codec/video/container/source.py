"""Opening a source file: what is refused at once, and which of its streams count."""

from __future__ import annotations

import stat
from collections.abc import Sequence
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
from codec.video.container import webp
from codec.video.container.programmes import programme_of

MAX_SOURCE_SIDE = 16384
MAX_SOURCE_PIXELS = 1 << 26
# Only local files: a playlist posing as a video must not reach the network.
_OPTIONS = {"protocol_whitelist": "file"}
_RAW_JPEG = b"\xff\xd8\xff"

_Stream = TypeVar("_Stream", VideoStream, AudioStream)


def open_source(path: Path) -> InputContainer:
    """Opens a local media file; the caller closes it.

    Raises:
        InputError: no such file, a folder, a pipe or device, no permission, a still picture, or nothing FFmpeg reads.
    """
    check_file(path)
    if webp.is_animated(path):
        return av.open(webp.as_video(path), "r", format="mov")
    container = _open(path, None)
    if container.format.name == "jpeg_pipe":
        container.close()
        container = _open(path, "mjpeg")
        if _holds_one_picture(container):
            container.close()
            raise _still(path)
    elif container.format.name.endswith("_pipe") or container.format.name == "image2":
        container.close()
        raise _still(path)
    return container


def check_file(path: Path) -> None:
    """Raises InputError for what is no ordinary file: a pipe or device would be waited for, and can't be read twice."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError as error:
        raise InputError(f"There is no file {path}; check its name.") from error
    except OSError as error:
        raise InputError(f"{path} can't be opened: {error.strerror}; check its name and permissions.") from error
    if stat.S_ISDIR(mode):
        raise InputError(f"{path} is a folder; name a video file.")
    if not stat.S_ISREG(mode):
        kind = (
            "a pipe" if stat.S_ISFIFO(mode) else "a device" if stat.S_ISCHR(mode) or stat.S_ISBLK(mode) else "no file"
        )
        raise InputError(f"{path} is {kind}, and a video is read more than once; save it to a file and name that.")


def _open(path: Path, kind: str | None) -> InputContainer:
    try:
        return av.open(str(path.resolve()), "r", format=kind, options=_OPTIONS, metadata_errors="ignore")
    except PermissionError as error:
        raise InputError(f"{path} can't be opened for reading; check its permissions.") from error
    except (FFmpegError, OSError) as error:
        raise InputError(
            f"{path} isn't a video that can be read, or it is incomplete; check that it plays in another program."
        ) from error


def _still(path: Path) -> InputError:
    return InputError(f"{path} is a picture, not a video; choose a video file.")


def _holds_one_picture(container: InputContainer) -> bool:
    """Of raw JPEG pictures one after another; what follows the first is told from it by its own start."""
    found = 0
    try:
        for packet in container.demux(container.streams.video[0]):
            found += bytes(packet)[: len(_RAW_JPEG)] == _RAW_JPEG
            if found > 1:
                break
        container.seek(0)
    except FFmpegError:
        return found < 2
    return found < 2


def select_video(container: InputContainer, path: Path) -> VideoStream:
    """The default video stream that can be decoded, else the first; cover art doesn't count.

    Raises:
        InputError: there is none, nothing here decodes it, or its declared size is out of bounds.
    """
    moving = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    if not moving:
        raise InputError(f"{path} has no video track; choose a file with one.")
    decodable = _decodable(moving)
    if not decodable:
        raise InputError(
            f"The picture of {path} is in a codec that can't be decoded here; convert it to H.264 with another program."
        )
    stream = _default(decodable)
    check_size(stream.codec_context.width, stream.codec_context.height, path)
    # Decoders refuse a larger picture in mid-stream before they allocate it.
    stream.codec_context.options = {"max_pixels": str(MAX_SOURCE_PIXELS)}
    stream.thread_type = "AUTO"
    return stream


def select_audio(
    container: InputContainer, video: VideoStream | None, path: Path, number: int | None = None
) -> AudioStream | None:
    """The sound of the picture's programme that can be decoded: the default stream, else the first, else None.

    Args:
        number: of `audio_streams` the first is 1; takes that one.

    Raises:
        InputError: there is none of that number.
    """
    streams = audio_streams(container, video, path)
    if number is None:
        return _default(streams) if streams else None
    if not 1 <= number <= len(streams):
        raise InputError(f"{path} has no audio track {number}, but {len(streams)} that can be decoded; choose another.")
    return streams[number - 1]


def audio_streams(container: InputContainer, video: VideoStream | None, path: Path) -> list[AudioStream]:
    """Every sound of the picture's programme that can be decoded, in the file's order."""
    streams = _decodable(list(container.streams.audio))
    members = programme_of(path, video.id) if video is not None and "mpegts" in container.format.name else None
    if members is not None:
        streams = [stream for stream in streams if stream.id in members]
    return streams


def check_size(width: int, height: int, path: Path) -> None:
    """Raises InputError for a picture that is empty or too large to handle."""
    if width < 1 or height < 1:
        raise InputError(f"{path} doesn't say how large its picture is; check that it plays in another program.")
    if max(width, height) > MAX_SOURCE_SIDE or width * height > MAX_SOURCE_PIXELS:
        raise InputError(
            f"{path} declares a picture of {width}x{height}; at most {MAX_SOURCE_SIDE} a side and "
            f"{MAX_SOURCE_PIXELS // 1_000_000} megapixels are supported, so scale it down first."
        )


def seconds(value: float) -> Fraction:
    """What a user means by a number of seconds: 0.2 is 1/5, not the binary number a little above it."""
    return Fraction(value).limit_denominator(1_000_000)


def _decodable(streams: Sequence[_Stream]) -> list[_Stream]:
    """Streams whose codec FFmpeg knows; PyAV gives the others no codec context."""
    return [stream for stream in streams if stream.codec_context is not None]


def _default(streams: list[_Stream]) -> _Stream:
    return next((stream for stream in streams if stream.disposition & Disposition.default), streams[0])
