"""The restorer: a base's decoded pictures and a step of the trajectory to what is shown.

x_k = b + gate(k) * net(b, k), with gate(0) = 0: step 0 is the base itself and no network runs for it, the first steps
are clean pictures (no block edges, closeness before texture), step 8 is the whole restoration, and steps up to 12 go
beyond it in texture. The network is told k and makes every step by itself, in one call (a path from a degraded picture
to its restoration: InDI, arXiv 2303.11435).

Everything but the last layers works at a quarter and an eighth of the picture's size. Each picture is made from its own
base picture and the two next to it. Norms act on one pixel's channels only: crops, tiles and whole pictures see the
same network, as long as they begin on the 8-pixel grid that AV1's blocks lie on. What is added holds no checkerboard of
single pixels: see `without_checkerboard`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from codec.format.limits import WHOLE_RESTORATION
from codec.priors.pocket_net import ChannelNorm, ResBlock, silence
from codec.priors.weights import read_weights

PICTURES = 3
# Bases outside are told as the nearest of these: the network has seen no others.
COARSEST_CRF, FINEST_CRF = 68.0, 46.0


@dataclass(frozen=True)
class RestorerConfig:
    """Shape of the network; saved beside the weights.

    Attributes:
        half, quarter, eighth: channels at these sizes.
        blocks: residual blocks at quarter size before, at eighth size, and at quarter size after it.
        embedding: width of the vector that says which step, and how coarse the base is.
    """

    half: int = 24
    quarter: int = 64
    eighth: int = 128
    blocks: tuple[int, int, int] = (1, 2, 2)
    embedding: int = 64

    def to_json(self) -> str:
        """As text."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> RestorerConfig:
        """From `to_json`'s text; raises ValueError, KeyError or TypeError where it is none."""
        values = json.loads(text)
        before, deep, after = values.pop("blocks")
        return cls(**values, blocks=(before, deep, after))


@dataclass(frozen=True)
class Told:
    """What the network is told of each of N pictures, (N,) float each.

    Attributes:
        step: 0 to 12, any number between.
        crf: of the base.
        scale: 1 where the base has coding size, 2 where it has half of it.
    """

    step: Tensor
    crf: Tensor
    scale: Tensor


def gate(step: Tensor) -> Tensor:
    """How much of the network's picture is shown at `step`: 0 at 0, 1 at 8, little more beyond."""
    return step / (step + 1) * ((WHOLE_RESTORATION + 1) / WHOLE_RESTORATION)


class Setting(nn.Module):
    """Vector for the step and the base's CRF and scale."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(7, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())

    def forward(self, told: Told) -> Tensor:
        """-> (N, width)."""
        level, place = (told.crf.clamp(FINEST_CRF, COARSEST_CRF) - 60) / 8, told.step / WHOLE_RESTORATION
        waves = [(place * turn).sin() for turn in (1.0, 2.0, 4.0)]
        return cast(Tensor, self.layers(torch.stack([level, level.square(), told.scale - 1, place, *waves], 1)))


class Tail(nn.Module):
    """Quarter-size features and the base to the residual, by way of half size: a few channels, no norm."""

    def __init__(self, quarter: int, half: int) -> None:
        super().__init__()
        self.norm = ChannelNorm(quarter)
        self.up = nn.Conv2d(quarter, 4 * half, 1)
        self.base = nn.Conv2d(12, half, 3, padding=1)
        self.mix = nn.Conv2d(half, half, 3, padding=1)
        self.out = nn.Conv2d(half, 12, 3, padding=1)
        silence(self.out)

    def forward(self, x: Tensor, base: Tensor) -> Tensor:
        """x (N, C, H/4, W/4), base (N, 3, H, W) -> residual (N, 3, H, W)."""
        y = F.pixel_shuffle(self.up(self.norm(x)), 2) + self.base(unshuffled(base, 2))
        y = y + self.mix(F.silu(y))
        return F.pixel_shuffle(self.out(F.silu(y)), 2)


class Restorer(nn.Module):
    """Any pictures of a base, each from itself and its neighbours; see the module's text."""

    def __init__(self, config: RestorerConfig) -> None:
        super().__init__()
        self.config = config
        half, quarter, eighth, width = config.half, config.quarter, config.eighth, config.embedding
        before, deep, after = config.blocks
        self.setting = Setting(width)
        self.stem = nn.Conv2d(48, quarter, 3, padding=1)
        self.merge = nn.Conv2d(PICTURES * quarter, quarter, 1)
        self.before = nn.ModuleList([ResBlock(quarter, width) for _ in range(before)])
        self.down = nn.Conv2d(quarter, eighth, 2, stride=2)
        self.deep = nn.ModuleList([ResBlock(eighth, width) for _ in range(deep)])
        self.up = nn.Conv2d(eighth, 4 * quarter, 1)
        self.after = nn.ModuleList([ResBlock(quarter, width) for _ in range(after)])
        self.tail = Tail(quarter, half)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, base: Tensor, near: Tensor, told: Told) -> Tensor:
        """The pictures at `told.step`: (N, 3, H, W) float32, about [-1, 1].

        Args:
            base: (P, 3, H, W) in [-1, 1], all pictures that are looked at, each once; H and W multiples of 8.
            near: (N, 3) where in `base` each picture's predecessor, itself and its successor are.
        """
        setting = self.setting(told)
        seen = cast(Tensor, self.stem(unshuffled(base, 4)))[near].flatten(1, 2)
        x = self.merge(seen.contiguous(memory_format=torch.channels_last))
        for block in self.before:
            x = block(x, setting)
        low = self.down(x)
        for block in self.deep:
            low = block(low, setting)
        x = x + F.pixel_shuffle(self.up(low), 2)
        for block in self.after:
            x = block(x, setting)
        own = base[near[:, 1]]
        return own + gate(told.step)[:, None, None, None] * without_checkerboard(self.tail(x, own).float())


