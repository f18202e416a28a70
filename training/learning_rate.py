"""The one course that every training's learning rate takes: warm-up, flat, then a cosine to the end."""

from __future__ import annotations

import math


def learning_rate(updates: int, done: float, peak: float, warm_up: int, flat: float = 0.0, last: float = 0.02) -> float:
    """After `updates` updates, with the share `done` of the run behind.

    Args:
        peak: what it rises to over `warm_up` updates.
        flat: share of the run before it falls.
        last: what it falls to, of `peak`.
    """
    falling = max(0.0, done - flat) / max(1 - flat, 1e-9)
    cosine = 0.5 + 0.5 * math.cos(math.pi * min(1.0, falling))
    return peak * min(1.0, (updates + 1) / warm_up) * max(last, cosine)
