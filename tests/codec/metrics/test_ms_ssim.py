"""MS-SSIM against the definition, in float64 numpy with explicit windows."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from codec.arrays import Frames
from codec.errors import InputError
from codec.metrics.ms_ssim import WEIGHTS, MsSsim, scales_for
from tests.support.metric_cases import box_blur

METRIC = MsSsim(torch.device("cpu"))


def window_mean(x: NDArray[np.float64]) -> NDArray[np.float64]:
    offsets = np.arange(-5, 6)
    kernel = np.exp(-(offsets[:, None] ** 2 + offsets[None] ** 2) / (2 * 1.5**2))
    windows = np.lib.stride_tricks.sliding_window_view(x, (11, 11))
    return np.einsum("hwij,ij->hw", windows, kernel / kernel.sum())


def defined_ms_ssim(x: NDArray[np.float64], y: NDArray[np.float64], scales: int) -> float:
    weights, result = np.array(WEIGHTS[:scales]) / sum(WEIGHTS[:scales]), 1.0
    for scale in range(scales):
        mx, my = window_mean(x), window_mean(y)
        vx, vy, cov = window_mean(x * x) - mx**2, window_mean(y * y) - my**2, window_mean(x * y) - mx * my
        value = (2 * cov + 58.5225) / (vx + vy + 58.5225)
        if scale == scales - 1:
            value = value * (2 * mx * my + 6.5025) / (mx**2 + my**2 + 6.5025)
        result *= value.mean() ** weights[scale]
        x, y = (t[: t.shape[0] // 2 * 2, : t.shape[1] // 2 * 2] for t in (x, y))
        x, y = (t.reshape(t.shape[0] // 2, 2, t.shape[1] // 2, 2).mean((1, 3)) for t in (x, y))
    return float(result)


def test_five_scales_equal_the_definition(leaves: Frames) -> None:
    blurred = box_blur(leaves, 2)
    expected = [
        np.mean([defined_ms_ssim(x[..., c].astype(float), y[..., c].astype(float), 5) for c in range(3)])
        for x, y in zip(leaves, blurred, strict=True)
    ]
    assert METRIC(leaves, blurred) == pytest.approx(expected, abs=1e-6)
    assert max(expected) < 0.99


def test_small_pictures_use_fewer_scales(talking: Frames) -> None:
    frame = talking[:1, :90, :100]
    blurred = box_blur(frame, 1)
    expected = np.mean(
        [defined_ms_ssim(frame[0, ..., c].astype(float), blurred[0, ..., c].astype(float), 4) for c in range(3)]
    )
    assert METRIC(frame, blurred) == pytest.approx([expected], abs=1e-6)


@pytest.mark.parametrize(
    ("side", "scales"), [(11, 1), (21, 1), (22, 2), (44, 3), (88, 4), (175, 4), (176, 5), (2000, 5)]
)
def test_number_of_scales(side: int, scales: int) -> None:
    assert scales_for(side, 4000) == scales_for(4000, side) == scales


def test_equal_is_one_and_negative_is_zero(leaves: Frames) -> None:
    assert METRIC(leaves, leaves) == pytest.approx([1, 1], abs=1e-12)
    assert METRIC(leaves, 255 - leaves).tolist() == [0, 0]


def test_below_one_window_is_refused() -> None:
    with pytest.raises(InputError, match="at least 11x11"):
        METRIC(np.zeros((1, 10, 64, 3), np.uint8), np.zeros((1, 10, 64, 3), np.uint8))
