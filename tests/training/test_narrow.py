"""A network that metrics look through, as it ships."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from codec.metrics.networks import SCALE, load_weights
from training.metric.narrow import EXACT_PARAMETERS, narrow

SIDE = 260


@pytest.fixture
def weights() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    large, small = (torch.randn(n, n, 3, 3, generator=generator) for n in (SIDE, 4))
    assert large.numel() > EXACT_PARAMETERS
    return {"0.weight": small, "0.bias": torch.ones(4) / 3, "2.weight": large, "2.bias": torch.ones(SIDE)}


def test_eight_bits_keep_the_weights(weights: dict[str, torch.Tensor], tmp_path: Path) -> None:
    save_file(narrow(weights), tmp_path / "a.safetensors")
    again = load_weights(tmp_path / "a.safetensors")
    assert again.keys() == weights.keys()
    assert all(value.dtype == torch.float32 for value in again.values())
    for name, value in weights.items():
        assert float((again[name] - value).abs().max() / value.abs().max()) < 0.005


def test_large_layers_take_a_byte_a_weight_and_small_ones_stay_finer(weights: dict[str, torch.Tensor]) -> None:
    stored = narrow(weights)
    assert {name: value.dtype for name, value in stored.items()} == {
        "0.weight": torch.float16,
        "0.bias": torch.float16,
        "2.weight": torch.int8,
        f"2.weight{SCALE}": torch.float32,
        "2.bias": torch.float16,
    }
