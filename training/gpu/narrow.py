"""The judges' weights in 8 bits: VGG16 takes 59 MB as it is, and a whole checkout with it may take 64 MiB."""

from __future__ import annotations

import torch
from torch import Tensor

LEVELS = 127


def narrow(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Convolutions as int8 with a scale for every output channel; everything else as it is."""
    out = {}
    for name, value in weights.items():
        if value.ndim == 4:
            scale = value.abs().amax((1, 2, 3)).clamp(min=1e-12) / LEVELS
            out[name] = (value / scale[:, None, None, None]).round().to(torch.int8)
            out[f"{name}.scale"] = scale
        else:
            out[name] = value
    return out


def widened(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Inverse of `narrow`, but for what rounding took."""
    scales = {name.removesuffix(".scale"): value for name, value in weights.items() if name.endswith(".scale")}
    return {
        name: value.float() * scales[name][:, None, None, None] if name in scales else value
        for name, value in weights.items()
        if not name.endswith(".scale")
    }
