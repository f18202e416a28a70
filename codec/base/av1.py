"""The optional explicit layer: a very low-rate AV1 stream whose decoded pictures condition the prior.

SVT-AV1 writes it and dav1d reads it. AV1 decoding is bit-exact by its specification, and every conversion around it
(codec/base/pictures.py) is integer arithmetic, so the base is one and the same picture on every machine.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from types import TracebackType
from typing import Protocol, Self, cast

import av
import numpy as np
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from codec.arrays import Picture
from codec.base.level import StreamLevels
from codec.base.pictures import base_size, rgb_to_yuv, shrink, yuv_to_rgb
from codec.base.svt import Planes, PyavStream, SvtStream, trusted_library
from codec.base.units import UnitPacker, UnitUnpacker, trim, unpack_plain
from codec.errors import FormatError
from codec.format.limits import MAX_SEGMENT_FRAMES
from codec.format.records import BaseRun
from codec.video.svt_av1 import told_rate

# Preset 1 takes twice the time for 3 % more bits at equal DISTS, 4 half the time for 7 % more, 6 a third for a quarter
# more (benchmarks/coding/base_presets.py).
PRESET = 2
# What is seen counts, not PSNR: tune and ac-bias took 17 % off the bits at the same DISTS after restoration, 20 % at
# the same LPIPS (144 lines, two clips). Sharpness, no filters behind the deblocking, and a quantiser that differs less
# between the layers of the pyramid took off 8 % and 9 % more (four clips, before restoration).
SVT_PARAMETERS = (
    "lp=1:keyint=-1:scd=0:film-grain=0:tune=0:ac-bias=6:sharpness=7:enable-cdef=0:enable-restoration=0"
    ":qp-scale-compress-strength=3"
)

# SVT-AV1 prints a banner and thread warnings to stderr unless told otherwise before its first use, and a complaint
# about every stream that is given up.
os.environ.setdefault("SVT_LOG", "0")


@dataclass(frozen=True)
class BaseFrame:
    """One displayed frame: the bytes that code it and what every decoder makes of them.

    Attributes:
        packet: one AV1 temporal unit without what its container knows anyway (see `units.trim`).
        picture: uint8 (h, w, 3) RGB at the base's own size (`base_size`).
    """

    packet: bytes
    picture: Picture


class _Stream(Protocol):
    """An SVT-AV1 encoder, by whichever way."""

    def send(self, planes: Planes, pts: int, qp: int | None) -> None: ...

    def end(self) -> None: ...

    def packets(self, ended: bool) -> Iterator[tuple[int, bytes]]: ...

    def close(self) -> None: ...


def levels_may_change() -> bool:
    """Whether one stream can have several levels on this machine; else every segment has one."""
    return trusted_library() is not None


class BaseEncoder:
    """Codes one segment: a keyframe, then at most 239 inter frames, no further keyframe.

    Pictures come late (the encoder looks ahead): `push` returns what got ready, `finish` the rest. Every frame
    pushed comes back as exactly one `BaseFrame`, in order. The same frames give the same packets. A context manager:
    leaving it gives up what was not finished.

    Args:
        width, height: coding size of the frames that will be pushed.
        levels: of the segment's GOPs; more than one where `levels_may_change` only.
        scale: 1 codes at coding size, 2 at half of it.
        frame_rate: only steers the encoder's rate decisions; frames are equidistant to it.
        preset: SVT-AV1's; a higher one is faster and costs bits.
    """

    def __init__(
        self, width: int, height: int, levels: StreamLevels, scale: int, frame_rate: Fraction, preset: int = PRESET
    ) -> None:
        self._shape = (height, width, 3)
        self._scale = scale
        self._size = base_size(width, height, scale)
        self._stream = _open_stream(self._size, levels, frame_rate, preset)
        self._changes = levels.changes
        self._decoder = BaseDecoder(*self._size)
        self._pushed = 0
        self._returned = 0

    def push(self, frame: Picture) -> list[BaseFrame]:
        """Takes the next frame, uint8 (height, width, 3) RGB; returns those that are ready."""
        if frame.shape != self._shape or frame.dtype != np.uint8:
            raise ValueError(f"expected uint8 {self._shape}, got {frame.dtype} {frame.shape}")
        if self._pushed == MAX_SEGMENT_FRAMES:
            raise ValueError(f"a segment holds at most {MAX_SEGMENT_FRAMES} frames")
        planes = rgb_to_yuv(shrink(frame, self._size, self._scale))
        self._stream.send(planes, self._pushed, self._changes.get(self._pushed))
        self._pushed += 1
        return list(self._collect(ended=False))

    def finish(self) -> Iterator[BaseFrame]:
        """Ends the segment; its remaining frames as they get ready."""
        self._stream.end()
        yield from self._collect(ended=True)
        if self._returned != self._pushed:
            raise RuntimeError(f"the AV1 encoder returned {self._returned} of {self._pushed} frames")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stream.close()

    def _collect(self, ended: bool) -> Iterator[BaseFrame]:
        for pts, data in self._stream.packets(ended):
            if pts != self._returned:
                raise RuntimeError(f"the AV1 encoder returned frame {pts} in place of {self._returned}")
            self._returned += 1
            unit = trim(data)
            yield BaseFrame(unit, self._decoder.decode(unit))


class BaseDecoder:
    """Decodes one segment, packet by packet; `width` and `height` are the base's own size (`base_size`)."""

    def __init__(self, width: int, height: int) -> None:
        self._size = (width, height)
        decoder = cast(VideoCodecContext, av.CodecContext.create("libdav1d", "r"))
        decoder.thread_count = 1
        # The limit makes dav1d refuse a hostile header before it allocates; one frame of delay makes it answer at once.
        decoder.options = {"max_pixels": str(width * height), "max_frame_delay": "1"}
        self._decoder = decoder

    def decode(self, packet: bytes) -> Picture:
        """The picture that `packet` displays, uint8 (h, w, 3) RGB.

        Raises:
            FormatError: the bytes are no AV1 temporal unit of this size that displays exactly one 8-bit 4:2:0 picture.
        """
        if not packet:
            raise FormatError("The base layer holds an empty packet; the file is damaged, encode the source again.")
        try:
            frames = self._decoder.decode(av.Packet(packet))
        except FFmpegError as error:
            raise FormatError(
                "The base layer holds bytes that are not AV1 video; the file is damaged, encode the source again."
            ) from error
        return self._checked(frames)

    def _checked(self, frames: list[VideoFrame]) -> Picture:
        if len(frames) != 1:
            raise FormatError(
                f"A packet of the base layer displays {len(frames)} pictures, not one; "
                "the file is damaged, encode the source again."
            )
        frame = frames[0]
        if (frame.width, frame.height, frame.format.name) != (*self._size, "yuv420p"):
            raise FormatError(
                f"The base layer holds a {frame.width}x{frame.height} {frame.format.name} picture where "
                f"{self._size[0]}x{self._size[1]} yuv420p was announced; the file is damaged, encode the source again."
            )
        return yuv_to_rgb(np.asarray(frame.to_ndarray(), np.uint8))


