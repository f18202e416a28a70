"""What is measured of pictures, and the rows that keep it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.clips import JUDGED_EVERY, Clip
from codec.files import append_line
from codec.metrics.base import Metric
from codec.metrics.catalog import metric

LOWER_IS_BETTER = {"dists": True, "lpips": True, "psnr": False, "vmaf": False, "tof": True, "tlp": True}
"""Metrics that bits can be saved in."""
Key = tuple[str, str, int, str, float, int, str]
NETWORK_METRICS = ("dists", "lpips", "vmaf", "tof", "tlp")
# Those that see pictures in order see all of them; the others every JUDGED_EVERY-th.
WHOLE = ("vmaf", "tof", "tlp")


@dataclass(frozen=True)
class EvidenceRow:
    """One way at one setting on one clip.

    Attributes:
        lines: short side that was coded.
        judged_at: "coding" where pictures are judged at that size, "source" where they are scaled up to the source's.
        bpp: bits per pixel of the size at which it was judged.
        values: metric to mean.
        asked: of so many first frames; 0 in rows from before that was kept, which had as many. The clip may have fewer.
        weights: hash of this codec's weights (`benchmarks.results.weights_hash`); "" of ways that use none, and in
            rows from before that was kept, of which nobody knows any more.
    """

    clip: str
    way: str
    lines: int
    judged_at: str
    setting: float
    size: int
    bpp: float
    encode_s: float
    decode_s: float
    frames: int
    values: dict[str, float]
    asked: int = 0
    weights: str = ""

    @property
    def key(self) -> Key:
        """What it is of."""
        return (
            *(self.clip, self.way, self.lines, self.judged_at, self.setting),
            *(self.asked or self.frames, self.weights),
        )


def read_rows(path: Path) -> Iterator[EvidenceRow]:
    """Rows kept one a line; a last line that was cut off is left out."""
    if path.exists():
        for line in path.read_text("utf-8").splitlines():
            try:
                yield EvidenceRow(**json.loads(line))
            except (ValueError, TypeError):
                continue


def append_row(path: Path, row: EvidenceRow) -> None:
    """Keep one more, behind a line that was cut off too."""
    append_line(path, json.dumps(asdict(row)))


@dataclass(frozen=True)
class Judges:
    """Metrics, loaded once a process."""

    metrics: dict[str, Metric]

    @classmethod
    def load(cls, names: Sequence[str]) -> Judges:
        """Those of `NETWORK_METRICS` that are wanted; PSNR and block edges need nothing."""
        return cls({name: metric(name) for name in names if name in NETWORK_METRICS})

    def __call__(self, source: Clip, made: Clip) -> dict[str, float]:
        """Mean figures of (T, H, W, 3) pictures."""
        few, wanted = made[1::JUDGED_EVERY], source[1::JUDGED_EVERY]
        error = np.square(wanted.astype(np.float32) - few).mean((1, 2, 3))
        values = {"psnr": float(np.mean(10 * np.log10(255**2 / np.maximum(error, 1e-9))))}
        values |= shares(wanted, few)
        for name, judge in self.metrics.items():
            pair = (source, made) if name in WHOLE else (wanted, few)
            values[name] = float(np.mean(judge(*pair)))
        return values


def shares(source: Clip, made: Clip) -> dict[str, float]:
    """`SHARES` of (T, H, W, 3) pictures."""
    return {name: figure(made) / figure(source) for name, figure in SHARES.items()}


def checkerboard(pictures: Clip) -> float:
    """RMS of what alternates from pixel to pixel in both directions, in levels of 255; 0.05 where there is none."""
    alternating = np.diff(np.diff(pictures.astype(np.float32), 2, axis=1), 2, axis=2) / 16
    return float(np.sqrt(np.square(alternating).mean() + 0.05**2))


def block_edges(pictures: Clip) -> float:
    """Mean luma gradient across the 8-pixel grid over the mean elsewhere."""

    def ratio(gradients: np.ndarray) -> float:
        on = np.arange(len(gradients)) % 8 == 7
        return float(gradients[on].mean() / gradients[~on].mean())

    grey = pictures.astype(np.float32).mean(-1)
    across = np.abs(np.diff(grey, axis=2)).mean((0, 1))
    down = np.abs(np.diff(grey, axis=1)).mean((0, 2))
    return (ratio(across) + ratio(down)) / 2


SHARES = {"edges": block_edges, "checkerboard": checkerboard}
"""Shown beside metrics: multiples of what the source has of each."""
