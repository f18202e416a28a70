"""Which frames of a GOP stand for all of it when its quality is probed."""

from __future__ import annotations

import numpy as np

PROBE_FRAMES = 6


def probe_frames(count: int, overlap: int) -> list[int]:
    """Up to PROBE_FRAMES frames spread over a GOP's own part: indices in overlap..count-1, rising."""
    own = count - overlap
    spread = (np.arange(PROBE_FRAMES) + 0.5) * own / PROBE_FRAMES
    return sorted({overlap + int(place) for place in spread})
