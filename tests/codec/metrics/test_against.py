"""A reference that is looked at once gives the same values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from codec.errors import TooSmallError
from codec.metrics.base import against
from codec.metrics.dists import Dists
from codec.metrics.psnr import Psnr
from tests.support.codec_runs import moving


@pytest.fixture
def pair() -> tuple[np.ndarray, np.ndarray]:
    frames = np.stack(moving(3, 64, 48))
    return frames, np.roll(frames, 1, 2)


def test_dists_is_the_same_to_rounding(networks: Path, pair: tuple[np.ndarray, np.ndarray]) -> None:
    metric = Dists.load([networks], torch.device("cpu"))
    judge = against(metric, pair[0])
    assert judge(pair[1]) == pytest.approx(metric(*pair), abs=1e-5)
    assert judge(pair[0]) == pytest.approx([0, 0, 0], abs=1e-5)
    with pytest.raises(ValueError, match="compares"):
        judge(pair[1][:2])


def test_what_is_too_small_is_refused_either_way(networks: Path) -> None:
    metric = Dists.load([networks], torch.device("cpu"))
    small = np.stack(moving(2, 64, 15))
    for judge in (lambda: metric(small, small), lambda: against(metric, small)(small)):
        with pytest.raises(TooSmallError, match="at least 16x16 pixels, these are 64x15"):
            judge()


def test_any_metric_can_be_given_its_reference(pair: tuple[np.ndarray, np.ndarray]) -> None:
    assert against(Psnr(), pair[0])(pair[1]).tolist() == Psnr()(*pair).tolist()