class BaseReader:
    """Decodes one segment from the runs that its GOPs hold; `width` and `height` are the base's own size."""

    def __init__(self, width: int, height: int) -> None:
        self._unpacker = UnitUnpacker()
        self._decoder = BaseDecoder(width, height)

    def read(self, run: BaseRun, count: int) -> list[Picture]:
        """The `count` pictures of the segment's next run, uint8 (h, w, 3) RGB each.

        Raises:
            FormatError: no encoder writes such a run.
        """
        plain = run.packing == "plain"
        units = unpack_plain(run.data, count) if plain else self._unpacker.unpack(run.data, count)
        return [self._decoder.decode(unit) for unit in units]


def encode_segment(
    frames: Picture, levels: StreamLevels, scale: int, frame_rate: Fraction, preset: int = PRESET
) -> Iterator[BaseFrame]:
    """Codes the (T, H, W, 3) uint8 frames of one segment; one `BaseFrame` for each, in order, as they get ready.

    Closing the generator gives the stream up.
    """
    _, height, width, _ = frames.shape
    with BaseEncoder(width, height, levels, scale, frame_rate, preset) as encoder:
        for frame in frames:
            yield from encoder.push(frame)
        yield from encoder.finish()


def encode_frames(
    frames: Picture, crf: float, scale: int, frame_rate: Fraction, preset: int = PRESET
) -> Iterator[BaseFrame]:
    """Codes (T, H, W, 3) uint8 frames at one level, in segments of `MAX_SEGMENT_FRAMES`."""
    for start in range(0, len(frames), MAX_SEGMENT_FRAMES):
        segment = frames[start : start + MAX_SEGMENT_FRAMES]
        yield from encode_segment(segment, StreamLevels.constant(crf), scale, frame_rate, preset)


def encode_clip(
    frames: Picture, crf: float, scale: int, frame_rate: Fraction, preset: int = PRESET
) -> tuple[int, Picture]:
    """As `encode_frames`.

    Returns:
        Bytes of all packets as a file holds them, and the decoded base, uint8 (T, h, w, 3).
    """
    coded = list(encode_frames(frames, crf, scale, frame_rate, preset))
    packets = [frame.packet for frame in coded]
    return packed_bytes(packets), np.stack([frame.picture for frame in coded])


def packed_bytes(packets: Sequence[bytes]) -> int:
    """What a file takes for the units of whole segments of `MAX_SEGMENT_FRAMES`."""
    segments = (packets[start : start + MAX_SEGMENT_FRAMES] for start in range(0, len(packets), MAX_SEGMENT_FRAMES))
    return sum(len(UnitPacker().pack(units)) for units in segments)


def _open_stream(size: tuple[int, int], levels: StreamLevels, frame_rate: Fraction, preset: int) -> _Stream:
    library = trusted_library()
    options = {**_parameters(preset), "crf": f"{levels.crf:g}"}
    if library is not None:
        return SvtStream(library, size, told_rate(frame_rate), options)
    if levels.changes:
        raise ValueError("this machine's SVT-AV1 can't change its level inside a stream")
    return PyavStream(size, told_rate(frame_rate), options)


def _parameters(preset: int) -> dict[str, str]:
    return {"preset": str(preset), **dict(pair.split("=") for pair in SVT_PARAMETERS.split(":"))}
