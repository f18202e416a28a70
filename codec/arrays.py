"""Arrays that travel between rooms, by what they hold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
"""RGB, uint8 (h, w, 3)."""

Frames = NDArray[np.uint8]
"""Pictures of one size in order: RGB, uint8 (T, H, W, 3)."""

Samples = NDArray[np.float32]
"""Sound between -1 and 1, float32 (n, channels)."""
