"""tLP: how differently two clips change from frame to frame (Chu et al. 2020, TecoGAN, arXiv 1811.09393)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from codec.arrays import Frames
from codec.metrics.base import Values, check_pair, network_values
from codec.metrics.lpips import SMALLEST, LpipsNetwork, load_lpips_network


@dataclass(frozen=True)
class Tlp:
    """|LPIPS(r_t-1, r_t) - LPIPS(d_t-1, d_t)| with AlexNet: 0 where both clips change alike, flicker raises it.

    The paper prints 100 times this value.
    """

    network: LpipsNetwork
    device: torch.device

    name: ClassVar[str] = "tlp"
    lower_is_better: ClassVar[bool] = True
    good: ClassVar[tuple[float, float]] = (0.0, 0.01)
    context: ClassVar[int] = 1

    @classmethod
    def load(cls, folders: Sequence[Path], device: torch.device) -> Tlp:
        """Read AlexNet from the first of `folders` that holds it, else the one that ships."""
        return cls(load_lpips_network("alex", folders).to(device), device)

    def __call__(self, reference: Frames, distorted: Frames) -> Values:
        """tLP of each consecutive pair of frames, (T - 1,); see `Metric`."""
        check_pair(reference, distorted, self.name, SMALLEST)
        return np.abs(self._change(reference) - self._change(distorted))

    def _change(self, frames: Frames) -> Values:
        return network_values(self.network, frames[:-1], frames[1:], self.name, self.device, smallest=SMALLEST)
