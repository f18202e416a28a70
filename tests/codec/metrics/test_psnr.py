"""PSNR against its closed form."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.metrics.psnr import CEILING, Psnr


@given(st.integers(1, 255))
def test_constant_difference(step: int) -> None:
    frames = np.zeros((2, 8, 8, 3), np.uint8)
    assert Psnr()(frames, frames + np.uint8(step)) == pytest.approx([20 * np.log10(255 / step)] * 2)


def test_frames_are_judged_one_by_one() -> None:
    reference = np.full((3, 4, 4, 3), 100, np.uint8)
    distorted = reference.copy()
    distorted[1, 0, 0, 0] = 148
    expected = 10 * np.log10(255**2 / (48**2 / 48))
    assert Psnr()(reference, distorted) == pytest.approx([CEILING, expected, CEILING])
