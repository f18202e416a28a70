"""Write the published networks that metrics look through as they ship: a quarter of the size, scores the same to 0.001.

    python -m training.metric.narrow FOLDER resources/metrics

FOLDER holds `vgg16_features.safetensors` and `alexnet_features.safetensors` in full precision (`freegvc models get
metric-vgg16`, `metric-alexnet`). Rounding the first layers moves scores most and saves least: up to EXACT_PARAMETERS
they stay in float16, the others become int8 with a scale for every output channel, which `codec.metrics.networks`
multiplies back. `python -m benchmarks.networks.bundled_dists` says what is lost.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from codec.metrics.networks import SCALE
from codec.store.manifest import TRUNKS

LEVELS = 127
# Keeps VGG16's first three stages; rounded as well, they more than doubled what DISTS is off by.
EXACT_PARAMETERS = 600_000


def narrow(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """A trunk as it is stored."""
    out = {}
    for name, value in weights.items():
        if value.numel() <= EXACT_PARAMETERS:
            out[name] = value.half()
            continue
        scale = value.abs().flatten(1).amax(1).clamp(min=1e-12) / LEVELS
        out[name] = (value / scale.view(-1, *[1] * (value.ndim - 1))).round().to(torch.int8)
        out[name + SCALE] = scale
    return out


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("output", type=Path)
    args = parser.parse_args()
    for trunk in TRUNKS.values():
        save_file(narrow(load_file(args.folder / trunk.file)), args.output / trunk.file)


if __name__ == "__main__":
    main()
