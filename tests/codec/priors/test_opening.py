"""A trajectory that starts from the noised latent of a base layer: what is free, and that both sides agree."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from codec.channel import coder
from codec.priors.base import BaseClip
from codec.priors.catalog import open_prior
from codec.store import installed as store
from codec.trajectory.walk import Walk, free_steps
from tests.support.tiny_models import save_tiny

NAME = "ltx-video-2b"
ERROR = 0.7


@pytest.fixture
def walk_and_latent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Walk, torch.Tensor]:
    """A GOP whose base's latent is off by noise of deviation ERROR."""
    monkeypatch.setenv("FREEGVC_HOME", str(tmp_path / "home"))
    store.add(NAME, save_tiny(NAME, tmp_path / "model"))
    prior = open_prior(NAME, "cpu", "float32")
    clip = np.random.default_rng(0).integers(0, 256, (17, 256, 256, 3), dtype=np.uint8)
    condition = prior.prepare(None, *clip.shape[:3])
    latent = prior.encode(clip, condition)
    noise = torch.randn(latent.shape, generator=torch.Generator().manual_seed(0))
    condition = replace(condition, base=latent + ERROR * noise)
    shape = prior.geometry.latent_shape(*clip.shape[:3])
    return Walk(prior, condition, shape, seed=5, gop=0, known=None, reuse=2), latent


def _free(walk: Walk) -> int:
    return sum(snr * ERROR**2 <= 1 for snr in walk.prior.schedule.snrs[1:])


def test_noise_hides_the_error_of_the_base(walk_and_latent: tuple[Walk, torch.Tensor]) -> None:
    walk, latent = walk_and_latent
    opening = walk.prior.opening(walk.condition)
    assert opening is not None
    free = free_steps(walk.prior.schedule, latent, opening)
    assert abs(free - _free(walk)) <= 1
    alpha, sigma = walk.prior.schedule.alphas[free], walk.prior.schedule.sigmas[free]
    assert sigma / alpha >= (latent - opening).square().mean().sqrt()
    assert free_steps(walk.prior.schedule, latent, latent) == walk.prior.schedule.steps


def test_free_steps_cost_no_bits_and_no_calls(walk_and_latent: tuple[Walk, torch.Tensor]) -> None:
    walk, latent = walk_and_latent
    opening = walk.prior.opening(walk.condition)
    assert opening is not None
    free = free_steps(walk.prior.schedule, latent, opening)
    calls: list[int] = []
    denoise = walk.prior.denoise
    prior: Any = walk.prior
    prior.denoise = lambda x, step, condition: calls.append(step) or denoise(x, step, condition)
    coded = list(walk.code(latent, coder("greedy")))
    assert [bool(step.payload) for step in coded[: free + 1]] == [False] * free + [True]
    assert calls == list(range(free, walk.prior.schedule.steps, 2))
    # The state is the base's latent under shared noise: N(alpha y, sigma^2).
    alpha, sigma = walk.prior.schedule.alphas[free], walk.prior.schedule.sigmas[free]
    noise = (coded[free - 1].state - alpha * opening) / sigma
    assert float(noise.std()) == pytest.approx(1, abs=0.1)
    assert abs(float((noise * opening).mean())) < 0.1


def test_replay_reaches_the_same_states(walk_and_latent: tuple[Walk, torch.Tensor]) -> None:
    walk, latent = walk_and_latent
    channel = coder("greedy")
    coded = list(walk.code(latent, channel))
    for depth in (1, _free(walk), len(coded)):
        *_, last = walk.replay([step.payload for step in coded[:depth]], channel)
        assert torch.equal(last.state, coded[depth - 1].state)


def test_before_the_first_step_the_clean_latent_is_the_bases(walk_and_latent: tuple[Walk, torch.Tensor]) -> None:
    walk, _ = walk_and_latent
    opening = walk.prior.opening(walk.condition)
    assert opening is not None
    assert torch.equal(walk.predict(walk.start(), 0), opening)
    assert not torch.equal(walk.predict(walk.start(), 1), opening)


def test_base_of_any_scale_becomes_a_latent(walk_and_latent: tuple[Walk, torch.Tensor]) -> None:
    prior = walk_and_latent[0].prior
    half = np.random.default_rng(0).integers(0, 256, (9, 32, 34, 3), dtype=np.uint8)
    opening = prior.opening(prior.prepare(BaseClip(half, 50, 2), 9, 64, 66))
    assert opening is not None
    assert opening.shape == prior.geometry.latent_shape(9, 64, 66)
