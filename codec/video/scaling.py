"""How a picture comes to another size: decoded ones to the source's, for the file that is written and for who looks."""

from __future__ import annotations

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation
from numpy.typing import NDArray


def interpolation(frame: VideoFrame, width: int, height: int) -> Interpolation:
    """Lanczos where a frame grows, means over areas where it shrinks, as sources are read; bicubic for chroma alone."""
    if (width, height) == (frame.width, frame.height):
        return Interpolation.BICUBIC | Interpolation.ACCURATE_RND
    shrinks = width * height < frame.width * frame.height
    return (Interpolation.AREA if shrinks else Interpolation.LANCZOS) | Interpolation.ACCURATE_RND


def scaled(frame: VideoFrame, width: int, height: int) -> VideoFrame:
    """An RGB frame at another size, or itself."""
    if (width, height) == (frame.width, frame.height):
        return frame
    return frame.reformat(width, height, interpolation=interpolation(frame, width, height), threads=1)


def scaled_picture(pixels: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """A picture, uint8 (h, w, 3) RGB, at another size: (height, width, 3), contiguous."""
    if pixels.shape[:2] == (height, width):
        return np.ascontiguousarray(pixels)
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
    # FFmpeg pads its lines, and the array shows them as they lie.
    return np.ascontiguousarray(scaled(frame, width, height).to_ndarray(), np.uint8)
