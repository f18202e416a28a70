"""Photos as clips: a camera moves over them."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

PHOTO_FRAMES = 16
PHOTO_SIZE = (256, 160)


def photo_pan(path: Path, rng: random.Random) -> NDArray[np.uint8]:
    """A camera move (pan, zoom, slight turn, with eased speed) over a photo: (PHOTO_FRAMES, H, W, 3)."""
    width, height = PHOTO_SIZE
    photo = Image.open(path).convert("RGB")
    fit = max(width / photo.width, height / photo.height)
    scale = [fit * rng.uniform(1.05, 1.5)] * 2
    scale[1] *= rng.choice((1.0, 1.0, rng.uniform(0.9, 1.1)))
    angle = rng.gauss(0, 1.5)
    reach = [(photo.width - width / max(scale)) / 2, (photo.height - height / max(scale)) / 2]
    ends = [[0.8 * r * rng.uniform(-1, 1) for r in reach] for _ in range(2)]
    travel = rng.choice((0.0, 0.3, 1.0))
    frames = []
    for index in range(PHOTO_FRAMES):
        t = travel * index / (PHOTO_FRAMES - 1)
        s = scale[0] + (scale[1] - scale[0]) * t
        cx, cy = (ends[0][axis] + (ends[1][axis] - ends[0][axis]) * t for axis in range(2))
        theta = np.deg2rad(angle * t)
        a, b = np.cos(theta) / s, np.sin(theta) / s
        x, y = photo.width / 2 + cx, photo.height / 2 + cy
        matrix = (a, -b, x - a * width / 2 + b * height / 2, b, a, y - b * width / 2 - a * height / 2)
        frames.append(
            np.asarray(photo.transform((width, height), Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC))
        )
    return np.stack(frames)
