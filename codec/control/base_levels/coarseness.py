"""How coarse a level of the base is, on a scale that bits and quality follow evenly, as they don't follow CRF.

A quarter of a CRF makes AV1's quantiser 2 % larger at 50 and 5 % at 62; it ends at 63, and SVT-AV1 goes on by other
means. So levels are told apart by how often they halve the bits, which DISTS follows in nearly a straight line.
"""

from __future__ import annotations

import numpy as np

# CRF, and how often it halves a base's bits against USUAL_CRF: a mean over clips (benchmarks/coding/base_levels.py).
_LEVELS = np.array(
    [
        (0, -5.5),
        (20, -3.64),
        (30, -2.68),
        (40, -1.72),
        (45, -1.36),
        (50, -1.01),
        (52.5, -0.83),
        (55, -0.63),
        (57.5, -0.37),
        (60, 0.0),
        (61, 0.18),
        (62, 0.50),
        (63, 0.92),
        (64, 1.10),
        (66, 1.39),
        (68, 1.64),
        (70, 1.87),
    ]
)
_CRFS, _HALVINGS = _LEVELS.T


def coarseness(crf: float) -> float:
    """How often a level halves the bits that a base takes at `USUAL_CRF`, about; negative where it takes more."""
    return float(np.interp(crf, _CRFS, _HALVINGS))


def crf_of(coarse: float) -> float:
    """The level of a coarseness, the nearest one where none is so fine or coarse."""
    return float(np.interp(coarse, _HALVINGS, _CRFS))
