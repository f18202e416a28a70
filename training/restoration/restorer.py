"""The restorer: a base's decoded pictures and a step of the trajectory to what is shown. Pure torch.

x_k = base + gate(k) * net(base, k), with gate(0) = 0: step 0 is the base itself, the first steps are clean pictures
(no block edges, never less PSNR), step 8 is the whole restoration, and steps up to 12 go beyond it in texture. The
network is told k and makes every step by itself; it runs once, whatever k is, and not at all for k = 0.

Everything but the last layers works at a quarter and an eighth of the picture's size. A state at quarter size is
carried along the base's pictures, moved by motion that is searched in them (nothing is sent for it), so a picture is
made from all that came since the last keyframe. Norms act on one pixel's channels only: crops, tiles and whole
pictures see the same network, as long as they begin on the 8-pixel grid that AV1's blocks lie on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from codec.priors.pocket_net import ChannelNorm, ResBlock, silence
from training.restoration.motion import moved, search_motion

Pictures = NDArray[np.uint8]
"""uint8 (T, H, W, 3), RGB."""

WHOLE_STEP = 8
LAST_STEP = 12
PAD_MULTIPLE = 8
CONTEXTS = ("own", "neighbours", "aligned", "carried", "moved")


@dataclass(frozen=True)
class RestorerConfig:
    """Shape of the network; saved beside the weights.

    Attributes:
        half, quarter, eighth: channels at these sizes.
        blocks: residual blocks at quarter size before, at eighth size, and at quarter size after it.
        embedding: width of the vector that says which step, and how coarse the base is.
        context: what a picture is made from beside its own base: "own" nothing, "neighbours" the two next to it as
            they lie, "aligned" the four around it moved into place, "carried" a state and both neighbours as they lie,
            "moved" a state and both neighbours moved into place.
    """

    half: int = 24
    quarter: int = 48
    eighth: int = 96
    blocks: tuple[int, int, int] = (1, 4, 3)
    embedding: int = 32
    context: str = "moved"

    @property
    def neighbours(self) -> tuple[int, ...]:
        """Distances of the pictures that are looked at beside the own one."""
        return {"own": (), "aligned": (-2, -1, 1, 2)}.get(self.context, (-1, 1))

    @property
    def carries(self) -> bool:
        """Whether a state goes from picture to picture."""
        return self.context in ("carried", "moved")

    @property
    def aligns(self) -> bool:
        """Whether motion is searched."""
        return self.context in ("aligned", "moved")

    def to_json(self) -> str:
        """As text."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> RestorerConfig:
        """From `to_json`'s text; raises ValueError, KeyError or TypeError where it is none."""
        values = json.loads(text)
        before, deep, after = values.pop("blocks")
        return cls(**values, blocks=(before, deep, after))


def gate(step: Tensor) -> Tensor:
    """How much of the network's picture is shown at `step`: 0 at 0, 1 at 8, little more beyond."""
    return step / (step + 1) * ((WHOLE_STEP + 1) / WHOLE_STEP)


