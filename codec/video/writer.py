"""Decoded frames and audio packets into a file: MP4 or WebM to watch, or lossless Matroska to measure."""

from __future__ import annotations

import contextlib
import errno
import io
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self, cast

import av
import numpy as np
from av.audio.stream import AudioStream
from av.codec.context import Flags
from av.container.output import OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from codec.errors import OutputError
from codec.files import finish, own_part
from codec.format.records import AudioPacket
from codec.video.info import Colour, swscale_matrix
from codec.video.scaling import interpolation, scaled
from codec.video.sound.track import AudioTrack
from codec.video.sound.transcoding import Transcoder
from codec.video.svt_av1 import leave_real_time, told_rate

_LIMITED, _FULL = 1, 2
_FINEST = Fraction(1, 90_000)
_RGB_MATRIX = 0


@dataclass(frozen=True)
class _Format:
    """How one kind of file is written. `muxer`, `codec`, `pixels` and `recoded` are FFmpeg's names.

    Attributes:
        recoded: codecs of sound that become AAC, since such a file would not play everywhere; others stay.
    """

    muxer: str
    codec: str
    pixels: str
    options: dict[str, str]
    multiple: int
    recoded: tuple[str, ...] = ()


_H264 = {"crf": "14", "preset": "fast"}
_SVT_AV1 = "libsvtav1"
_AV1 = {"crf": "20", "preset": "8"}
_NOT_EVERYWHERE = ("opus",)
# 4:2:0 is what every player and hardware decoder takes, and it needs even sides: H.264 can only crop it by two, and
# 4:4:4 plays in few places. So an odd side gets one more column or row, a copy of its neighbour.
_FORMATS = {
    ".mp4": _Format("mp4", "libx264", "yuv420p", _H264, 2, _NOT_EVERYWHERE),
    ".m4v": _Format("mp4", "libx264", "yuv420p", _H264, 2, _NOT_EVERYWHERE),
    ".mov": _Format("mov", "libx264", "yuv420p", _H264, 2, _NOT_EVERYWHERE),
    ".webm": _Format("webm", _SVT_AV1, "yuv420p", _AV1, 2),
    ".mkv": _Format("matroska", "ffv1", "bgr0", {"level": "3"}, 1),
}
_AUDIO_ENCODERS = {"mp3": "libmp3lame", "opus": "libopus"}


