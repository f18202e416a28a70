"""The restorer's network: what every step and crop must keep to, and what it costs."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import Tensor

from codec.priors.restorer import (
    Restorer,
    RestorerConfig,
    Told,
    gate,
    multiplications,
    neighbourhood,
    without_checkerboard,
)

SMALL = RestorerConfig(half=8, quarter=16, eighth=16, blocks=(1, 1, 1), embedding=8)


@pytest.fixture(scope="module")
def net() -> Restorer:
    """A small one whose silent layers speak."""
    torch.manual_seed(0)
    net = Restorer(SMALL).eval()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return net


def made(net: Restorer, base: Tensor, step: float = 8, crf: float = 60, scale: float = 1) -> Tensor:
    """All pictures (T, 3, H, W) of a clip."""
    _, near = neighbourhood(range(len(base)), len(base))
    with torch.inference_mode():
        return net(base, torch.tensor(near), Told(*(torch.full((len(base),), v) for v in (step, crf, scale))))


def noise(frames: int, height: int, width: int) -> Tensor:
    return torch.rand(frames, 3, height, width, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_step_0_is_the_base_itself_and_8_the_whole_restoration(net: Restorer) -> None:
    base = noise(3, 32, 48)
    assert torch.equal(made(net, base, 0), base)
    assert float(gate(torch.tensor(8.0))) == pytest.approx(1.0)
    far = [float((made(net, base, step) - base).abs().mean()) for step in (1.0, 8.0)]
    assert 0 < far[0] < far[1]


def test_it_is_told_the_step_the_level_and_the_size(net: Restorer) -> None:
    base = noise(2, 32, 32)
    seen = [made(net, base), made(net, base, step=9), made(net, base, crf=50), made(net, base, scale=2)]
    assert all(not torch.equal(seen[0], other) for other in seen[1:])
    assert torch.equal(made(net, base, crf=12), made(net, base, crf=46)), "finer than any that it was trained on"


def test_a_picture_depends_on_its_neighbours_and_on_no_others(net: Restorer) -> None:
    base = noise(5, 32, 32)
    changed = base.clone()
    changed[0] = -changed[0]
    same = [bool(torch.equal(a, b)) for a, b in zip(made(net, base), made(net, changed), strict=True)]
    assert same == [False, False, True, True, True]


def test_a_crop_on_the_grid_sees_the_same_network(net: Restorer) -> None:
    base = noise(2, 96, 256)
    whole, part = made(net, base), made(net, base[..., 64:].contiguous())
    # Away from the cut, by more than the convolutions reach.
    torch.testing.assert_close(part[..., 96:], whole[..., 64 + 96 :], rtol=0, atol=1e-5)


def test_no_checkerboard_of_single_pixels_is_added(net: Restorer) -> None:
    net = copy.deepcopy(net)
    assert net.tail.out.bias is not None
    # What the last layer adds where it tells the four pixels of its cells apart.
    with torch.no_grad():
        net.tail.out.weight.zero_()
        net.tail.out.bias.copy_(torch.tensor([1.0, -1.0, -1.0, 1.0]).repeat(3))
    base = noise(3, 24, 40)
    torch.testing.assert_close(made(net, base), base)


def test_all_but_the_checkerboard_is_left() -> None:
    rows, columns = torch.meshgrid(torch.arange(16.0), torch.arange(24.0), indexing="ij")
    stripes = 1 - 2 * (rows % 2) + 3 * columns + 5
    kept = without_checkerboard(stripes[None, None])
    assert torch.allclose(kept[..., 1:-1, 1:-1], stripes[1:-1, 1:-1], atol=1e-5)
    assert without_checkerboard((1 - 2 * ((rows + columns) % 2))[None, None]).abs().max() == 0


def test_the_shipped_shape_costs_at_most_30000_multiplications_a_pixel() -> None:
    config = RestorerConfig()
    assert multiplications(config) <= 30_000
    counted = 0
    net = Restorer(config)

    def count(module: torch.nn.Module, _: object, output: Tensor) -> None:
        nonlocal counted
        assert isinstance(module, torch.nn.Conv2d)
        counted += output.numel() * module.weight[0].numel()

    for module in net.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(count)
    made(net, noise(3, 32, 32))
    convolutions = counted / (3 * 32**2)
    # Norms come on top.
    assert convolutions < multiplications(config) < 1.1 * convolutions


def test_neighbours_are_looked_at_once_and_the_ends_are_their_own() -> None:
    looked_at, near = neighbourhood([0, 1, 5], 6)
    assert looked_at == [0, 1, 2, 4, 5]
    wanted = [(0, 0, 1), (0, 1, 2), (4, 5, 5)]
    assert [tuple(looked_at[i] for i in row) for row in near] == wanted
    assert neighbourhood([0], 1) == ([0], [(0, 0, 0)])


def test_a_file_of_weights_says_its_own_shape() -> None:
    assert RestorerConfig.from_json(SMALL.to_json()) == SMALL
    with pytest.raises(KeyError):
        RestorerConfig.from_json("{}")
    assert np.isfinite(multiplications(SMALL))
