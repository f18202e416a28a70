"""The pocket prior with the weights that ship."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from codec.arrays import Frames
from codec.base.av1 import encode_clip
from codec.base.pictures import upsample
from codec.errors import PriorError
from codec.metrics.catalog import metric
from codec.metrics.psnr import Psnr
from codec.priors import computing
from codec.priors.base import BaseClip
from codec.priors.catalog import POCKET_WEIGHTS, RESTORER_WEIGHTS, open_prior
from codec.priors.computing import Computing
from codec.priors.pocket import PocketPrior, load_pocket
from codec.priors.pocket_net import PocketConfig, PocketNet, neighbours
from codec.priors.restorer import Restorer
from codec.video import VideoReader
from tests.support import ROOT

WEIGHTS, RESTORER = (ROOT / "resources" / name for name in (POCKET_WEIGHTS, RESTORER_WEIGHTS))
CRF, COARSE_CRF = 55, 62


@pytest.fixture(scope="module")
def prior() -> PocketPrior:
    opened = open_prior("pocket", "cpu", "float32")
    assert isinstance(opened, PocketPrior)
    return opened


@pytest.fixture(scope="module")
def clip(data: Path) -> Frames:
    """Nine real frames of an odd size, so that time, rows and columns all need padding."""
    with VideoReader(data / "scene.mp4", size=(106, 74)) as reader:
        return np.stack([frame.pixels for _, frame in zip(range(9), reader.frames(), strict=False)])


@pytest.fixture(scope="module")
def base(clip: Frames) -> BaseClip:
    from fractions import Fraction

    _, pictures = encode_clip(clip, CRF, 1, Fraction(30))
    return BaseClip(pictures, CRF, 1)


def test_shapes_survive_padding(prior: PocketPrior, clip: Frames, base: BaseClip) -> None:
    condition = prior.prepare(base, *clip.shape[:3])
    latent = prior.encode(clip, condition)
    assert latent.shape == prior.geometry.latent_shape(*clip.shape[:3])
    assert prior.denoise(latent, 3, condition).shape == latent.shape
    assert prior.decode(latent, 3, condition).shape == clip.shape


def test_preview_is_a_part_of_decode(prior: PocketPrior, clip: Frames, base: BaseClip) -> None:
    condition = prior.prepare(base, *clip.shape[:3])
    latent = prior.encode(clip, condition)
    whole = prior.decode(latent, 5, condition).astype(int)
    some = prior.preview(latent, 5, condition, [1, 6, 8]).astype(int)
    # Another batch size may round one level differently.
    assert np.abs(whole[[1, 6, 8]] - some).max() <= 1


def test_pure_noise_tells_the_denoiser_nothing(prior: PocketPrior, clip: Frames, base: BaseClip) -> None:
    condition = prior.prepare(base, *clip.shape[:3])
    shape = prior.geometry.latent_shape(*clip.shape[:3])
    one, other = (prior.denoise(torch.full(shape, value), 0, condition) for value in (-1.0, 2.0))
    assert torch.equal(one, other)


def test_every_part_depends_on_its_input(prior: PocketPrior, clip: Frames, base: BaseClip) -> None:
    """A residual network can die and leave a constant; the prototype's did, unnoticed."""
    condition = prior.prepare(base, *clip.shape[:3])
    latent, of_darker = prior.encode(clip, condition), prior.encode(clip // 2, condition)
    assert (latent - of_darker).abs().mean() > 0.01
    assert latent.std((1, 2, 3)).min() > 0.1
    without = prior.prepare(None, *clip.shape[:3])
    assert (prior.denoise(latent, 10, condition) - prior.denoise(latent, 10, without)).abs().mean() > 1e-3
    drawn, undrawn = prior.decode(latent, 20, without), prior.decode(0 * latent, 20, without)
    assert np.abs(drawn.astype(int) - undrawn).mean() > 1


@pytest.mark.parametrize("scale", [1, 2])
def test_restores_the_base_without_any_implicit_bits(prior: PocketPrior, clips: Path, scale: int) -> None:
    from fractions import Fraction

    with VideoReader(clips / "10_dog_run_720p_audio.mp4", size=(192, 108)) as reader:
        source = np.stack([frame.pixels for _, frame in zip(range(12), reader.frames(), strict=False)])
    _, pictures = encode_clip(source, COARSE_CRF, scale, Fraction(30))
    condition = prior.prepare(BaseClip(pictures, COARSE_CRF, scale), *source.shape[:3])
    shown, gentle, restored = prior.restore(condition, range(len(source)), [0, 1, 8])
    assert np.array_equal(shown, pictures if scale == 1 else upsample(pictures, 192, 108))
    assert 0 < np.abs(gentle.astype(int) - shown).mean() < np.abs(restored.astype(int) - shown).mean()
    dists = metric("dists")
    assert dists(source, restored).mean() < 0.95 * dists(source, shown).mean()
    seen = metric("pocket-dists", None)
    assert seen(source, restored).mean() < seen(source, shown).mean()
    assert Psnr()(source, restored).mean() > Psnr()(source, shown).mean() - 0.5


def test_no_network_runs_for_the_base_itself(
    prior: PocketPrior, clip: Frames, base: BaseClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[int] = []
    monkeypatch.setattr(Restorer, "forward", lambda *_: called.append(1))
    (shown,) = prior.restore(prior.prepare(base, *clip.shape[:3]), range(len(clip)), [0])
    assert not called
    assert np.array_equal(shown, base.frames)


def test_a_picture_is_the_same_whatever_is_restored_beside_it(prior: PocketPrior, clip: Frames, base: BaseClip) -> None:
    condition = prior.prepare(base, *clip.shape[:3])
    (whole,) = prior.restore(condition, range(len(clip)), [8])
    (some,) = prior.restore(condition, [0, 4, 8], [8])
    assert np.abs(whole[[0, 4, 8]].astype(int) - some).max() <= 1


def test_there_is_no_other_step_and_nothing_to_restore_without_a_base(
    prior: PocketPrior, clip: Frames, base: BaseClip
) -> None:
    with pytest.raises(ValueError, match="0 to 12"):
        prior.restore(prior.prepare(base, *clip.shape[:3]), [0], [13])
    with pytest.raises(ValueError, match="without a base"):
        prior.restore(prior.prepare(None, *clip.shape[:3]), [0], [8])


def test_bfloat16_stays_close(prior: PocketPrior, clip: Frames, base: BaseClip) -> None:
    half = open_prior("pocket", "cpu", "bfloat16")
    pictures = []
    for one in (prior, half):
        condition = one.prepare(base, *clip.shape[:3])
        pictures.append(one.decode(one.encode(clip, condition), 12, condition))
    assert Psnr()(*pictures).min() > 35


def test_units_for_bfloat16_make_pictures_that_steer_nothing(
    clip: Frames, base: BaseClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether a machine has them is seen by nobody: at most one level of 255, and no other latent."""
    made = []
    for able in (False, True):
        monkeypatch.setattr(computing, "has_bfloat16_units", lambda _, able=able: able)
        prior = open_prior("pocket", "cpu", "auto", written_in="float32")
        assert prior.dtype == "float32"
        condition = prior.prepare(base, *clip.shape[:3])
        (shown,) = prior.restore(condition, range(len(clip)), [8])
        made.append((shown.astype(int), prior.denoise(prior.encode(clip, condition), 6, condition)))
    (exact, latent), (quick, same) = made
    assert torch.equal(latent, same)
    assert 0 < np.abs(quick - exact).max() <= 1
    monkeypatch.setattr(computing, "has_bfloat16_units", lambda _: True)
    told = open_prior("pocket", "cpu", "float32")
    (shown,) = told.restore(told.prepare(base, *clip.shape[:3]), range(len(clip)), [8])
    assert np.array_equal(shown, exact), "float32 was asked for"


def test_refuses_damaged_weights(tmp_path: Path) -> None:
    damaged = tmp_path / "weights.safetensors"
    damaged.write_bytes(WEIGHTS.read_bytes()[:100_000])
    computing = Computing.choose("cpu", "float32")
    for bad in (damaged, tmp_path / "none", WEIGHTS):
        with pytest.raises(PriorError, match=f"{bad.name} can't be read"):
            load_pocket(WEIGHTS, bad, computing)
    for bad in (damaged, tmp_path / "none", RESTORER):
        with pytest.raises(PriorError, match=f"{bad.name} can't be read"):
            load_pocket(bad, RESTORER, computing)


def test_size_stays_within_its_promise() -> None:
    assert sum(p.numel() for p in PocketNet(PocketConfig()).parameters()) <= 12_000_000
    assert WEIGHTS.stat().st_size + RESTORER.stat().st_size <= 26_000_000


def test_neighbours_repeat_the_ends() -> None:
    rows = neighbours(torch.arange(3))
    assert rows.tolist() == [[0, 0, 1], [0, 1, 2], [1, 2, 2]]


def test_config_survives_its_text() -> None:
    config = PocketConfig(latent=8, analysis=(8, 8, 8))
    assert PocketConfig.from_json(config.to_json()) == config


def test_a_device_that_is_full_is_not_blamed_on_the_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    moved = torch.nn.Module.to

    def full(module: torch.nn.Module, *place: object, **more: Any) -> torch.nn.Module:
        if place:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return moved(module, **more)

    monkeypatch.setattr(torch.nn.Module, "to", full)
    with pytest.raises(torch.OutOfMemoryError):
        load_pocket(WEIGHTS, RESTORER, Computing.choose("cpu", "float32"))
