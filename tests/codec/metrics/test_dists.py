"""DISTS against its authors' formulas, written out again with plain functions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional

from codec.arrays import Frames
from codec.errors import SettingsError
from codec.metrics.base import against
from codec.metrics.catalog import metric
from codec.metrics.dists import (
    Dists,
    L2Pool,
    Moments,
    load_dists_network,
    structure_dissimilarity,
    texture_dissimilarity,
)
from codec.metrics.networks import SHIPPED
from tests.support.metric_cases import box_blur

KNOWN = 0.2366
"""What the shipped network says of a blurred picture; full precision says 0.2369."""
CPU = torch.device("cpu")
STAGES = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))


def authors_features(picture: torch.Tensor, vgg: dict[str, torch.Tensor]) -> list[torch.Tensor]:
    window = np.hanning(5)[1:-1]
    kernel = torch.tensor(np.outer(window, window) / np.outer(window, window).sum(), dtype=torch.float32)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    h, outputs = (picture - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1), [picture]
    for number, layers in enumerate(STAGES):
        if number:
            c = h.shape[1]
            h = (functional.conv2d(h**2, kernel.repeat(c, 1, 1, 1), stride=2, padding=1, groups=c) + 1e-12).sqrt()
        for layer in layers:
            h = functional.conv2d(h, vgg[f"{layer}.weight"], vgg[f"{layer}.bias"], padding=1).relu()
        outputs.append(h)
    return outputs


def authors_dists(x: Frames, y: Frames, networks: Path) -> float:
    vgg, table = load_file(networks / "vgg16_features.safetensors"), load_file(SHIPPED / "dists_weights.safetensors")
    total = table["alpha"].sum() + table["beta"].sum()
    sides = [torch.from_numpy(frame).permute(2, 0, 1)[None].float() / 255 for frame in (x, y)]
    score, start = 0.0, 0
    for f, g in zip(*(authors_features(side, vgg) for side in sides), strict=True):
        channels = slice(start, start := start + f.shape[1])
        mx, my = f.mean((2, 3)), g.mean((2, 3))
        texture = (2 * mx * my + 1e-6) / (mx**2 + my**2 + 1e-6)
        vx, vy = f.var((2, 3), correction=0), g.var((2, 3), correction=0)
        structure = (2 * ((f * g).mean((2, 3)) - mx * my) + 1e-6) / (vx + vy + 1e-6)
        score += float((table["alpha"][channels] * texture + table["beta"][channels] * structure).sum() / total)
    return 1 - score


def test_equals_the_authors_formula(talking: Frames, networks: Path) -> None:
    blurred = box_blur(talking, 2)
    values = Dists.load([networks], CPU)(talking[:2], blurred[:2])
    expected = [authors_dists(x, y, networks) for x, y in zip(talking[:2], blurred[:2], strict=True)]
    assert values == pytest.approx(expected, abs=2e-5)
    assert min(expected) > 5e-3


def test_equal_pictures_score_exactly_zero(talking: Frames, networks: Path) -> None:
    assert Dists.load([networks], CPU)(talking[:1], talking[:1].copy()).tolist() == [0.0]


def test_half_the_bits_of_a_number_are_enough_for_a_quick_look(talking: Frames, networks: Path) -> None:
    exact, quick = metric("dists", [networks]), metric("dists", [networks], dtype="bfloat16")
    blurred = box_blur(talking, 3)
    values = exact(talking[:2], blurred[:2])
    assert quick(talking[:2], blurred[:2]) == pytest.approx(values, abs=1e-3)
    assert against(quick, talking[:2])(blurred[:2]) == pytest.approx(values, abs=1e-3)
    assert quick(talking[:1], talking[:1]) == 0.0


def test_is_symmetric_and_grows_with_the_blur(talking: Frames, networks: Path) -> None:
    dists, frame = Dists.load([networks], CPU), talking[:1]
    weak, strong = (box_blur(frame, radius) for radius in (1, 3))
    assert dists(frame, weak) == pytest.approx(dists(weak, frame), abs=1e-6)
    assert dists(frame, weak)[0] < dists(frame, strong)[0]


def test_gradient_reaches_the_distorted_picture(networks: Path) -> None:
    x = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    y = (x * 0.9).requires_grad_()
    load_dists_network([networks])(x, y).sum().backward()
    assert y.grad is not None
    assert y.grad.abs().max() > 0


def test_shipped_weights_are_those_of_all_channels() -> None:
    table = load_file(SHIPPED / "dists_weights.safetensors")
    assert table["alpha"].shape == table["beta"].shape == (3 + 64 + 128 + 256 + 512 + 512,)
    assert min(table["alpha"].min(), table["beta"].min()) >= 0


def test_pooling_keeps_a_constant_and_halves_the_size() -> None:
    pooled = L2Pool(2)(torch.full((1, 2, 9, 12), 3.0))
    assert pooled.shape == (1, 2, 5, 6)
    assert pooled[:, :, 1:-1, 1:-1] == pytest.approx(3.0)


def test_texture_sees_the_mean_and_structure_the_pattern() -> None:
    pattern = torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(2))
    own, brighter, mirrored = (Moments.of(p) for p in (pattern, pattern + 1, pattern.flip(3)))
    assert texture_dissimilarity(own, brighter).item() > 0.1
    assert structure_dissimilarity(own, brighter).item() == pytest.approx(0, abs=1e-5)
    assert texture_dissimilarity(own, mirrored).item() == pytest.approx(0, abs=1e-6)
    assert structure_dissimilarity(own, mirrored).item() > 0.5


def test_what_ships_scores_as_full_precision_does(talking: Frames, models: Path) -> None:
    shipped, full = Dists.load([], CPU), Dists.load([models], CPU)
    for version in (box_blur(talking, 1), box_blur(talking, 2), np.roll(talking, 2, 1)):
        assert shipped(talking[:2], version[:2]) == pytest.approx(full(talking[:2], version[:2]), abs=1.5e-3)


def test_what_ships_knows_a_blur(talking: Frames) -> None:
    values = Dists.load([], CPU)(talking[:1], box_blur(talking[:1], 2))
    assert values == pytest.approx([KNOWN], abs=2e-3)


def test_damaged_network_is_refused(tmp_path: Path) -> None:
    (tmp_path / "vgg16_features.safetensors").write_bytes(b"\xff" * 64)
    with pytest.raises(SettingsError, match="can't be read"):
        Dists.load([tmp_path], CPU)
