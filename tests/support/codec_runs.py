"""Encodes and decodes for the engine's tests: tiny pictures and the prior without weights, a second each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from codec.arrays import Frames
from codec.decoder import decode
from codec.encoder import encode
from codec.events import Event, Finished, GopDone, PreviewReady, Warned
from codec.settings import Bitrate, DecodeSettings, EncodeSettings
from codec.video import VideoReader
from tests.support.films.synthetic import write_video


@dataclass(frozen=True)
class Run:
    """All events of one encode or decode."""

    events: tuple[Event, ...]

    @property
    def finished(self) -> Finished:
        last = self.events[-1]
        assert isinstance(last, Finished)
        return last

    @property
    def gops(self) -> list[GopDone]:
        return [event for event in self.events if isinstance(event, GopDone)]

    @property
    def warnings(self) -> list[str]:
        return [event.message for event in self.events if isinstance(event, Warned)]

    @property
    def pictures(self) -> list[Frames]:
        """Every frame of the previews, in order."""
        return [
            picture
            for event in self.events
            if isinstance(event, PreviewReady) and not event.provisional
            for picture in event.frames
        ]


def tiny(**more: Any) -> EncodeSettings:
    """By bits alone, no base layer: nothing but the trajectory costs time."""
    defaults: dict[str, Any] = {
        "prior": "gaussian",
        "base": "none",
        "goal": Bitrate(20_000),
        "short_side": 32,
        "channel": "greedy",
    }
    return EncodeSettings(**defaults | more)


def run_encode(source: Path, output: Path, **more: Any) -> Run:
    return Run(tuple(encode(source, output, tiny(**more))))


def run_decode(source: Path, output: Path, **more: Any) -> Run:
    return Run(tuple(decode(source, output, DecodeSettings(**more))))


def shown(path: Path) -> tuple[list[Frames], list[Fraction]]:
    """Pictures and times of a video."""
    with VideoReader(path) as reader:
        frames = list(reader.frames())
    return [frame.pixels for frame in frames], [frame.pts for frame in frames]


def moving(count: int, width: int = 48, height: int = 32, seed: int = 0) -> list[Frames]:
    """A smooth random picture that drifts by a pixel a frame; another `seed` is another scene."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (height // 4 + 2, (width + count) // 4 + 2, 3)).astype(np.float64)
    wide = np.kron(coarse, np.ones((4, 4, 1)))
    smooth = (wide + np.roll(wide, 2, 0) + np.roll(wide, 2, 1) + np.roll(wide, 1, (0, 1))) / 4
    return [smooth[:height, shift : shift + width].astype(np.uint8) for shift in range(count)]


def film(path: Path, count: int, **more: Any) -> Path:
    """One scene of 25 fps."""
    return write_video(path, moving(count), **more)


def cut_film(path: Path, lengths: Sequence[int]) -> Path:
    """Scenes of these lengths, each of its own brightness."""
    scenes = [moving(count, seed=number) for number, count in enumerate(lengths)]
    dimmed = [(picture // (3 if number % 2 else 1)) for number, scene in enumerate(scenes) for picture in scene]
    return write_video(path, dimmed)
