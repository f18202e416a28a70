"""Crops of prepared items as they follow each other in time, for training a network that carries a state.

All pictures stay uint8 where the network runs: on a GPU in its memory, on a CPU in memory-mapped files.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from training.data.sources import shares
from training.restoration.item import GRID, Item
from training.restoration.restorer import LAST_STEP, WHOLE_STEP

WHOLE_SHARE = 0.35
# Rows that go on for long make consecutive batches alike, which costs more than long states bring.
RESTART_SHARE = 0.5


@dataclass(frozen=True)
class Batch:
    """N rows of T consecutive pictures.

    Attributes:
        source: (N, T, 3, H, W) in [-1, 1].
        base: (N, T + 2 * margin, 3, H, W), the same with neighbours before and after.
        step, crf, scale: (N,) float.
        fresh: (N,) bool, whether no state is carried into the row.
    """

    source: Tensor
    base: Tensor
    step: Tensor
    crf: Tensor
    scale: Tensor
    fresh: Tensor


@dataclass(frozen=True)
class Clip:
    """One base of one item: uint8 (T, H, W, 3) both."""

    source: Tensor
    base: Tensor
    crf: float
    scale: int


class Pool:
    """All items of a folder, drawn so that no collection of clips makes up more than a third."""

    def __init__(self, folder: Path, device: torch.device, crop: int) -> None:
        self._folders: list[Path] = []
        items: list[Item] = []
        for path in sorted(folder.glob("*/item.json")):
            item = Item.read(path.parent)
            if min(item.window_height, item.window_width) >= crop and not path.parent.suffix:
                self._folders.append(path.parent)
                items.append(item)
        if not items:
            raise FileNotFoundError(f"{folder} holds no items of at least {crop} lines; make some first.")
        self._items = items
        self._shares = np.array(shares([item.collection for item in items]))
        self._device = device
        self._kept: dict[tuple[int, str], Tensor] = {}
        if device.type != "cpu":
            for index, item in enumerate(items):
                for name in ("source", *(f"base{n}" for n in range(len(item.bases)))):
                    self._pictures(index, name)

    def __len__(self) -> int:
        return len(self._items)

    def draw(self, rng: np.random.Generator) -> Clip:
        """A random base of a random item."""
        index = int(rng.choice(len(self._items), p=self._shares))
        bases = self._items[index].bases
        which = int(rng.integers(len(bases)))
        source, base = (self._pictures(index, name) for name in ("source", f"base{which}"))
        return Clip(source, base, bases[which].crf, bases[which].scale)

    def _pictures(self, index: int, name: str) -> Tensor:
        key = index, name
        if key not in self._kept:
            # "c": copy on write, which PyTorch takes without complaint; nothing is ever written.
            stored = np.load(self._folders[index] / f"{name}.npy", mmap_mode="c")
            self._kept[key] = torch.from_numpy(stored).to(self._device)
        return self._kept[key]


@dataclass
class _Row:
    """A crop on its way through a clip; `time` is the next picture."""

    clip: Clip
    top: int
    left: int
    flipped: bool
    step: float
    time: int
    fresh: bool = True


@dataclass
class Sequences:
    """Endless batches; each row goes on where it was in the last one until its clip, or its luck, ends.

    Attributes:
        rows: N.
        length: pictures a batch, T.
        margin: neighbours before and after them.
        crop: H = W, a multiple of 8.
        restart: share of rows that end early.
    """

    pool: Pool
    rows: int
    length: int
    margin: int
    crop: int
    rng: np.random.Generator
    restart: float = RESTART_SHARE
    _running: list[_Row] = field(default_factory=list)

    def next(self) -> Batch:
        """The next `length` pictures of every row."""
        if not self._running:
            self._running = [self._start() for _ in range(self.rows)]
        self._running = [self._start() if self._ends(row) else row for row in self._running]
        cut = [self._cut(row) for row in self._running]
        device = cut[0][0].device
        source, base = (_to_float(torch.stack(column)) for column in zip(*cut, strict=True))
        told = [[row.step, row.clip.crf, float(row.clip.scale)] for row in self._running]
        step, crf, scale = torch.tensor(told, device=device).unbind(1)
        fresh = torch.tensor([row.fresh for row in self._running], device=device)
        for row in self._running:
            row.fresh, row.time = False, row.time + self.length
        return Batch(source, base, step, crf, scale, fresh)

    def _ends(self, row: _Row) -> bool:
        """Whether another row takes this one's place."""
        used = not row.fresh and self.rng.random() < self.restart
        return used or row.time + self.length > len(row.clip.source)

    def _start(self) -> _Row:
        rng = self.rng
        while True:
            clip = self.pool.draw(rng)
            count, height, width, _ = clip.source.shape
            if count >= self.length:
                break
        top, left = (int(rng.integers((side - self.crop) // GRID + 1)) * GRID for side in (height, width))
        time = int(rng.integers(min(self.length, count - self.length + 1)))
        return _Row(clip, top, left, bool(rng.random() < 0.5), draw_step(rng), time)

    def _cut(self, row: _Row) -> tuple[Tensor, Tensor]:
        """(source (T, H, W, 3), base (T + 2 * margin, H, W, 3)), uint8."""
        place = np.s_[:, row.top : row.top + self.crop, row.left : row.left + self.crop]
        last = len(row.clip.base) - 1
        wanted = range(row.time - self.margin, row.time + self.length + self.margin)
        # A row without a past doesn't see the picture before it, as behind a keyframe.
        first = row.time if row.fresh else 0
        index = torch.tensor([min(max(t, first), last) for t in wanted], device=row.clip.base.device)
        base = row.clip.base[place][index]
        source = row.clip.source[row.time : row.time + self.length][place]
        return (source.flip(2), base.flip(2)) if row.flipped else (source, base)


def draw_step(rng: np.random.Generator) -> float:
    """A step of the trajectory to train: often the whole restoration, else any."""
    return float(WHOLE_STEP) if rng.random() < WHOLE_SHARE else float(rng.uniform(0.5, LAST_STEP))


def _to_float(pictures: Tensor) -> Tensor:
    """uint8 (N, T, H, W, 3) -> float32 (N, T, 3, H, W) in [-1, 1]."""
    return pictures.permute(0, 1, 4, 2, 3).float() / 127.5 - 1
