"""The analytic prior: its transform inverts, and its denoiser is the posterior mean."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from codec.priors.base import BaseClip, VideoPrior
from codec.priors.gaussian import GaussianPrior, cosine_basis


@pytest.mark.parametrize(("frames", "height", "width"), [(1, 16, 16), (5, 18, 22), (8, 32, 48)])
def test_frames_survive_the_transform(frames: int, height: int, width: int) -> None:
    prior: VideoPrior = GaussianPrior()
    clip = np.random.default_rng(0).integers(0, 256, (frames, height, width, 3), dtype=np.uint8)
    condition = prior.prepare(None, frames, height, width)
    latent = prior.encode(clip, condition)
    assert latent.shape == prior.geometry.latent_shape(frames, height, width)
    assert np.array_equal(prior.decode(latent, 0, condition), clip)


def test_transform_keeps_energy() -> None:
    basis = cosine_basis(4)
    assert torch.allclose(basis @ basis.T, torch.eye(4), atol=1e-6)


@pytest.mark.parametrize("step", [0, 7, 16])
def test_denoiser_is_the_posterior_mean(step: int) -> None:
    # The posterior mean leaves an error orthogonal to x, of variance var sigma^2 / (alpha^2 var + sigma^2).
    prior = GaussianPrior()
    condition = prior.prepare(None, 64, 64, 64)
    generator = torch.Generator().manual_seed(0)
    x0 = torch.randn(condition.mean.shape, generator=generator) * prior.variance.sqrt()
    alpha, sigma = prior.schedule.alphas[step], prior.schedule.sigmas[step]
    x = alpha * x0 + sigma * torch.randn(x0.shape, generator=generator)
    error = x0 - prior.denoise(x, step, condition)
    expected = prior.variance * sigma**2 / (alpha**2 * prior.variance + sigma**2)
    assert torch.allclose(error.var(dim=(1, 2, 3)), expected.flatten(), rtol=0.1)
    correlation = (error * x).mean(dim=(1, 2, 3)) / (error.std(dim=(1, 2, 3)) * x.std(dim=(1, 2, 3)))
    assert correlation.abs().max() < 5 / 8192**0.5


def test_base_becomes_the_mean() -> None:
    prior = GaussianPrior()
    clip = np.random.default_rng(1).integers(0, 256, (4, 16, 16, 3), dtype=np.uint8)
    condition = prior.prepare(BaseClip(clip, 50, 1), 4, 16, 16)
    guess = prior.denoise(torch.zeros_like(condition.mean), 0, condition)
    assert np.array_equal(prior.decode(guess, 0, condition), clip)
