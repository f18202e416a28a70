"""tOF and tLP: known motion, and what equal clips score."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from codec.arrays import Frames
from codec.metrics.base import mean
from codec.metrics.lpips import Lpips
from codec.metrics.temporal.tlp import Tlp
from codec.metrics.temporal.tof import Tof

CPU = torch.device("cpu")


def pan(picture: Frames, pixels: int, count: int, width: int) -> Frames:
    return np.stack([picture[:, i * pixels : i * pixels + width] for i in range(count)])


def test_tof_of_a_pan_against_a_still_is_its_speed(leaves: Frames) -> None:
    moving, still = pan(leaves[0], 2, 4, 240), pan(leaves[0], 0, 4, 240)
    values = Tof()(moving, still)
    assert values.shape == (3,)
    assert values == pytest.approx([2.0] * 3, abs=0.25)


def test_tof_ignores_what_moves_alike(leaves: Frames) -> None:
    moving = pan(leaves[0], 2, 3, 240)
    assert Tof()(moving, moving.copy()).tolist() == [0, 0]
    assert mean(Tof()(moving, moving // 2 + 60)) < 0.2


def test_tlp_is_the_difference_of_changes(talking: Frames, networks: Path) -> None:
    frozen = np.repeat(talking[:1], 4, axis=0)
    change = Lpips.load("alex", [networks], CPU)(talking[:-1], talking[1:])
    metric = Tlp.load([networks], CPU)
    assert metric(talking, frozen) == pytest.approx(change)
    assert change.min() > 0
    assert metric(talking, talking.copy()).tolist() == [0, 0, 0]


def test_one_frame_has_no_temporal_value(talking: Frames, networks: Path) -> None:
    for metric in (Tof(), Tlp.load([networks], CPU)):
        values = metric(talking[:1], talking[:1])
        assert values.shape == (0,)
        assert np.isnan(mean(values))
