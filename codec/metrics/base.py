"""The seam every quality metric is wrapped to: two clips in, one value per frame out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from codec.arrays import Frames
from codec.errors import TooSmallError

Values = NDArray[np.float64]

BATCH_PIXELS = 1 << 19
"""Pixels a network sees at once: VGG16 then needs about 0.5 GB, whatever the clip's length and size."""


class PairNetwork(Protocol):
    """Scores picture batches (B, 3, H, W) in [0, 1] against each other: (B,)."""

    def __call__(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """One score per picture pair."""
        ...


class Metric(Protocol):
    """A full-reference quality metric."""

    @property
    def name(self) -> str:
        """What the user types, as listed in `codec.metrics.catalog`."""
        ...

    @property
    def lower_is_better(self) -> bool:
        """True for distances."""
        ...

    @property
    def good(self) -> tuple[float, float]:
        """The range, low to high, that people read as good."""
        ...

    @property
    def context(self) -> int:
        """Frames before the first value: 0, or 1 for a temporal metric, whose values belong to frames 1, 2, ..."""
        ...

    def __call__(self, reference: Frames, distorted: Frames) -> Values:
        """Per-frame values, float64 (T - context,).

        Raises:
            ValueError: the clips' shapes differ or are not uint8 (T, H, W, 3).
            TooSmallError: the picture is smaller than the metric can judge.
        """
        ...


def against(metric: Metric, reference: Frames) -> Callable[[Frames], Values]:
    """A metric with its reference given: looked at once where the metric can do that."""
    prepare = getattr(metric, "against", None)
    if prepare is None:
        return lambda distorted: metric(reference, distorted)
    prepared: Callable[[Frames], Values] = prepare(reference)
    return prepared


def mean(values: Values) -> float:
    """Mean over frames; nan when there is none (one frame has no temporal value)."""
    return float(np.mean(values)) if values.size else float("nan")


def check_pair(reference: Frames, distorted: Frames, name: str, smallest: int = 1) -> None:
    """Refuse what no metric can compare, before anything is computed.

    Raises:
        ValueError: shapes differ, or are not uint8 (T, H, W, 3).
        TooSmallError: a side is shorter than `smallest` pixels.
    """
    if reference.shape != distorted.shape or reference.ndim != 4 or reference.shape[3] != 3:
        raise ValueError(f"{name} compares two clips (T, H, W, 3), not {reference.shape} with {distorted.shape}")
    if reference.dtype != np.uint8 or distorted.dtype != np.uint8:
        raise ValueError(f"{name} compares uint8 clips, not {reference.dtype} with {distorted.dtype}")
    height, width = reference.shape[1:3]
    if min(height, width) < smallest:
        raise TooSmallError(
            f"The metric {name} needs pictures of at least {smallest}x{smallest} pixels, these are {width}x{height}; "
            "choose another metric."
        )


def to_unit_tensor(frames: Frames, device: torch.device) -> torch.Tensor:
    """uint8 (T, H, W, 3) -> float32 (T, 3, H, W) in [0, 1], channels last in memory (no copy but the conversion)."""
    pixels = torch.from_numpy(np.ascontiguousarray(frames)).to(device)
    return pixels.permute(0, 3, 1, 2).float().div_(255)


def frame_blocks(frames: int, height: int, width: int) -> Iterator[slice]:
    """Consecutive slices of a clip, each at most `BATCH_PIXELS` pixels (but at least one frame)."""
    size = max(1, BATCH_PIXELS // (height * width))
    for start in range(0, frames, size):
        yield slice(start, min(start + size, frames))


def network_values(
    network: PairNetwork, reference: Frames, distorted: Frames, name: str, device: torch.device, smallest: int
) -> Values:
    """Run a network of two unit-range picture batches -> (B,) over whole clips in bounded memory: (T,) float64."""
    check_pair(reference, distorted, name, smallest)
    values = np.zeros(len(reference))
    with torch.inference_mode():
        for block in frame_blocks(*reference.shape[:3]):
            x, y = to_unit_tensor(reference[block], device), to_unit_tensor(distorted[block], device)
            values[block] = network(x, y).double().cpu().numpy()
    return values
