"""The optional explicit layer: a very low-rate AV1 stream whose decoded pictures condition the prior.

SVT-AV1 writes it and dav1d reads it, both through PyAV. AV1 decoding is bit-exact by its specification, and every
conversion around it (RGB, half size, back to coding size) is integer arithmetic here, so the base is one and the
same picture on every machine.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from codec.base.units import UnitPacker, UnitUnpacker, trim, unpack_plain
from codec.errors import FormatError
from codec.format.records import MAX_CRF, MAX_SEGMENT_FRAMES, BaseRun

Picture = NDArray[np.uint8]
"""RGB, uint8 (h, w, 3)."""

SCALES = (1, 2)

PRESET = 1
# What is seen counts, not PSNR: tune and ac-bias took 17 % off the bits at the same DISTS after restoration, 20 % at
# the same LPIPS (144 lines, two clips). Sharpness, no filters behind the deblocking, and a quantiser that differs less
# between the layers of the pyramid took off 8 % and 9 % more (four clips, before restoration).
SVT_PARAMETERS = (
    "lp=1:keyint=-1:scd=0:film-grain=0:tune=0:ac-bias=6:sharpness=7:enable-cdef=0:enable-restoration=0"
    ":qp-scale-compress-strength=3"
)

# SVT-AV1 prints a banner and thread warnings to stderr unless told otherwise before its first use.
os.environ.setdefault("SVT_LOG", "1")


@dataclass(frozen=True)
class BaseFrame:
    """One displayed frame: the bytes that code it and what every decoder makes of them.

    Attributes:
        packet: one AV1 temporal unit without what its container knows anyway (see `base_stream.trim`).
        picture: uint8 (h, w, 3) RGB at the base's own size (`base_size`).
    """

    packet: bytes
    picture: Picture


def base_size(width: int, height: int, scale: int) -> tuple[int, int]:
    """(w, h) of the base of a `width` x `height` video: divided by `scale`, rounded up to even for 4:2:0."""
    if scale not in SCALES:
        raise ValueError(f"the base layer's scale is 1 or 2, not {scale}")
    return 2 * -(-width // (2 * scale)), 2 * -(-height // (2 * scale))


class BaseEncoder:
    """Codes one segment: a keyframe, then at most 239 inter frames, no further keyframe.

    Pictures come late (the encoder looks ahead): `push` returns what got ready, `finish` the rest. Every frame
    pushed comes back as exactly one `BaseFrame`, in order. The same frames give the same packets.

    Args:
        width, height: coding size of the frames that will be pushed.
        crf: constant rate factor, 0-70 in quarters; SVT-AV1 goes on beyond 63, where AV1's coarsest quantiser lies.
        scale: 1 codes at coding size, 2 at half of it.
        frame_rate: only steers the encoder's rate decisions; frames are equidistant to it.
        preset: SVT-AV1's; a higher one is faster and costs bits.
    """

    def __init__(
        self, width: int, height: int, crf: float, scale: int, frame_rate: Fraction, preset: int = PRESET
    ) -> None:
        if not 0 <= crf <= MAX_CRF or crf % 0.25:
            raise ValueError(f"the base layer's CRF is 0 to {MAX_CRF} in quarters, not {crf}")
        self._shape = (height, width, 3)
        self._scale = scale
        self._size = base_size(width, height, scale)
        self._encoder = _svt_encoder(self._size, crf, frame_rate, preset)
        self._decoder = BaseDecoder(*self._size)
        self._pushed = 0
        self._returned = 0

    def push(self, frame: Picture) -> list[BaseFrame]:
        """Takes the next frame, uint8 (height, width, 3) RGB; returns those that are ready."""
        if frame.shape != self._shape or frame.dtype != np.uint8:
            raise ValueError(f"expected uint8 {self._shape}, got {frame.dtype} {frame.shape}")
        if self._pushed == MAX_SEGMENT_FRAMES:
            raise ValueError(f"a segment holds at most {MAX_SEGMENT_FRAMES} frames")
        picture = _shrink(frame, self._size, self._scale)
        coded = VideoFrame.from_ndarray(_rgb_to_yuv(picture), format="yuv420p")
        coded.pts = self._pushed
        self._pushed += 1
        return self._collect(coded)

    def finish(self) -> list[BaseFrame]:
        """Ends the segment and returns its remaining frames."""
        frames = self._collect(None)
        if self._returned != self._pushed:
            raise RuntimeError(f"the AV1 encoder returned {self._returned} of {self._pushed} frames")
        return frames

    def _collect(self, coded: VideoFrame | None) -> list[BaseFrame]:
        frames = []
        for packet in self._encoder.encode(coded):
            if packet.pts != self._returned:
                raise RuntimeError(f"the AV1 encoder returned frame {packet.pts} in place of {self._returned}")
            self._returned += 1
            unit = trim(bytes(packet))
            frames.append(BaseFrame(unit, self._decoder.decode(unit)))
        return frames


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
        return _yuv_to_rgb(np.asarray(frame.to_ndarray(), np.uint8))


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


def encode_clip(
    frames: Picture, crf: float, scale: int, frame_rate: Fraction, preset: int = PRESET
) -> tuple[int, Picture]:
    """Codes (T, H, W, 3) uint8 frames in segments of `MAX_SEGMENT_FRAMES`.

    Returns:
        Bytes of all packets as a file holds them, and the decoded base, uint8 (T, h, w, 3).
    """
    coded = list(encode_frames(frames, crf, scale, frame_rate, preset))
    packets = [frame.packet for frame in coded]
    segments = (packets[start : start + MAX_SEGMENT_FRAMES] for start in range(0, len(packets), MAX_SEGMENT_FRAMES))
    return sum(len(UnitPacker().pack(units)) for units in segments), np.stack([frame.picture for frame in coded])


def encode_frames(
    frames: Picture, crf: float, scale: int, frame_rate: Fraction, preset: int = PRESET
) -> Iterator[BaseFrame]:
    """Codes (T, H, W, 3) uint8 frames in segments of `MAX_SEGMENT_FRAMES`; one `BaseFrame` for each, in order."""
    _, height, width, _ = frames.shape
    for start in range(0, len(frames), MAX_SEGMENT_FRAMES):
        encoder = BaseEncoder(width, height, crf, scale, frame_rate, preset)
        for frame in frames[start : start + MAX_SEGMENT_FRAMES]:
            yield from encoder.push(frame)
        yield from encoder.finish()


def _svt_encoder(size: tuple[int, int], crf: float, frame_rate: Fraction, preset: int) -> VideoCodecContext:
    encoder = av.CodecContext.create("libsvtav1", "w")
    encoder.width, encoder.height = size
    encoder.pix_fmt = "yuv420p"
    encoder.framerate = frame_rate
    encoder.time_base = 1 / frame_rate
    encoder.color_range = 1
    encoder.colorspace = encoder.color_primaries = encoder.color_trc = 1
    encoder.options = {"preset": str(preset), "svtav1-params": f"{SVT_PARAMETERS}:crf={crf:g}"}
    encoder.open()
    leave_real_time()
    return encoder


def leave_real_time() -> None:
    """Puts this process's threads back to ordinary scheduling.

    Where it may (as root, in most containers), SVT-AV1 gives its threads real-time priority: they starve everything
    else on the machine, the window that shows the progress included.
    """
    if not hasattr(os, "sched_setscheduler"):
        return
    for task in Path("/proc/self/task").glob("*"):
        # A thread may have ended meanwhile, or belong to a sandbox that forbids asking.
        with suppress(OSError):
            if os.sched_getscheduler(int(task.name)) == os.SCHED_FIFO:
                os.sched_setscheduler(int(task.name), os.SCHED_OTHER, os.sched_param(0))


# --- Pictures: BT.709, limited range, chroma sited at the centre of its four luma samples, all in integers ----------

_FORWARD = np.array([[11966, 40254, 4064], [-6596, -22189, 28784], [28784, -26145, -2639]], np.int32)
_OFFSETS = np.array([16, 128, 128], np.int32)
_ROUND = 1 << 15


def _rgb_to_yuv(picture: Picture) -> NDArray[np.uint8]:
    """(h, w, 3) RGB -> planar 4:2:0 as one (h * 3 / 2, w) array; h and w even."""
    height, width, _ = picture.shape
    rgb = picture.astype(np.int32)
    luma = ((rgb @ _FORWARD[0] + _ROUND) >> 16) + _OFFSETS[0]
    quads = rgb.reshape(height // 2, 2, width // 2, 2, 3).sum((1, 3))
    chroma = ((quads @ _FORWARD[1:].T + 4 * _ROUND) >> 18) + _OFFSETS[1:]
    planes = [luma.ravel(), chroma[..., 0].ravel(), chroma[..., 1].ravel()]
    return np.concatenate(planes).astype(np.uint8).reshape(height * 3 // 2, width)


def _yuv_to_rgb(planes: NDArray[np.uint8]) -> Picture:
    """Inverse of `_rgb_to_yuv`, chroma interpolated linearly; coefficients are BT.709's, times 2**16."""
    height, width = planes.shape[0] * 2 // 3, planes.shape[1]
    luma = (planes[:height].astype(np.int32) - 16) * 76309 + _ROUND
    chroma = planes[height:].reshape(2, height // 2, width // 2).astype(np.int32) - 128
    blue, red = _double(_double(chroma, 1, _LINEAR), 2, _LINEAR)
    channels = [luma + 117489 * red // 16, luma - (13975 * blue + 34925 * red) // 16, luma + 138438 * blue // 16]
    return _to_bytes(np.stack(channels, axis=-1) >> 16)


def _shrink(picture: Picture, size: tuple[int, int], scale: int) -> Picture:
    """To the base's size by area averaging, after repeating the last row and column where the size needs it."""
    width, height = size
    padding = ((0, height * scale - picture.shape[0]), (0, width * scale - picture.shape[1]), (0, 0))
    padded = np.pad(picture, padding, mode="edge")
    if scale == 1:
        return padded
    quads = padded.reshape(height, 2, width, 2, 3)
    return _to_bytes((quads.sum((1, 3), dtype=np.int32) + 2) >> 2)


def upsample(pictures: Picture, width: int, height: int) -> Picture:
    """A base's (T, h, w, 3) pictures at coding size, uint8 (T, height, width, 3), the same on every machine.

    Half-size pictures are doubled by Catmull-Rom's cubic (Keys 1981, a = -1/2) at the phases +-1/4; then what
    `base_size` rounded up is cut off.
    """
    size = pictures.shape[2], pictures.shape[1]
    if size == base_size(width, height, 1):
        return pictures[:, :height, :width]
    if size != base_size(width, height, 2):
        raise ValueError(f"pictures of {size} are no base of {width}x{height}")
    return np.stack([_double_picture(picture)[:height, :width] for picture in pictures])


def _double_picture(picture: Picture) -> Picture:
    tall = _double(picture.astype(np.int32), 0, _CUBIC)
    total = _double(tall, 1, _CUBIC)
    return _to_bytes((total + (1 << 13)) >> 14)


def _to_bytes(values: NDArray[np.int32]) -> NDArray[np.uint8]:
    return values.clip(0, 255).astype(np.uint8)


# Weights of the four nearest samples for an output a quarter sample after the second of them.
_LINEAR = (0, 3, 1, 0)
_CUBIC = (-9, 111, 29, -3)


def _double(samples: NDArray[np.int32], axis: int, taps: tuple[int, int, int, int]) -> NDArray[np.int32]:
    """Twice as many samples along `axis`, sited symmetrically, edges repeated; scaled by the taps' sum, not rounded."""
    moved = np.moveaxis(samples, axis, 0)
    count = len(moved)
    padded = np.concatenate([moved[:1], moved[:1], moved, moved[-1:], moved[-1:]])
    a, b, c, d, e = (padded[shift : shift + count] for shift in range(5))
    early = taps[3] * a + taps[2] * b + taps[1] * c + taps[0] * d
    late = taps[0] * b + taps[1] * c + taps[2] * d + taps[3] * e
    doubled: NDArray[np.int32] = np.stack([early, late], axis=1).reshape(2 * count, *moved.shape[1:])
    return np.moveaxis(doubled, 0, axis)
