"""The base's pictures around AV1: RGB and 4:2:0, half size and back, all in integers and so the same on every machine.

BT.709, limited range, chroma sited at the centre of its four luma samples.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from codec.arrays import Picture

SCALES = (1, 2)


def base_size(width: int, height: int, scale: int) -> tuple[int, int]:
    """(w, h) of the base of a `width` x `height` video: divided by `scale`, rounded up to even for 4:2:0."""
    if scale not in SCALES:
        raise ValueError(f"the base layer's scale is 1 or 2, not {scale}")
    return 2 * -(-width // (2 * scale)), 2 * -(-height // (2 * scale))


_FORWARD = np.array([[11966, 40254, 4064], [-6596, -22189, 28784], [28784, -26145, -2639]], np.int32)
_OFFSETS = np.array([16, 128, 128], np.int32)
_ROUND = 1 << 15


def rgb_to_yuv(picture: Picture) -> NDArray[np.uint8]:
    """(h, w, 3) RGB -> planar 4:2:0 as one (h * 3 / 2, w) array; h and w even."""
    height, width, _ = picture.shape
    rgb = picture.astype(np.int32)
    luma = ((rgb @ _FORWARD[0] + _ROUND) >> 16) + _OFFSETS[0]
    quads = rgb.reshape(height // 2, 2, width // 2, 2, 3).sum((1, 3))
    chroma = ((quads @ _FORWARD[1:].T + 4 * _ROUND) >> 18) + _OFFSETS[1:]
    planes = [luma.ravel(), chroma[..., 0].ravel(), chroma[..., 1].ravel()]
    return np.concatenate(planes).astype(np.uint8).reshape(height * 3 // 2, width)


def yuv_to_rgb(planes: NDArray[np.uint8]) -> Picture:
    """Inverse of `rgb_to_yuv`, chroma interpolated linearly; coefficients are BT.709's, times 2**16."""
    height, width = planes.shape[0] * 2 // 3, planes.shape[1]
    luma = (planes[:height].astype(np.int32) - 16) * 76309 + _ROUND
    chroma = planes[height:].reshape(2, height // 2, width // 2).astype(np.int32) - 128
    blue, red = _double(_double(chroma, 1, _LINEAR), 2, _LINEAR)
    channels = [luma + 117489 * red // 16, luma - (13975 * blue + 34925 * red) // 16, luma + 138438 * blue // 16]
    return _to_bytes(np.stack(channels, axis=-1) >> 16)


def shrink(picture: Picture, size: tuple[int, int], scale: int) -> Picture:
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
