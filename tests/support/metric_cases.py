"""Frames of real clips, and distortions of them, for the tests of metrics and measurements."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import av
import numpy as np

from codec.arrays import Frames


def read_frames(path: Path, count: int, width: int, height: int) -> Frames:
    with av.open(str(path)) as container:
        frames = islice(container.decode(video=0), count)
        return np.stack([f.to_ndarray(format="rgb24", width=width, height=height) for f in frames])


def box_blur(frames: Frames, radius: int) -> Frames:
    padded = np.pad(frames, ((0, 0), (radius, radius), (radius, radius), (0, 0)), mode="edge")
    size = 2 * radius + 1
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(1, 2))
    return np.rint(windows.mean((-2, -1))).astype(np.uint8)
