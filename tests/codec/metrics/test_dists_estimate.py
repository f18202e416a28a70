"""The stand-in for DISTS."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from codec import plan
from codec.metrics.dists_estimate import DistsEstimate
from codec.metrics.ms_ssim import MsSsim
from codec.priors.gaussian import GaussianPrior
from codec.settings import EncodeSettings, Quality


def test_is_zero_for_equal_pictures_and_grows_with_noise() -> None:
    rng = np.random.default_rng(1)
    clean = np.repeat(np.repeat(rng.integers(0, 256, (2, 12, 12, 3), np.uint8), 8, 1), 8, 2)
    noise = rng.normal(0, 1, clean.shape)
    worse = [np.clip(clean + sigma * noise, 0, 255).astype(np.uint8) for sigma in (5, 20, 60)]
    estimate = DistsEstimate(MsSsim(torch.device("cpu")))
    assert estimate(clean, clean).tolist() == [0.0, 0.0]
    values = [float(estimate(clean, picture).mean()) for picture in worse]
    assert 0 < values[0] < values[1] < values[2] < 1


def test_a_machine_without_networks_can_still_aim_at_dists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "missing", lambda _: "not here")
    judge, note = plan._choose_metric(EncodeSettings(goal=Quality(0.15)), GaussianPrior())
    assert isinstance(judge, DistsEstimate)
    assert note is not None
    assert "metric-vgg16" in note
