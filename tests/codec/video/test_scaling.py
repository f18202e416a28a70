"""Pictures at another size."""

from __future__ import annotations

import numpy as np
import pytest

from codec.video import scaled_picture


@pytest.mark.parametrize("width", [67, 130, 406, 410])
def test_a_scaled_picture_lies_in_one_piece_whatever_its_width(width: int) -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (72, 130, 3), np.uint8)
    made = scaled_picture(picture, width, 90)
    assert made.shape == (90, width, 3)
    assert made.flags.c_contiguous
    assert scaled_picture(picture[:, ::2], 65, 72).flags.c_contiguous