class VideoWriter:
    """Writes `path` under a temporary name beside it; `close` makes it appear complete, `abort` leaves nothing.

    As a context manager it closes on success and aborts on an exception.

    .mp4, .m4v, .mov: H.264 4:2:0, 8 bit, visually lossless, playable everywhere, timestamps exact; Opus becomes AAC.
    .webm: AV1 4:2:0, 8 bit, nearly lossless and smaller, timestamps to the millisecond.
    .mkv: FFV1 in RGB, lossless to the bit, timestamps to the millisecond (Matroska's clock).
    Pixels are taken as they are: primaries, transfer and range are tagged as `colour` says, never converted.

    Args:
        width, height: picture size in the file; frames of another size are scaled to it (Lanczos).
        frame_rate: nominal; how long the last frame lasts unless `hold` says otherwise.
        time_base: every timestamp is a multiple of it.
        audio: the track whose packets `write_audio` will bring, or None.

    Raises:
        OutputError: the file can't be written there, or can't hold this audio.
    """

    def __init__(
        self,
        path: Path,
        width: int,
        height: int,
        *,
        frame_rate: Fraction,
        time_base: Fraction,
        colour: Colour,
        audio: AudioTrack | None = None,
    ) -> None:
        self._path = path
        self._format = _format_of(path)
        self._size = (width, height)
        self._colour = colour
        self._clock = _clock(time_base)
        self._period = max(1, round(1 / frame_rate / self._clock))
        self._waiting: tuple[VideoFrame, int] | None = None
        self._end: int | None = None
        self._temporary = _reserve(path)
        with contextlib.ExitStack() as undo:
            undo.callback(self.abort)
            self._container = av.open(str(self._temporary), "w", format=self._format.muxer)
            self._video = self._add_video(frame_rate)
            recoded = audio is not None and audio.codec in self._format.recoded
            self._transcoder = Transcoder(audio) if recoded and audio is not None else None
            audio = audio if self._transcoder is None else self._transcoder.track
            self._audio = None if audio is None else (self._open_audio(audio), audio.time_base)
            self._start(audio)
            undo.pop_all()

    def follows(self, pts: Fraction) -> bool:
        """Whether a frame shown at `pts` seconds gets a tick of the file's clock after that of the last one."""
        return self._waiting is None or round(pts / self._clock) > self._waiting[1]

    def write(self, pixels: NDArray[np.uint8], pts: Fraction) -> None:
        """Adds a frame, uint8 (h, w, 3) RGB, shown `pts` seconds after the clip's start, which must follow the last."""
        if not self.follows(pts):
            raise ValueError(f"the frame at {pts} s doesn't follow the one before it")
        frame, ticks = self._convert(pixels), round(pts / self._clock)
        self._flush(ticks)
        self._waiting = frame, ticks

    def hold(self, until: Fraction) -> None:
        """Tells when the last frame's time ends, in seconds after the clip's start."""
        self._end = round(until / self._clock)

    def write_audio(self, packet: AudioPacket) -> None:
        """Adds an audio packet; bring it together with the frames of its time so that the file interleaves."""
        for made in [packet] if self._transcoder is None else self._transcoder.take(packet):
            self._mux_audio(made)

    def _mux_audio(self, packet: AudioPacket) -> None:
        if self._audio is None:
            raise ValueError("the writer was opened without an audio track")
        stream, time_base = self._audio
        muxed = Packet(packet.data)
        muxed.stream = stream
        muxed.time_base = time_base
        muxed.pts = muxed.dts = packet.pts
        muxed.duration = packet.duration
        muxed.is_keyframe = True
        try:
            self._container.mux(muxed)
        except (FFmpegError, OSError) as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """Completes the file, makes sure it is on disk and gives it its name."""
        with contextlib.ExitStack() as undo:
            undo.callback(self.abort)
            try:
                self._flush(self._end)
                self._mux(None)
                for packet in self._transcoder.finish() if self._transcoder is not None else ():
                    self._mux_audio(packet)
                self._container.close()
                finish(self._temporary, self._path)
            except (FFmpegError, OSError) as error:
                raise self._failed(error) from error
            undo.pop_all()

    def abort(self) -> None:
        """Gives up and removes what was written."""
        # Without a container, or with one that was not begun, there is nothing to close properly.
        with contextlib.suppress(FFmpegError, OSError, ValueError, AttributeError):
            self._container.close()
        self._temporary.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()

    def _add_video(self, frame_rate: Fraction) -> VideoStream:
        rate = told_rate(frame_rate) if self._format.codec == _SVT_AV1 else frame_rate
        stream = cast(VideoStream, self._container.add_stream(self._format.codec, rate, options=self._format.options))
        context = stream.codec_context
        context.width, context.height = _padded(self._size, self._format.multiple)
        context.pix_fmt = self._format.pixels
        context.time_base = self._clock
        context.flags |= Flags.frame_duration
        context.color_primaries = self._colour.primaries
        context.color_trc = self._colour.transfer
        context.colorspace, context.color_range = self._coding
        stream.time_base = self._clock
        return stream

    def _open_audio(self, track: AudioTrack) -> AudioStream:
        try:
            return _add_audio(self._container, track)
        except (FFmpegError, ValueError) as error:
            raise self._unfit(track) from error

    def _unfit(self, audio: AudioTrack) -> OutputError:
        """This container can't hold the audio, perhaps another one can."""
        others = [suffix for suffix in holders(audio) if suffix != self._path.suffix.lower()]
        instead = f"write an {others[-1]} file" if others else "encode the source with --audio opus"
        return OutputError(
            f"{self._path} can't hold {audio.codec} audio of {audio.sample_rate} Hz; {instead}, or leave the audio out."
        )

    def _start(self, audio: AudioTrack | None) -> None:
        try:
            self._container.start_encoding()
        except FFmpegError as error:
            if audio is None:
                width, height = self._size
                raise OutputError(f"{self._path} can't hold a picture of {width}x{height}; {self._instead}.") from error
            raise self._unfit(audio) from error
        if self._format.codec == _SVT_AV1:
            leave_real_time()

    @property
    def _instead(self) -> str:
        """What to do where this kind of file doesn't hold it; Matroska holds most."""
        return "encode the source again" if self._path.suffix.lower() == ".mkv" else "write an .mkv file"

    @property
    def _coding(self) -> tuple[int, int]:
        """Matrix and range of the stored samples."""
        if self._format.pixels != "yuv420p":
            return _RGB_MATRIX, _FULL
        return self._colour.matrix_for(*self._size), self._colour.range or _LIMITED

    def _convert(self, pixels: NDArray[np.uint8]) -> VideoFrame:
        rgb = VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
        whole = _padded(self._size, self._format.multiple)
        if whole != self._size:
            rgb = _pad(scaled(rgb, *self._size), self._format.multiple)
        if self._format.pixels != "yuv420p":
            return scaled(rgb, *whole).reformat(format=self._format.pixels, threads=1)
        matrix, color_range = self._coding
        # Scaled and converted in one call, which takes a tenth of the time that large pictures take as RGB.
        return rgb.reformat(
            *whole,
            format=self._format.pixels,
            dst_colorspace=swscale_matrix(matrix),
            dst_color_range=color_range,
            interpolation=interpolation(rgb, *whole),
            threads=1,
        )

    def _flush(self, end: int | None) -> None:
        """Encode the frame that waits to know how long it is shown."""
        if self._waiting is None:
            return
        frame, begin = self._waiting
        frame.pts, frame.time_base = begin, self._clock
        frame.duration = self._period if end is None else max(1, end - begin)
        self._waiting = None
        self._mux(frame)

    def _mux(self, frame: VideoFrame | None) -> None:
        try:
            self._container.mux(self._video.encode(frame))
        except (FFmpegError, OSError) as error:
            raise self._failed(error) from error

    def _failed(self, error: FFmpegError | OSError) -> OutputError:
        if error.errno == errno.EINVAL:
            # The muxer gets packets of both when it has enough of either.
            what = "pictures at these times" if self._audio is None else "this sound, or pictures at these times"
            return OutputError(f"{self._path} can't hold {what}; {self._instead}.")
        return OutputError(f"{self._path} can't be written to its end; check the free space on that disk.")


