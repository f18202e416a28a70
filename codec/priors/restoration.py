"""The steps between a base's picture and the prior's: free of bits, in integers, the same on every machine.

A path from a degraded picture b to its restoration x is a trajectory too (InDI, arXiv 2303.11435; VoRTeC, arXiv
2609.02291). Until a prior is trained for the steps between, they lie on a straight line.
"""

from __future__ import annotations

import numpy as np

from codec.arrays import Frames
from codec.format.limits import MAX_RESTORATION, WHOLE_RESTORATION

_SHIFT = 3
_HALF = 1 << _SHIFT - 1
assert WHOLE_RESTORATION == 1 << _SHIFT


def along(base: Frames, whole: Frames, step: int) -> Frames:
    """The pictures at `step` of the way from `base` (0) to `whole` (8) and beyond (up to 12); all uint8, same shape.

    x_k = b + ((k (x - b) + 4) >> 3), rounding down, limited to a byte.

    Raises:
        ValueError: there is no such step.
    """
    if not 0 <= step <= MAX_RESTORATION:
        raise ValueError(f"a restoration has steps 0 to {MAX_RESTORATION}, not {step}")
    if step == 0:
        return base
    if step == WHOLE_RESTORATION:
        return whole
    start = base.astype(np.int16)
    moved = start + ((step * (whole.astype(np.int16) - start) + _HALF) >> _SHIFT)
    return moved.clip(0, 255).astype(np.uint8)
