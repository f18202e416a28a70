"""The restorer's training: its crops, its losses, its two stages and what they leave behind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from codec.priors.restorer import Restorer, RestorerConfig, load_restorer
from tests.support import ROOT
from tests.support.films.moving_noise import moving_noise
from tests.support.pixel_judge import PixelJudge
from training.learner import Learner
from training.restoration.crops import KINDS, Batch, Crops, Pool, Variation
from training.restoration.item import Base, Item
from training.restoration.losses import Discriminator, TermWeights, pixel_terms
from training.restoration.teacher import Teacher
from training.restoration.train import (
    LISTENS_AFTER,
    Recipe,
    Rival,
    Trainer,
    begin,
    from_weights,
    restored,
    resume,
    save,
)

SMALL = RestorerConfig(half=8, quarter=16, eighth=16, blocks=(1, 1, 1), embedding=8)
CPU = torch.device("cpu")


def test_edges_are_those_of_the_8_pixel_grid() -> None:
    smooth = torch.rand(2, 2, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    steps = torch.arange(64) // 8 % 2
    blocks = smooth + 0.5 * steps + 0.5 * steps[:, None]
    kind = torch.zeros(2)
    assert float(pixel_terms(blocks, smooth, kind)["edges"][0]) > 0.1
    assert float(pixel_terms(smooth, blocks, kind)["edges"][0]) > 0.1
    assert float(pixel_terms(blocks, blocks, kind)["edges"][0]) == 0


def test_edges_of_one_kind_of_base_do_not_make_up_for_anothers() -> None:
    smooth = torch.rand(1, 1, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    steps = 0.3 * (torch.arange(64) // 8 % 2)
    some, many = smooth + steps, smooth + 2 * steps
    made, wanted = torch.cat([smooth, many]), torch.cat([some, some])
    apart = float(pixel_terms(made, wanted, torch.tensor([0, 1]))["edges"][0])
    together = float(pixel_terms(made, wanted, torch.tensor([0, 0]))["edges"][0])
    assert apart > 2 * together


def test_perceptual_terms_grow_with_the_step() -> None:
    weights, place = TermWeights(), torch.tensor([0.5, 1.0, 1.5])
    assert weights.of("dists", place).tolist() == [0.5, 1.0, 2.25]
    assert weights.of("l1", place).tolist() == [1.0, 1.0, 1.0]


@pytest.fixture
def items(tmp_path: Path) -> Path:
    for number in range(2):
        folder = tmp_path / "items" / f"item-{number}"
        folder.mkdir(parents=True)
        source = moving_noise(12, 64, 96, number)
        bases = (Base(66, 1, 100), Base(50, 1, 300), Base(60, 2, 80))
        np.save(folder / "source.npy", source)
        for index in range(len(bases)):
            np.save(folder / f"base{index}.npy", (source // 32 * 32).astype(np.uint8) + index)
        Item("a b", "CC0", "a b", 96, 64, 0, 0, 0, 12, 64, 96, bases).write(folder)
    return tmp_path / "items"


def test_a_pool_without_items_large_and_long_enough_is_refused(items: Path) -> None:
    assert len(Pool(items, CPU, 64, 12)) == 2
    with pytest.raises(FileNotFoundError, match="65 lines and 1 pictures"):
        Pool(items, CPU, 65)
    with pytest.raises(FileNotFoundError, match="13 pictures"):
        Pool(items, CPU, 32, 13)


def crops(items: Path, rows: int = 4) -> Crops:
    return Crops(Pool(items, CPU, 32), rows, 2, 32, np.random.default_rng(0))


def test_a_batch_shows_a_place_in_source_and_base_and_says_what_the_base_is(items: Path) -> None:
    drawn = crops(items, 24)
    batch = drawn.next()
    assert batch.source.shape == (24, 2, 3, 32, 32)
    assert batch.base.shape == (24, 4, 3, 32, 32)
    kinds = [KINDS[int(kind)] for kind in batch.kind]
    assert set(kinds) == set(KINDS)
    for kind, crf, scale in zip(kinds, batch.told.crf.tolist(), batch.told.scale.tolist(), strict=True):
        assert (crf, scale) == {"coarse": (66, 1), "fine": (50, 1), "half": (60, 2)}[kind]
    # The base is the source, a little darker: turned, mirrored and coloured alike, at the same place and time.
    difference = (batch.source - batch.base[:, 1:-1]).mean((1, 2, 3, 4))
    assert float(difference.min()) > 0
    assert float(difference.max()) < 0.25


def test_the_ends_of_a_clip_are_their_own_neighbours(items: Path) -> None:
    drawn = replace(crops(items), length=12).next()
    assert torch.equal(drawn.base[:, 0], drawn.base[:, 1])
    assert torch.equal(drawn.base[:, -1], drawn.base[:, -2])


def test_variations_turn_and_colour() -> None:
    picture = torch.arange(48, dtype=torch.uint8).reshape(1, 4, 4, 3)
    plain = Variation((False, False), False, (0, 1, 2), 1.0, 0.0).of(picture)
    torch.testing.assert_close((plain + 1) * 127.5, picture.permute(0, 3, 1, 2).float(), rtol=0, atol=1e-4)
    turned = Variation((True, False), True, (2, 0, 1), 0.5, 0.25).of(picture)
    expected = plain[:, [2, 0, 1]].transpose(2, 3).flip(2) * 0.5 + 0.25
    torch.testing.assert_close(turned, expected)
    rng = np.random.default_rng(0)
    drawn = [Variation.draw(rng).of(picture) for _ in range(50)]
    assert all(float(x.abs().max()) <= 1 for x in drawn)
    assert len({tuple(x.flatten().tolist()) for x in drawn}) > 30


def trainer(items: Path, learner: Learner[Restorer], **more: object) -> Trainer:
    return Trainer(learner, PixelJudge(), crops(items), Recipe(), CPU, bfloat16=False, **more)  # type: ignore[arg-type]


def test_a_few_iterations_lower_the_loss_and_a_checkpoint_goes_on(items: Path, tmp_path: Path) -> None:
    recipe = Recipe()
    learner = begin(SMALL, recipe, CPU)
    for group in learner.optimiser.param_groups:
        group["lr"] = 3e-3
    taught = trainer(items, learner)
    losses = [float(taught.step()["l1"]) for _ in range(30)]
    assert np.mean(losses[-5:]) < np.mean(losses[:5])
    learner.seconds = 90.0
    save(learner, tmp_path / "restorer.pt", tmp_path / "restorer.safetensors")
    again = resume(tmp_path / "restorer.pt", recipe, CPU)
    assert (again.iteration, again.seconds) == (30, 90.0)
    fresh = from_weights(tmp_path / "restorer.safetensors", recipe, CPU)
    assert (fresh.iteration, fresh.seconds) == (30, 90.0)
    shipped = load_restorer(tmp_path / "restorer.safetensors")
    for kept, exported in zip(learner.average.parameters(), shipped.parameters(), strict=True):
        torch.testing.assert_close(exported, kept, rtol=1e-3, atol=1e-4)


def test_the_log_says_what_the_base_has(items: Path) -> None:
    terms = trainer(items, begin(SMALL, Recipe(), CPU)).step()
    # A silent network shows the base itself.
    assert float(terms["dists_ratio"]) == pytest.approx(1.0)
    assert float(terms["l1_ratio"]) == pytest.approx(1.0)


def test_a_discriminator_learns_to_tell_and_the_restorer_then_listens(items: Path) -> None:
    rival = Rival.begin(CPU)
    silent = begin(SMALL, Recipe(), CPU)
    for group in silent.optimiser.param_groups:
        group["lr"] = 0.0
    learner = trainer(items, silent, rival=rival)
    learner.recipe = replace(Recipe(), adversarial=0.3)
    first = learner.step()
    assert float(first["balance"]) == 0
    told = [float(learner.step()["discriminator"]) for _ in range(40)]
    assert np.mean(told[-5:]) < float(first["discriminator"]) - 0.02
    rival.updates = LISTENS_AFTER - 1
    assert float(learner.step()["balance"]) > 0


def test_a_discriminator_takes_its_loss_from_both_sides() -> None:
    torch.manual_seed(0)
    judge, net = PixelJudge(), Discriminator()
    features = [x.float() for x in judge.features(torch.rand(2, 3, 32, 32))]
    assert float(net.loss(features, features).detach()) == pytest.approx(1.0, abs=0.1)


def test_a_teacher_shows_what_the_pocket_prior_makes_on_a_straight_line(items: Path) -> None:
    teacher = Teacher(ROOT / "resources" / "pocket.safetensors", CPU)
    batch = crops(items, 2).next()
    pictures = {}
    for step in (0.0, 4.0, 8.0):
        told = replace(batch.told, step=torch.full((2,), step))
        pictures[step] = teacher.restored(replace(batch, told=told))
    assert torch.equal(pictures[0.0], batch.base[:, 1:-1])
    torch.testing.assert_close(pictures[4.0], (pictures[0.0] + pictures[8.0]) / 2)
    assert float((pictures[8.0] - pictures[0.0]).abs().mean()) > 1e-3
    learner = trainer(items, begin(SMALL, Recipe(), CPU), teacher=teacher)
    assert {"taught_l1", "taught_dists", "taught_lpips"} <= learner.step().keys()


def test_restoring_a_batch_is_restoring_each_of_its_pictures(items: Path) -> None:
    net = begin(SMALL, Recipe(), CPU).net
    torch.nn.init.normal_(net.tail.out.weight, 0, 0.1)
    batch = crops(items, 3).next()
    with torch.inference_mode():
        whole = restored(net, batch)
        told = type(batch.told)(*(x[1:2] for x in (batch.told.step, batch.told.crf, batch.told.scale)))
        alone = Batch(batch.source[1:2], batch.base[1:2], told, batch.kind[1:2])
        one = restored(net, alone)
    torch.testing.assert_close(whole[1:2], one, rtol=0, atol=1e-5)


def test_the_rate_warms_up_and_falls() -> None:
    recipe = Recipe(peak_rate=1.0, warm_up=10, flat=0.5)
    assert recipe.rate(0, 0.0) == pytest.approx(0.1)
    assert recipe.rate(50, 0.4) == pytest.approx(1.0)
    falling = [recipe.rate(50, done / 20) for done in range(10, 21)]
    assert falling == sorted(falling, reverse=True)
    assert falling[-1] == pytest.approx(recipe.last_rate)
