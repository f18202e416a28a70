"""Tiny video files made on the spot, for the properties no real clip here has."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

# By ITU-T H.273: BT.709, FCC, BT.470BG, BT.601, SMPTE 240M, BT.2020 (both ways).
KR_KB = {
    1: (0.2126, 0.0722),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
    10: (0.2627, 0.0593),
}
MILLISECOND = Fraction(1, 1000)

Picture = NDArray[np.uint8]


def quadrants(width: int, height: int) -> Picture:
    """Red, green over blue, grey: tells every orientation from every other."""
    picture = np.zeros((height, width, 3), np.uint8)
    top, left = height // 2, width // 2
    picture[:top, :left] = (220, 40, 40)
    picture[:top, left:] = (40, 200, 60)
    picture[top:, :left] = (40, 60, 210)
    picture[top:, left:] = (128, 128, 128)
    return picture


def yuv444(picture: Picture, matrix: int, colour_range: int) -> av.VideoFrame:
    """By the formulas of ITU-R BT.601/709/2020 in floating point, independent of swscale."""
    kr, kb = KR_KB[matrix]
    red, green, blue = (picture[..., channel] / 255 for channel in range(3))
    luma = kr * red + (1 - kr - kb) * green + kb * blue
    chroma = [(blue - luma) / (2 * (1 - kb)), (red - luma) / (2 * (1 - kr))]
    if colour_range == 2:
        planes = [luma * 255, *(plane * 255 + 128 for plane in chroma)]
    else:
        planes = [16 + 219 * luma, *(128 + 224 * plane for plane in chroma)]
    stacked = np.concatenate([np.rint(plane).clip(0, 255) for plane in planes]).astype(np.uint8)
    return av.VideoFrame.from_ndarray(stacked.reshape(3, *picture.shape[:2]), format="yuv444p")


def write_video(
    path: Path,
    pictures: Sequence[Picture],
    *,
    times: Sequence[int] | None = None,
    matrix: int = 1,
    colour_range: int = 1,
    pixels: str = "yuv444p",
    aspect: Fraction | None = None,
    muxer: str | None = None,
) -> Path:
    """H.264, visually lossless; `times` in milliseconds (default 25 fps)."""
    with av.open(str(path), "w", format=muxer) as container:
        stream = container.add_stream("libx264", 25, options={"qp": "4", "preset": "ultrafast"})
        context = stream.codec_context
        context.height, context.width = pictures[0].shape[:2]
        context.pix_fmt, context.time_base = pixels, MILLISECOND
        context.colorspace, context.color_range = matrix, colour_range
        context.color_primaries = context.color_trc = 1
        if aspect is not None:
            context.sample_aspect_ratio = aspect
        for index, picture in enumerate(pictures):
            frame = yuv444(picture, matrix, colour_range)
            frame.colorspace, frame.color_range = matrix, colour_range
            frame = frame.reformat(format=pixels)
            frame.pts, frame.time_base = (index * 40 if times is None else times[index]), MILLISECOND
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def set_display_matrix(path: Path, a: int, b: int, c: int, d: int) -> None:
    """Overwrites the 16.16 matrix in the first track header of an MP4 (ISO/IEC 14496-12, 8.3.2)."""
    data = bytearray(path.read_bytes())
    start = data.index(b"tkhd") + 4 + 40
    one = 1 << 16
    data[start : start + 36] = struct.pack(">9i", a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)
    path.write_bytes(bytes(data))
