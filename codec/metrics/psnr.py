"""PSNR of RGB pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from codec.arrays import Frames
from codec.metrics.base import Values, check_pair

CEILING = 100.0
"""dB reported for equal frames, whose PSNR is infinite, so that means and plots stay finite."""


@dataclass(frozen=True)
class Psnr:
    """10 log10(255**2 / MSE) over all three RGB channels of a frame, in dB; equal frames count as 100 dB."""

    name: ClassVar[str] = "psnr"
    lower_is_better: ClassVar[bool] = False
    good: ClassVar[tuple[float, float]] = (30.0, CEILING)
    context: ClassVar[int] = 0

    def __call__(self, reference: Frames, distorted: Frames) -> Values:
        """PSNR per frame in dB, (T,); see `Metric`."""
        check_pair(reference, distorted, self.name)
        return np.array([_frame_psnr(x, y) for x, y in zip(reference, distorted, strict=True)])


def _frame_psnr(x: Frames, y: Frames) -> float:
    difference = x.astype(np.int32) - y
    error = float(np.mean(np.square(difference), dtype=np.float64))
    return CEILING if error == 0 else min(CEILING, float(10 * np.log10(255.0**2 / error)))
