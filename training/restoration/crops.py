"""Crops of prepared items, a few consecutive pictures each, for training the restorer.

All pictures stay uint8 where the network runs: on a GPU in its memory, on a CPU in memory-mapped files.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from codec.format.limits import MAX_RESTORATION, WHOLE_RESTORATION
from codec.priors.restorer import Told
from training.data.sources import shares
from training.restoration.item import GRID, Item

# Shares of the steps that are trained: the whole restoration, and from there to the trajectory's end, where a quality's
# controller mostly stops; the others lie anywhere.
WHOLE_SHARE, BEYOND_SHARE = 0.3, 0.35
# Where an item has a base of half size, how often that is the one; only a third of the items have one.
HALF_SHARE = 0.6
COARSE_CRF = 61.0
KINDS = ("coarse", "fine", "half")


@dataclass(frozen=True)
class Batch:
    """N rows of T consecutive pictures.

    Attributes:
        source: (N, T, 3, H, W) in [-1, 1].
        base: (N, T + 2, 3, H, W), the same with a neighbour before and one after.
        told: of each row, (N,).
        kind: (N,) index of KINDS.
    """

    source: Tensor
    base: Tensor
    told: Told
    kind: Tensor


@dataclass(frozen=True)
class Clip:
    """One base of one item: uint8 (T, H, W, 3) both."""

    source: Tensor
    base: Tensor
    crf: float
    scale: int

    @property
    def kind(self) -> str:
        """What block edges are weighed over: one of KINDS."""
        if self.scale > 1:
            return "half"
        return "coarse" if self.crf >= COARSE_CRF else "fine"


class Pool:
    """All items of a folder, drawn so that no collection of clips makes up more than a third."""

    def __init__(self, folder: Path, device: torch.device, crop: int, length: int = 1) -> None:
        """From the items with at least so many lines, columns and pictures.

        Raises:
            FileNotFoundError: there are none.
        """
        self._folders: list[Path] = []
        items: list[Item] = []
        for path in sorted(folder.glob("*/item.json")):
            item = Item.read(path.parent)
            large = min(item.window_height, item.window_width) >= crop and item.frames >= length
            if large and not path.parent.suffix:
                self._folders.append(path.parent)
                items.append(item)
        if not items:
            raise FileNotFoundError(
                f"{folder} holds no items of at least {crop} lines and {length} pictures; make some first."
            )
        self._items = items
        self._ends = np.cumsum(shares([item.collection for item in items]))
        self._device = device
        self._kept: dict[tuple[int, str], Tensor] = {}
        if device.type != "cpu":
            with ThreadPoolExecutor() as pool:
                list(pool.map(self._keep, range(len(items))))

    def __len__(self) -> int:
        return len(self._items)

    def draw(self, rng: np.random.Generator) -> Clip:
        """A random base of a random item."""
        index = min(int(np.searchsorted(self._ends, rng.random(), "right")), len(self) - 1)
        bases = self._items[index].bases
        halves = [n for n, base in enumerate(bases) if base.scale > 1]
        among = halves if halves and rng.random() < HALF_SHARE else range(len(bases))
        which = int(rng.choice(among))
        source, base = (self._pictures(index, name) for name in ("source", f"base{which}"))
        return Clip(source, base, bases[which].crf, bases[which].scale)

    def _keep(self, index: int) -> None:
        for name in ("source", *(f"base{n}" for n in range(len(self._items[index].bases)))):
            self._pictures(index, name)

    def _pictures(self, index: int, name: str) -> Tensor:
        key = index, name
        if key not in self._kept:
            # "c": copy on write, which PyTorch takes without complaint; nothing is ever written.
            stored = np.load(self._folders[index] / f"{name}.npy", mmap_mode="c")
            self._kept[key] = torch.from_numpy(stored).to(self._device)
        return self._kept[key]


@dataclass(frozen=True)
class Variation:
    """One of the ways in which a crop and its base are shown, so that the network can't know the few scenes by heart.

    AV1's tools treat rows as columns, and colours nearly alike.

    Attributes:
        flipped: along rows and along columns.
        turned: whether rows become columns.
        channels: order of red, green and blue.
        contrast, brightness: v -> contrast * v + brightness of values in [-1, 1], kept there.
    """

    flipped: tuple[bool, bool]
    turned: bool
    channels: tuple[int, ...]
    contrast: float
    brightness: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Variation:
        """Any; half of them in the crop's own colours."""
        across, down, turned, coloured = (bool(v) for v in rng.random(4) < 0.5)
        if not coloured:
            return cls((across, down), turned, (0, 1, 2), 1.0, 0.0)
        contrast = float(rng.uniform(0.6, 1.15))
        brightness = float(rng.uniform(-1, 1) * max(0.05, 1 - contrast))
        return cls((across, down), turned, tuple(int(v) for v in rng.permutation(3)), contrast, brightness)

    def of(self, pictures: Tensor) -> Tensor:
        """uint8 (T, H, W, 3), H = W -> float32 (T, 3, H, W) in [-1, 1]."""
        axes = [axis for axis, flipped in zip((2, 3), self.flipped, strict=True) if flipped]
        x = torch.stack([pictures[..., channel] for channel in self.channels], 1)
        x = x.transpose(2, 3) if self.turned else x
        x = (x.flip(axes) if axes else x).float() / 127.5 - 1
        return x if self.contrast == 1 else (x * self.contrast + self.brightness).clamp(-1, 1)


@dataclass(frozen=True)
class Crops:
    """Endless batches.

    Attributes:
        pool: of items with at least so many pictures and lines.
        rows: N.
        length: pictures of each, T.
        crop: H = W, a multiple of 8.
    """

    pool: Pool
    rows: int
    length: int
    crop: int
    rng: np.random.Generator

    def next(self) -> Batch:
        """N random crops of random clips, each turned and coloured in its own way."""
        clips = [self.pool.draw(self.rng) for _ in range(self.rows)]
        ways = [Variation.draw(self.rng) for _ in clips]
        cut = [[way.of(x) for x in self._cut(clip)] for clip, way in zip(clips, ways, strict=True)]
        source, base = (torch.stack(column) for column in zip(*cut, strict=True))
        numbers = [[draw_step(self.rng), clip.crf, clip.scale, KINDS.index(clip.kind)] for clip in clips]
        step, crf, scale, kind = torch.tensor(numbers).to(source.device, non_blocking=True).unbind(1)
        return Batch(source, base, Told(step, crf, scale), kind.long())

    def _cut(self, clip: Clip) -> tuple[Tensor, Tensor]:
        """(source (T, H, W, 3), base (T + 2, H, W, 3)), uint8; the ends of a clip are their own neighbours."""
        count, height, width, _ = clip.source.shape
        top, left = (int(self.rng.integers((side - self.crop) // GRID + 1)) * GRID for side in (height, width))
        time = int(self.rng.integers(count - self.length + 1))
        place = np.s_[:, top : top + self.crop, left : left + self.crop]
        base = clip.base[max(time - 1, 0) : time + self.length + 1][place]
        before, after = [base[:1]] * (time == 0), [base[-1:]] * (time + self.length == count)
        whole = torch.cat([*before, base, *after]) if before or after else base
        return clip.source[time : time + self.length][place], whole


def draw_step(rng: np.random.Generator) -> float:
    """A step of the trajectory to train: often the whole restoration or more, else any."""
    kind = rng.random()
    if kind < WHOLE_SHARE:
        return float(WHOLE_RESTORATION)
    return float(rng.uniform(WHOLE_RESTORATION if kind < WHOLE_SHARE + BEYOND_SHARE else 0.5, MAX_RESTORATION))
