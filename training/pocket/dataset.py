"""Random crops of prepared items, as tensors, from a background thread."""

from __future__ import annotations

import itertools
import json
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from codec.base.pictures import upsample
from codec.parallel.ahead import ahead
from codec.priors.pocket import base_info, to_tensor

CLIP_FRAMES = 8
# Half size serves the lowest rates only.
FULL_SIZE_SHARE = 0.8


@dataclass(frozen=True)
class Batch:
    """Crops of B clips of T frames.

    Attributes:
        source, base: (B, T, 3, H, W) in [-1, 1]; base is zero where it was dropped.
        base_info: (B, 3), see `LevelEmbedding`.
    """

    source: Tensor
    base: Tensor
    base_info: Tensor


def items(work: Path, group: str) -> list[Path]:
    """The finished items of a group ("train" or "val"), sorted."""
    return sorted(path for path in (work / "items").glob(f"{group}-*") if path.suffix != ".part")


class Crops:
    """Draws random crops; looks for newly prepared items now and then, so that training can start at once."""

    def __init__(self, work: Path, crop: int, drop: float, seed: int) -> None:
        self._work, self._crop, self._drop = work, crop, drop
        self._rng = np.random.default_rng(seed)
        self._items = items(work, "train")
        self._drawn = 0

    def batch(self, size: int) -> Batch:
        """A batch of `size` clips."""
        self._drawn += 1
        if self._drawn % 100 == 0:
            self._items = items(self._work, "train")
        rows = [self._one() for _ in range(size)]
        return Batch(*(torch.stack(column) for column in zip(*rows, strict=True)))

    def _draw(self) -> tuple[Path, np.ndarray]:
        for index in self._rng.permutation(len(self._items)):
            item = self._items[index]
            source = np.load(item / "source.npy", mmap_mode="r")
            if min(source.shape[1:3]) >= self._crop and len(source) >= CLIP_FRAMES:
                return item, source
        raise FileNotFoundError(
            f"{self._work} holds no items of {CLIP_FRAMES} pictures and {self._crop} lines; make some first."
        )

    def _one(self) -> tuple[Tensor, Tensor, Tensor]:
        rng, crop = self._rng, self._crop
        item, source = self._draw()
        bases = json.loads((item / "item.json").read_text())["bases"]
        which = int(rng.random() > FULL_SIZE_SHARE)
        start = int(rng.integers(len(source) - CLIP_FRAMES + 1))
        crf, scale = bases[which]["crf"], bases[which]["scale"]
        y = int(rng.integers((source.shape[1] - crop) // 4 + 1)) * 4
        x = int(rng.integers((source.shape[2] - crop) // 4 + 1)) * 4
        window = np.s_[start : start + CLIP_FRAMES]
        cut = source[window, y : y + crop, x : x + crop]
        stored = np.load(item / f"base{which}.npy", mmap_mode="r")
        seen = stored[window, y // scale : (y + crop) // scale, x // scale : (x + crop) // scale]
        flip = rng.random() < 0.5
        full = seen if scale == 1 else upsample(np.ascontiguousarray(seen), crop, crop)
        target, base = (to_tensor(a[:, :, ::-1] if flip else a) for a in (cut, full))
        if rng.random() < self._drop:
            return target, torch.zeros_like(target), base_info(None, 1)[0]
        return target, base, base_info((crf, scale), 1)[0]


def stream(crops: Crops, size: int) -> Generator[Batch, None, None]:
    """Endless batches, a few made ahead."""
    return ahead((crops.batch(size) for _ in itertools.count()), "cutting crops", 4)