class Setting(nn.Module):
    """Vector for the step and the base's CRF and scale."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(7, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())

    def forward(self, step: Tensor, crf: Tensor, scale: Tensor) -> Tensor:
        """Each (N,); step 0-12, scale 1 or 2 -> (N, width)."""
        level, place = (crf - 60) / 8, step / WHOLE_STEP
        waves = [(place * turn).sin() for turn in (1.0, 2.0, 4.0)]
        return cast(Tensor, self.layers(torch.stack([level, level.square(), scale - 1, place, *waves], 1)))


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
    """One picture at a time, in order; see the module's text."""

    def __init__(self, config: RestorerConfig) -> None:
        super().__init__()
        self.config = config
        half, quarter, eighth, width = config.half, config.quarter, config.eighth, config.embedding
        before, deep, after = config.blocks
        self.setting = Setting(width)
        self.stem = nn.Conv2d(48, quarter, 3, padding=1)
        self.merge = nn.Conv2d((1 + len(config.neighbours) + config.carries) * quarter, quarter, 1)
        self.before = nn.ModuleList([ResBlock(quarter, width) for _ in range(before)])
        self.down = nn.Conv2d(quarter, eighth, 2, stride=2)
        self.deep = nn.ModuleList([ResBlock(eighth, width) for _ in range(deep)])
        self.up = nn.Conv2d(eighth, 4 * quarter, 1)
        self.after = nn.ModuleList([ResBlock(quarter, width) for _ in range(after)])
        self.tail = Tail(quarter, half)
        # Without it states grow from picture to picture, and a whole GOP ends in noise (seen after 600 iterations).
        self.keep = ChannelNorm(quarter) if config.carries else nn.Identity()
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def features(self, base: Tensor) -> Tensor:
        """What is seen of one base picture alone: (N, 3, H, W) in [-1, 1] -> (N, C, H/4, W/4)."""
        return cast(Tensor, self.stem(unshuffled(base, 4)))

    def context(self, window: list[Tensor], seen: list[Tensor], state: Tensor | None) -> Tensor:
        """All that a picture is made from, in one map.

        Args:
            window: the base's picture and its neighbours in order of time, (N, 3, H, W) each; the ends repeated.
            seen: their `features`.
            state: of the picture before this, or None after a keyframe.
        """
        reach = len(window) // 2
        own, others = seen[reach], seen[:reach] + seen[reach + 1 :]
        before = torch.zeros_like(own) if state is None else state.to(own.dtype)
        if self.config.aligns:
            pictures = window[:reach] + window[reach + 1 :]
            motions = [search_motion(window[reach], other) for other in pictures]
            others = [moved(x, motion) for x, motion in zip(others, motions, strict=True)]
            if self.config.carries:
                before = moved(before, motions[reach - 1])
        return cast(Tensor, self.merge(torch.cat([own, *others, *([before] if self.config.carries else [])], 1)))

    def forward(
        self, window: list[Tensor], seen: list[Tensor], state: Tensor | None, step: Tensor, crf: Tensor, scale: Tensor
    ) -> tuple[Tensor, Tensor]:
        """(picture, state): (N, 3, H, W) float32, about [-1, 1], and (N, C, H/4, W/4).

        Args:
            window, seen, state: see `context`.
            step, crf, scale: (N,).
        """
        setting = self.setting(step, crf, scale)
        x = self.context(window, seen, state)
        for block in self.before:
            x = block(x, setting)
        low = self.down(x)
        for block in self.deep:
            low = block(low, setting)
        x = x + F.pixel_shuffle(self.up(low), 2)
        for block in self.after:
            x = block(x, setting)
        base = window[len(window) // 2]
        return base + gate(step)[:, None, None, None] * self.tail(x, base).float(), self.keep(x)

    def sequence(
        self, base: Tensor, step: Tensor, crf: Tensor, scale: Tensor, state: Tensor | None = None, margin: int = 0
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Restored pictures (N, 3, H, W) and states, in order, of consecutive base pictures (N, T, 3, H, W).

        The first and the last picture are their own neighbours where those lie outside; `margin` pictures at both
        ends are neighbours only.
        """
        reach = max((0, *self.config.neighbours))
        count = base.shape[1]
        seen: dict[int, Tensor] = {}
        for time in range(margin, count - margin):
            near = [min(max(time + d, 0), count - 1) for d in range(-reach, reach + 1)]
            seen = {t: seen[t] if t in seen else self.features(base[:, t]) for t in dict.fromkeys(near)}
            window = [base[:, t] for t in near]
            made, state = self(window, [seen[t] for t in near], state, step, crf, scale)
            yield made, state

    @torch.inference_mode()
    def restore(self, pictures: Pictures, crf: float, step: int, scale: int = 1, run_up: int = 0) -> Pictures:
        """What is shown at `step` of a base's pictures, uint8 (T - run_up, H, W, 3).

        Memory doesn't grow with T, but for the pictures themselves.

        Args:
            pictures: (T, H, W, 3), at coding size, of one GOP, behind as many as `run_up` of those before it.
            crf, scale: how the base was coded.
            step: 0 to LAST_STEP.
        """
        if not 0 <= step <= LAST_STEP:
            raise ValueError(f"the step is 0 to {LAST_STEP}, not {step}")
        if step == 0:
            return pictures[run_up:].copy()
        device = self.stem.weight.device
        height, width = pictures.shape[1:3]
        told = [torch.tensor([float(value)], device=device) for value in (step, crf, scale)]
        made = np.empty_like(pictures[run_up:])
        rows = self.sequence(_Padded(pictures, device), *told)  # type: ignore[arg-type]
        for time, (picture, _) in enumerate(rows):
            if time >= run_up:
                shown = (picture[0, :, :height, :width].clamp(-1, 1) + 1) * 127.5
                made[time - run_up] = shown.round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()
        return made


class _Padded:
    """Pictures as `Restorer.sequence` reads them, [:, t] -> (1, 3, H', W'), each made when it is asked for."""

    def __init__(self, pictures: Pictures, device: torch.device) -> None:
        self._pictures, self._device = pictures, device
        self.shape = (1, len(pictures))

    def __getitem__(self, index: tuple[slice, int]) -> Tensor:
        picture = torch.from_numpy(np.ascontiguousarray(self._pictures[index[1]])).to(self._device)
        bottom, right = (-side % PAD_MULTIPLE for side in picture.shape[:2])
        return F.pad(picture.permute(2, 0, 1)[None].float() / 127.5 - 1, (0, right, 0, bottom), mode="replicate")


def unshuffled(pictures: Tensor, factor: int) -> Tensor:
    """(N, C, H, W) -> (N, C * factor^2, H / factor, W / factor), channels last."""
    return F.pixel_unshuffle(pictures, factor).contiguous(memory_format=torch.channels_last)


def multiplications(config: RestorerConfig) -> float:
    """Multiplications a pixel of output, motion search and norms included."""
    half, quarter, eighth = config.half, config.quarter, config.eighth
    before, deep, after = config.blocks
    sources = 1 + len(config.neighbours) + config.carries
    at_quarter = 9 * 48 * quarter + sources * quarter**2 + (before + after) * (18 * quarter + 6) * quarter
    at_quarter += 4 * quarter * half + 3 * quarter
    at_eighth = 4 * quarter * eighth + deep * (18 * eighth + 6) * eighth + 4 * eighth * quarter
    at_half = 9 * half * (12 + half + 12)
    if config.aligns:
        # For each neighbour 81 differences and their windows, then bilinear moves.
        at_quarter += len(config.neighbours) * (81 * 6 + 4 * quarter) + config.carries * 4 * quarter
    return at_half / 4 + at_quarter / 16 + at_eighth / 64
