"""VGG16 and AlexNet with random weights: whatever holds for any weights can be tested without the learnt ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from codec.metrics.networks import VGG16
from codec.store.manifest import TRUNKS

# Layer number of torchvision's `alexnet().features`: (out, in, kernel side).
ALEXNET = {0: (64, 3, 11), 3: (192, 64, 5), 6: (384, 192, 3), 8: (256, 384, 3), 10: (256, 256, 3)}


def write_networks(folder: Path) -> Path:
    """Both under the names that the metrics look for."""
    rng = np.random.default_rng(0)
    save_file(_layers(rng, _vgg16()), folder / TRUNKS["metric-vgg16"].file)
    save_file(_layers(rng, ALEXNET), folder / TRUNKS["metric-alexnet"].file)
    return folder


def _vgg16() -> dict[int, tuple[int, int, int]]:
    layers, number, before = {}, 0, 3
    for stage in VGG16:
        for width in stage:
            layers[number] = (width, before, 3)
            number, before = number + 2, width
        number += 1
    return layers


def _layers(rng: np.random.Generator, shapes: dict[int, tuple[int, int, int]]) -> dict[str, NDArray[np.float32]]:
    """Scaled so that signals keep their size through ReLUs (He et al. 2015, arXiv 1502.01852)."""
    tensors = {}
    for number, (out, given, side) in shapes.items():
        scale = np.float32((2 / (given * side**2)) ** 0.5)
        tensors[f"{number}.weight"] = rng.standard_normal((out, given, side, side), np.float32) * scale
        tensors[f"{number}.bias"] = rng.standard_normal(out, np.float32) * np.float32(0.05)
    return tensors
