"""tOF: how differently two clips move (Chu et al. 2020, TecoGAN, arXiv 1811.09393)."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from codec.arrays import Frames
from codec.errors import SettingsError
from codec.metrics.base import Values, check_pair

PYRAMID_SCALE, LEVELS, WINDOW, ITERATIONS, NEIGHBOURHOOD, SIGMA = 0.5, 3, 15, 3, 5, 1.2
"""Farneback's settings in the authors' published evaluation."""


@dataclass(frozen=True)
class Tof:
    """Mean distance, in pixels, between the optical flows of reference and distorted clip.

    Farneback's flow of the grey pictures, as the authors' evaluation computes it; unlike theirs, no border is
    cut off, so that small pictures keep their pixels.
    """

    name: ClassVar[str] = "tof"
    lower_is_better: ClassVar[bool] = True
    good: ClassVar[tuple[float, float]] = (0.0, 0.3)
    context: ClassVar[int] = 1

    @classmethod
    def load(cls) -> Tof:
        """Ready to call.

        Raises:
            SettingsError: OpenCV is not installed.
        """
        if find_spec("cv2") is None:
            raise SettingsError(
                "The metric tof needs OpenCV; install it with: pip install 'freegvc[metrics]', or leave tof out."
            )
        return cls()

    def __call__(self, reference: Frames, distorted: Frames) -> Values:
        """tOF of each consecutive pair of frames, (T - 1,); see `Metric`."""
        check_pair(reference, distorted, self.name, smallest=16)
        distances = np.zeros(max(0, len(reference) - 1))
        for index in range(len(distances)):
            difference = _flow(reference, index) - _flow(distorted, index)
            distances[index] = float(np.linalg.norm(difference, axis=-1).mean(dtype=np.float64))
        return distances


def _flow(frames: Frames, index: int) -> NDArray[np.float32]:
    """Optical flow from frame `index` to the next, float32 (H, W, 2)."""
    import cv2

    before, after = (cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames[index : index + 2])
    flow = cv2.calcOpticalFlowFarneback(
        before, after, np.zeros((*before.shape, 2), np.float32),
        PYRAMID_SCALE, LEVELS, WINDOW, ITERATIONS, NEIGHBOURHOOD, SIGMA, 0,
    )  # fmt: skip
    return np.asarray(flow, np.float32)