def without_checkerboard(residual: Tensor) -> Tensor:
    """(N, C, H, W) less what alternates from pixel to pixel in both directions at once; H and W at least 2.

    VGG's features, and so DISTS, LPIPS and the discriminator, take such a pattern for texture: trained by them, the
    network put tens of times the source's energy there, and nowhere else.
    """
    x = F.pad(residual, (1, 1, 1, 1), mode="reflect")
    x = x[:, :, :-2] - 2 * x[:, :, 1:-1] + x[:, :, 2:]
    return residual - (x[..., :-2] - 2 * x[..., 1:-1] + x[..., 2:]) / 16


def load_restorer(path: Path) -> Restorer:
    """The network of a file that training/restoration/train.py exported.

    Raises:
        OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError: it is missing, damaged or of another
            shape.
    """
    metadata, state = read_weights(path)
    net = Restorer(RestorerConfig.from_json(metadata["config"]))
    net.load_state_dict(state)
    return net


def neighbourhood(frames: Sequence[int], count: int) -> tuple[list[int], list[tuple[int, int, int]]]:
    """Which of `count` pictures are looked at to make `frames`, and where among those each one's neighbours are.

    The first and the last picture are their own neighbours.
    """
    rows = [(max(frame - 1, 0), frame, min(frame + 1, count - 1)) for frame in frames]
    looked_at = sorted({frame for row in rows for frame in row})
    place = {frame: index for index, frame in enumerate(looked_at)}
    return looked_at, [(place[a], place[b], place[c]) for a, b, c in rows]


def unshuffled(pictures: Tensor, factor: int) -> Tensor:
    """(N, C, H, W) -> (N, C * factor^2, H / factor, W / factor), channels last."""
    return F.pixel_unshuffle(pictures, factor).contiguous(memory_format=torch.channels_last)


def multiplications(config: RestorerConfig) -> float:
    """Multiplications a pixel of output, norms included, where every picture of a base is made."""
    half, quarter, eighth = config.half, config.quarter, config.eighth
    before, deep, after = config.blocks
    at_quarter = 9 * 48 * quarter + PICTURES * quarter**2 + (before + after) * (18 * quarter + 6) * quarter
    at_quarter += 4 * quarter * half + 3 * quarter
    at_eighth = 4 * quarter * eighth + deep * (18 * eighth + 6) * eighth + 4 * eighth * quarter
    at_half = 9 * half * (12 + half + 12)
    # Of a pixel's three channels: two second differences, and their share.
    checkerboard = 3 * 3
    return checkerboard + at_half / 4 + at_quarter / 16 + at_eighth / 64
