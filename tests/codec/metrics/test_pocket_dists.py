"""The bundled estimate of DISTS."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from codec.arrays import Frames
from codec.errors import InputError, SettingsError
from codec.metrics.dists import Dists
from codec.metrics.pocket_dists import POCKET_WEIGHTS, PocketDists, load_pocket_network
from tests.support.metric_cases import box_blur

CPU = torch.device("cpu")
NOISY, BLURRED = 0.0701, 0.2778
"""What the shipped weights say of `scene` with noise and blurred; new weights mean new values here."""


@pytest.fixture(scope="module")
def pocket() -> PocketDists:
    return PocketDists.load(CPU)


@pytest.fixture(scope="module")
def scene() -> Frames:
    """A picture of edges, ramps and stripes: uint8 (1, 96, 128, 3), whole numbers only, the same everywhere."""
    y, x = np.mgrid[:96, :128]
    red, green, blue = 2 * x % 256, (x // 16 + y // 12) % 2 * 180 + 40, (3 * x + 5 * y) % 29 * 8
    return np.stack([red, green, blue], axis=-1).astype(np.uint8)[None]


def noisy(frames: Frames, strength: int) -> Frames:
    grain = np.random.default_rng(1).integers(-strength, strength + 1, frames.shape)
    return (frames + grain).clip(0, 255).astype(np.uint8)


def test_equal_pictures_score_exactly_zero(pocket: PocketDists, scene: Frames) -> None:
    flat = np.full_like(scene, 128)
    assert pocket(scene, scene.copy()).tolist() == [0.0]
    assert pocket(flat, flat.copy()).tolist() == [0.0]


def test_known_answers(pocket: PocketDists, scene: Frames) -> None:
    assert pocket(scene, noisy(scene, 24)) == pytest.approx([NOISY], abs=5e-4)
    assert pocket(scene, box_blur(scene, 2)) == pytest.approx([BLURRED], abs=5e-4)


def test_grows_with_blur_and_noise(pocket: PocketDists, scene: Frames) -> None:
    for change, strengths in ((box_blur, (1, 2, 4)), (noisy, (6, 24, 90))):
        values = [float(pocket(scene, change(scene, strength))[0]) for strength in strengths]
        assert 0 < values[0] < values[1] < values[2] < 1


def test_frames_are_scored_one_by_one(pocket: PocketDists, scene: Frames) -> None:
    clip = np.concatenate([scene, scene[:, ::-1], scene[:, :, ::-1]])
    together = pocket(clip, box_blur(clip, 1))
    alone = [float(pocket(frame[None], box_blur(frame[None], 1))[0]) for frame in clip]
    assert together == pytest.approx(alone, abs=1e-5)


def test_a_picture_too_small_is_a_sentence(pocket: PocketDists) -> None:
    small = np.zeros((1, 12, 40, 3), np.uint8)
    with pytest.raises(InputError, match="pocket-dists needs pictures of at least 16x16"):
        pocket(small, small)


def test_damaged_weights_are_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "bad.safetensors").write_bytes(POCKET_WEIGHTS.read_bytes()[:1000])
    with pytest.raises(SettingsError, match="can't be read"):
        load_pocket_network(tmp_path / "bad.safetensors")


def test_is_as_small_as_promised() -> None:
    network = load_pocket_network()
    assert sum(parameter.numel() for parameter in network.parameters()) <= 1_000_000
    assert POCKET_WEIGHTS.stat().st_size <= 2_000_000


def test_is_near_exact_dists_on_a_clip_it_never_saw(pocket: PocketDists, talking: Frames) -> None:
    exact = Dists.load([], CPU)
    frames = talking[:1]
    for version in (box_blur(frames, 1), box_blur(frames, 2), noisy(frames, 12), noisy(frames, 40)):
        assert pocket(frames, version) == pytest.approx(exact(frames, version), abs=0.06)
