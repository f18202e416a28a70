"""A stand-in for DISTS where neither its VGG16 nor the bundled network is there: MS-SSIM put on DISTS' scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from codec.metrics.base import Frames, Values
from codec.metrics.ms_ssim import MsSsim

# benchmarks/dists_estimate.py fits it and says how far off it is.
SCALE = 1.335


@dataclass(frozen=True)
class DistsEstimate:
    """sqrt((1 - MS-SSIM) / SCALE): 0 for equal pictures, about DISTS for coded ones (off by 0.03 on average)."""

    ms_ssim: MsSsim

    name: ClassVar[str] = "dists-estimate"
    lower_is_better: ClassVar[bool] = True
    good: ClassVar[tuple[float, float]] = (0.0, 0.1)
    context: ClassVar[int] = 0

    def __call__(self, reference: Frames, distorted: Frames) -> Values:
        """Estimated DISTS per frame, (T,); see `Metric`."""
        values: Values = np.sqrt(np.maximum(1 - self.ms_ssim(reference, distorted), 0) / SCALE)
        return values
