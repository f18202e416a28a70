"""A clip of two fields a frame, and how one sees them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np


def interlaced(path: Path, frames: int = 12, whole: bool = False) -> Path:
    """A bar that moves by four pixels a field; in whole frames, by eight a frame."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg2video", 25, options={} if whole else {"flags": "+ildct+ilme"})
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 128, 64, "yuv420p", 4_000_000
        for number in range(frames):
            picture = np.full((64, 128, 3), 30, np.uint8)
            for field in (0, 1):
                left = 8 + 4 * (2 * number + (0 if whole else field))
                picture[field::2, left : left + 16] = 220
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def combing(pictures: list[np.ndarray]) -> float:
    """How much neighbouring rows differ more than rows two apart do."""
    rows = np.stack(pictures).astype(float).mean(-1)
    return float(np.abs(np.diff(rows, axis=1)).mean() - np.abs(rows[:, 2:] - rows[:, :-2]).mean())
