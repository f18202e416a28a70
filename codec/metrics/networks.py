"""What metrics look through, built from the weights that ship or from a published file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn

from codec.errors import SettingsError

SHIPPED = Path(__file__).resolve().parents[2] / "resources" / "metrics"

VGG16 = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
"""Output channels of VGG16's convolutions, stage by stage (Simonyan & Zisserman 2015, configuration D)."""


SCALE = ".scale"
"""What follows a weight's name in the name of the scales of its rows, where it is stored in 8 bits."""


def load_weights(path: Path) -> dict[str, torch.Tensor]:
    """All tensors of a safetensors file, float32, on the CPU; those stored in 8 bits times their rows' scales.

    Raises:
        SettingsError: the file can't be read as safetensors, or lacks scales.
    """
    remedy = "install Free-GVC again" if path.is_relative_to(SHIPPED) else "delete and fetch them again"
    try:
        tensors = load_file(path)
    except Exception as error:  # safetensors raises its own type for damage and OSError for the rest
        raise SettingsError(f"The metric's weights {path} can't be read ({error}); {remedy}.") from error
    if any(not value.is_floating_point() and key + SCALE not in tensors for key, value in tensors.items()):
        raise SettingsError(f"The metric's weights {path} lack the scales of their 8 bits; {remedy}.")
    return {key: _widened(key, tensors) for key in tensors if not key.endswith(SCALE)}


def _widened(key: str, tensors: dict[str, torch.Tensor]) -> torch.Tensor:
    value, scales = tensors[key].float(), tensors.get(key + SCALE)
    return value if scales is None else value * scales.float().view(-1, *[1] * (value.ndim - 1))


def convolution(weights: dict[str, torch.Tensor], index: int, stride: int = 1, padding: int = 1) -> nn.Conv2d:
    """The convolution that torchvision's `features` numbers `index`, channels last, frozen.

    Raises:
        SettingsError: the weights hold no such layer.
    """
    try:
        weight, bias = weights[f"{index}.weight"], weights[f"{index}.bias"]
    except KeyError as error:
        raise SettingsError(
            f"A metric's network lacks the layer {error}; fetch it again, or install Free-GVC again if you never did."
        ) from error
    out_channels, in_channels, size, _ = weight.shape
    # On "meta" nothing is drawn at random only to be replaced, which took most of the time of loading VGG16.
    layer = nn.Conv2d(in_channels, out_channels, size, stride=stride, padding=padding, device="meta")
    own = {"weight": weight.clone(memory_format=torch.channels_last), "bias": bias.clone()}
    layer.load_state_dict(own, assign=True)
    return layer.requires_grad_(False)


def vgg16_stages(weights: dict[str, torch.Tensor], plan: Sequence[Sequence[int]] = VGG16) -> list[nn.Sequential]:
    """Stages of 3x3 convolution + ReLU without the pooling between them, by default VGG16's five.

    Layers are numbered as torchvision numbers `vgg16().features`: each stage ends before a max-pool.
    """
    stages, index = [], 0
    for channels in plan:
        layers: list[nn.Module] = []
        for _ in channels:
            layers += [convolution(weights, index), nn.ReLU(inplace=True)]
            index += 2
        stages.append(nn.Sequential(*layers))
        index += 1
    return stages


def alexnet_stages(weights: dict[str, torch.Tensor]) -> list[nn.Sequential]:
    """AlexNet's five stages as LPIPS taps them: each ends in a ReLU; max-pools open the second and third.

    Layer numbers are those of torchvision's `alexnet().features`.
    """
    pool = nn.MaxPool2d(3, stride=2)
    return [
        nn.Sequential(convolution(weights, 0, stride=4, padding=2), nn.ReLU(inplace=True)),
        nn.Sequential(pool, convolution(weights, 3, padding=2), nn.ReLU(inplace=True)),
        nn.Sequential(pool, convolution(weights, 6), nn.ReLU(inplace=True)),
        nn.Sequential(convolution(weights, 8), nn.ReLU(inplace=True)),
        nn.Sequential(convolution(weights, 10), nn.ReLU(inplace=True)),
    ]
