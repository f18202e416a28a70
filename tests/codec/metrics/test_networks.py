"""Networks' weights that can't be used are told with what to do about them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from codec.errors import SettingsError
from codec.metrics import networks
from codec.metrics.networks import SCALE, SHIPPED, alexnet_stages, load_weights


def test_damaged_weights_are_fetched_or_installed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.safetensors").write_bytes(b"no tensors")
    with pytest.raises(SettingsError, match="delete and fetch them again"):
        load_weights(tmp_path / "a.safetensors")
    monkeypatch.setattr(networks, "SHIPPED", tmp_path)
    with pytest.raises(SettingsError, match=r"install Free-GVC again\.$"):
        load_weights(tmp_path / "a.safetensors")


def test_a_missing_layer_is_named() -> None:
    weights = {"0.weight": torch.zeros(64, 3, 11, 11), "0.bias": torch.zeros(64)}
    with pytest.raises(SettingsError, match=r"'3.weight'; fetch it again, or install Free-GVC again"):
        alexnet_stages(weights)


def test_weights_in_8_bits_that_have_lost_their_scales_are_refused(tmp_path: Path) -> None:
    shipped = load_file(SHIPPED / "alexnet_features.safetensors")
    lost = {key: value for key, value in shipped.items() if not key.endswith(SCALE)}
    assert len(lost) < len(shipped)
    save_file(lost, tmp_path / "a.safetensors")
    with pytest.raises(SettingsError, match=r"a\.safetensors lack the scales of their 8 bits; delete and fetch"):
        load_weights(tmp_path / "a.safetensors")