def holders(audio: AudioTrack) -> tuple[str, ...]:
    """Extensions of the files that can hold such audio, found by trying; empty where none can."""
    return tuple(suffix for suffix, kind in _FORMATS.items() if _holds(kind, audio))


def _holds(kind: _Format, track: AudioTrack) -> bool:
    if track.codec in kind.recoded:
        return True
    try:
        with av.open(io.BytesIO(), "w", format=kind.muxer) as container:
            _add_audio(container, track)
            container.start_encoding()
    except (FFmpegError, ValueError):
        return False
    return True


def _add_audio(container: OutputContainer, track: AudioTrack) -> AudioStream:
    """A stream for packets that are already coded.

    PyAV only takes stream parameters from an encoder, so one is opened, and given the track's own header.
    """
    name = _AUDIO_ENCODERS.get(track.codec, track.codec)
    stream = cast(AudioStream, container.add_stream(name, rate=track.sample_rate))
    context = stream.codec_context
    context.layout = track.layout
    context.time_base = track.time_base
    context.open()
    context.extradata = track.extradata or None
    stream.time_base = track.time_base
    return stream


def _clock(time_base: Fraction) -> Fraction:
    """A container's clock. A finer one than that would overflow MP4's 32 bits where a picture stays on screen."""
    return max(Fraction(1, time_base.denominator), _FINEST)


def _format_of(path: Path) -> _Format:
    try:
        return _FORMATS[path.suffix.lower()]
    except KeyError as error:
        known = ", ".join(_FORMATS)
        raise OutputError(f"{path} has no extension that can be written; use one of {known}.") from error


def _reserve(path: Path) -> Path:
    """An empty file beside `path`, under a name nothing else has."""
    if path.is_dir():
        raise OutputError(f"{path} is a folder; give the output a file name.")
    temporary = own_part(path)
    try:
        temporary.touch(exist_ok=False)
    except OSError as error:
        raise OutputError(
            f"{path} can't be written; check that its folder exists and that you may write there."
        ) from error
    return temporary


def _padded(size: tuple[int, int], multiple: int) -> tuple[int, int]:
    return size[0] + -size[0] % multiple, size[1] + -size[1] % multiple


def _pad(rgb: VideoFrame, multiple: int) -> VideoFrame:
    width, height = _padded((rgb.width, rgb.height), multiple)
    if (width, height) == (rgb.width, rgb.height):
        return rgb
    pixels = np.asarray(rgb.to_ndarray(), np.uint8)
    repeated = np.pad(pixels, ((0, height - rgb.height), (0, width - rgb.width), (0, 0)), mode="edge")
    return VideoFrame.from_ndarray(repeated, format="rgb24")
