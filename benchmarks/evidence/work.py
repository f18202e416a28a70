"""One row of evidence, made in a process of its own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch

from benchmarks.clips import Clip, read_clip
from benchmarks.evidence.judging import EvidenceRow, Judges, Key
from benchmarks.evidence.ways import WAYS
from codec.video import scaled_picture

SOURCE_LINES = 720


@dataclass(frozen=True)
class Work:
    """One row to be made.

    Attributes:
        frames: the clip's first so many, where it has them.
        weights: as in the row that comes of it.
    """

    folder: Path
    clip: str
    way: str
    lines: int
    judged_at: str
    setting: float
    frames: int
    metrics: tuple[str, ...]
    weights: str

    @property
    def key(self) -> Key:
        """As `EvidenceRow.key`."""
        return self.clip, self.way, self.lines, self.judged_at, self.setting, self.frames, self.weights


@cache
def judges(metrics: tuple[str, ...]) -> Judges:
    """One set a process."""
    torch.set_num_threads(1)
    return Judges.load(metrics)


def done(work: Work) -> EvidenceRow:
    """Code, judge."""
    frames, rate = read_clip(work.folder, work.clip, work.lines, work.frames)
    made = WAYS[work.way].make(frames, rate, work.setting)
    source, seen = frames, made.frames
    if work.judged_at == "source":
        source, _ = read_clip(work.folder, work.clip, SOURCE_LINES, work.frames)
        seen = scaled_up(made.frames, source)
    return EvidenceRow(
        *(work.clip, work.way, work.lines, work.judged_at, work.setting, made.size),
        8 * made.size / source[..., 0].size,
        *(made.encode_s, made.decode_s, len(frames)),
        judges(work.metrics)(source, seen),
        *(work.frames, work.weights),
    )


def scaled_up(pictures: Clip, source: Clip) -> Clip:
    """As decoding writes them at the source's size."""
    height, width = source.shape[1:3]
    return np.stack([scaled_picture(picture, width, height) for picture in pictures])
