"""What perceptual losses say, over the networks that ship, and that they can be followed."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from codec.metrics.dists import load_dists_network
from codec.metrics.lpips import load_lpips_network
from training.losses import THIN_ABOVE, VGG_CHANNELS, Dists, LpipsAlex


def _pictures(size: int) -> tuple[Tensor, Tensor]:
    """Two pictures (2, 3, size, size) in [0, 1], and the same less sharp."""
    generator = torch.Generator().manual_seed(size)
    coarse = torch.rand(2, 3, size // 8, size // 8, generator=generator)
    sharp = F.interpolate(coarse, scale_factor=8, mode="bilinear")
    sharp = (sharp + 0.1 * torch.rand(sharp.shape, generator=generator)).clamp(0, 1)
    return F.avg_pool2d(sharp, 5, 1, 2), sharp


@pytest.fixture(scope="module")
def dists() -> Dists:
    return Dists()


@pytest.fixture(scope="module")
def lpips() -> LpipsAlex:
    return LpipsAlex()


# As runs before these were one implementation with the metrics logged them.
@pytest.mark.parametrize(
    ("size", "autocast", "expected"),
    [
        (48, False, ([0.27127, 0.218547], [0.06037, 0.046788])),
        (48, True, ([0.270904, 0.218551], [0.060059, 0.046387])),
        (144, False, ([0.244949, 0.234436], [0.094644, 0.103873])),
        (144, True, ([0.24496, 0.234675], [0.094727, 0.104492])),
    ],
)
def test_values_are_those_of_earlier_runs(
    dists: Dists, lpips: LpipsAlex, size: int, autocast: bool, expected: tuple[list[float], list[float]]
) -> None:
    made, wanted = _pictures(size)
    torch.manual_seed(0)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        scores = dists.distance(dists.features(made), dists.features(wanted))
        distances = lpips(2 * made - 1, 2 * wanted - 1)
    # In bfloat16 a processor's own order of sums shows.
    tolerance = 1e-3 if autocast else 1e-4
    assert scores.tolist() == pytest.approx(expected[0], abs=tolerance)
    assert distances.tolist() == pytest.approx(expected[1], abs=tolerance)


def test_they_are_the_metrics_but_for_what_they_say(dists: Dists, lpips: LpipsAlex) -> None:
    made, wanted = _pictures(THIN_ABOVE - 16)
    scores = dists.distance(dists.features(made), dists.features(wanted))
    assert scores.tolist() == pytest.approx(load_dists_network(())(made, wanted).tolist(), abs=5e-4)
    distances = lpips(2 * made - 1, 2 * wanted - 1)
    assert distances.tolist() == pytest.approx(load_lpips_network("alex", ())(made, wanted).tolist(), abs=5e-4)


@pytest.mark.parametrize("size", [48, 96])
def test_following_them_brings_pictures_nearer(dists: Dists, lpips: LpipsAlex, size: int) -> None:
    made, wanted = _pictures(size)
    # What is black all over shows a stage nothing at all.
    made[0], wanted[0] = 0.0, 0.1

    def loss(x: Tensor) -> Tensor:
        torch.manual_seed(1)
        with torch.autocast("cpu", torch.bfloat16):
            features = dists.features(x)
            assert [stage.shape[1] for stage in features] == VGG_CHANNELS
            terms = dists.distance(features, dists.features(wanted)) + lpips(2 * x - 1, 2 * wanted - 1)
        assert terms.shape == (2,)
        return terms.sum()

    made.requires_grad_()
    before = loss(made)
    (gradient,) = torch.autograd.grad(before, made)
    assert bool(gradient.isfinite().all())
    assert bool((gradient.flatten(1).abs().amax(1) > 0).all())
    assert float(loss((made - 0.01 * gradient / gradient.norm()).detach())) < float(before.detach())


def test_equal_pictures_score_nothing(dists: Dists, lpips: LpipsAlex) -> None:
    _, wanted = _pictures(48)
    assert dists.distance(dists.features(wanted), dists.features(wanted)).tolist() == [0, 0]
    assert lpips(wanted, wanted).tolist() == [0, 0]
