"""LPIPS against its authors' formulas, written out again with plain functions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional

from codec.arrays import Frames
from codec.errors import InputError
from codec.metrics.lpips import Lpips, Trunk
from codec.metrics.networks import SHIPPED
from tests.support.metric_cases import box_blur

CPU = torch.device("cpu")
Weights = dict[str, torch.Tensor]


def authors_alexnet(x: torch.Tensor, w: Weights) -> list[torch.Tensor]:
    one = functional.conv2d(x, w["0.weight"], w["0.bias"], stride=4, padding=2).relu()
    two = functional.conv2d(functional.max_pool2d(one, 3, 2), w["3.weight"], w["3.bias"], padding=2).relu()
    three = functional.conv2d(functional.max_pool2d(two, 3, 2), w["6.weight"], w["6.bias"], padding=1).relu()
    four = functional.conv2d(three, w["8.weight"], w["8.bias"], padding=1).relu()
    return [one, two, three, four, functional.conv2d(four, w["10.weight"], w["10.bias"], padding=1).relu()]


def authors_vgg(x: torch.Tensor, w: Weights) -> list[torch.Tensor]:
    outputs = []
    for number, layers in enumerate(((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))):
        x = functional.max_pool2d(x, 2, 2) if number else x
        for layer in layers:
            x = functional.conv2d(x, w[f"{layer}.weight"], w[f"{layer}.bias"], padding=1).relu()
        outputs.append(x)
    return outputs


TRUNKS: list[tuple[Trunk, str, Callable[[torch.Tensor, Weights], list[torch.Tensor]]]] = [
    ("alex", "alexnet_features", authors_alexnet),
    ("vgg", "vgg16_features", authors_vgg),
]


@pytest.mark.parametrize(("trunk", "file", "features"), TRUNKS)
def test_equals_the_authors_formula(
    talking: Frames,
    networks: Path,
    trunk: Trunk,
    file: str,
    features: Callable[[torch.Tensor, Weights], list[torch.Tensor]],
) -> None:
    blurred = box_blur(talking[:1], 2)
    weights, heads = load_file(networks / f"{file}.safetensors"), load_file(SHIPPED / f"lpips_lin_{trunk}.safetensors")
    shift, scale = torch.tensor([-0.030, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.450])
    sides = []
    for frames in (talking[:1], blurred):
        signed = torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 127.5 - 1
        sides.append(features((signed - shift.view(1, 3, 1, 1)) / scale.view(1, 3, 1, 1), weights))
    expected = 0.0
    for index, (f, g) in enumerate(zip(*sides, strict=True)):
        f, g = (t / (t.square().sum(1, keepdim=True).sqrt() + 1e-10) for t in (f, g))
        expected += functional.conv2d((f - g) ** 2, heads[f"lin{index}.model.1.weight"]).mean().item()
    assert Lpips.load(trunk, [networks], CPU)(talking[:1], blurred) == pytest.approx([expected], rel=1e-4)
    assert expected > 5e-3


@pytest.mark.parametrize("trunk", ["alex", "vgg"])
def test_equal_pictures_score_zero(talking: Frames, networks: Path, trunk: Trunk) -> None:
    assert Lpips.load(trunk, [networks], CPU)(talking, talking.copy()).tolist() == [0.0] * 4


def test_too_small_a_picture_is_refused(talking: Frames, networks: Path) -> None:
    with pytest.raises(InputError, match="at least 32x32"):
        Lpips.load("alex", [networks], CPU)(talking[:, :16], talking[:, :16])
