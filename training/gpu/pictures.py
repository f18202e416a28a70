"""The base's conversions as codec/base does them, without PyAV beside them; a test holds both equal."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
"""RGB, (h, w, 3)."""

LINEAR = (0, 3, 1, 0)
CUBIC = (-9, 111, 29, -3)


def to_rgb(planes: NDArray[np.uint8]) -> Picture:
    """(h * 3 / 2, w) of BT.709 in limited range, chroma at the centre of its four luma samples -> RGB."""
    height, width = planes.shape[0] * 2 // 3, planes.shape[1]
    luma = (planes[:height].astype(np.int32) - 16) * 76309 + (1 << 15)
    chroma = planes[height:].reshape(2, height // 2, width // 2).astype(np.int32) - 128
    blue, red = _double(_double(chroma, 1, LINEAR), 2, LINEAR)
    channels = [luma + 117489 * red // 16, luma - (13975 * blue + 34925 * red) // 16, luma + 138438 * blue // 16]
    return (np.stack(channels, axis=-1) >> 16).clip(0, 255).astype(np.uint8)


def doubled(picture: Picture) -> Picture:
    """(h, w, 3) -> (2h, 2w, 3) by Catmull-Rom's cubic."""
    total = _double(_double(picture.astype(np.int32), 0, CUBIC), 1, CUBIC)
    return ((total + (1 << 13)) >> 14).clip(0, 255).astype(np.uint8)


def _double(samples: NDArray[np.int32], axis: int, taps: tuple[int, int, int, int]) -> NDArray[np.int32]:
    moved = np.moveaxis(samples, axis, 0)
    count = len(moved)
    padded = np.concatenate([moved[:1], moved[:1], moved, moved[-1:], moved[-1:]])
    a, b, c, d, e = (padded[shift : shift + count] for shift in range(5))
    early = taps[3] * a + taps[2] * b + taps[1] * c + taps[0] * d
    late = taps[0] * b + taps[1] * c + taps[2] * d + taps[3] * e
    both = np.stack([early, late], axis=1).reshape(2 * count, *moved.shape[1:])
    return np.moveaxis(both, 0, axis)
