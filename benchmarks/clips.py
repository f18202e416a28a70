"""Real clips as every benchmark takes them: the first frames at coding size, through lossless files."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from codec.decoder import decode
from codec.metrics.catalog import metric
from codec.settings import DecodeSettings
from codec.video import VideoReader, VideoWriter, coding_size, probe
from codec.video.info import Colour

Clip = NDArray[np.uint8]
# Odd: AV1 codes every second and fourth frame better.
JUDGED_EVERY = 5
CLIPS = ("03", "06", "08", "10", "13", "14", "17")
"""Of shared clips, those that are longer than a few frames and of a usual format; none was trained on."""


def clip_path(folder: Path, number: str) -> Path:
    """The clip of that name, or whose file name begins with `number`."""
    return next(path for path in sorted(folder.iterdir()) if path.stem == number or path.name.startswith(f"{number}_"))


def read_clip(folder: Path, number: str, short_side: int, count: int) -> tuple[Clip, Fraction]:
    """The first `count` frames of the clip whose file name begins with `number`, and its frame rate."""
    path = clip_path(folder, number)
    info = probe(path)
    with VideoReader(path, size=coding_size(info, short_side, 2)) as reader:
        frames = [frame.pixels for _, frame in zip(range(count), reader.frames(), strict=False)]
    return np.stack(frames), info.frame_rate


def seam(frames: Clip, made: Clip, near: NDArray[np.bool_]) -> float:
    """Mean tOF over the frame pairs `near` an overlap, (T - 1,), as a multiple of that over all others."""
    flow = metric("tof")(frames, made)
    return float(flow[near].mean() / flow[~near].mean())


def write_source(frames: Clip, rate: Fraction, path: Path) -> None:
    """A lossless file of (T, H, W, 3) frames, which the encoder then codes without any scaling."""
    height, width = frames.shape[1:3]
    with VideoWriter(path, width, height, frame_rate=rate, time_base=1 / rate, colour=Colour()) as writer:
        for index, picture in enumerate(frames):
            writer.write(picture, index / rate)


def decoded(coded: Path, out: Path) -> Clip:
    """All frames of a `.fgvc` file, decoded into the lossless file `out`."""
    for _ in decode(coded, out, DecodeSettings()):
        pass
    return pictures(out)


def pictures(path: Path) -> Clip:
    """All frames of a video at its own size."""
    with VideoReader(path) as reader:
        return np.stack([frame.pixels for frame in reader.frames()])
