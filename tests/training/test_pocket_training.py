"""The pocket prior's training: what a stage changes, what it starts from, and what it leaves behind."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from codec.priors.pocket_net import PocketNet
from codec.priors.restorer import Told
from tests.support import ROOT
from tests.support.films.moving_noise import moving_noise
from tests.support.pixel_judge import PixelJudge
from training.learner import Learner
from training.pocket.dataset import Crops, stream
from training.pocket.export import export
from training.pocket.refine_restoration import RECIPE, batches, freeze_all_but, restored, step
from training.pocket.train import Recipe, Schedule, resume
from training.restoration.crops import Batch as Crop
from training.restoration.crops import Pool
from training.restoration.item import Base, Item
from training.restoration.teacher import Teacher

SHIPPED = ROOT / "resources" / "pocket.safetensors"
SMALL = replace(RECIPE, clips=3, crop=32)


@pytest.fixture
def learner(tmp_path: Path) -> Learner[PocketNet]:
    return resume(tmp_path / "pocket.pt", SHIPPED, RECIPE)


@pytest.fixture
def pool(tmp_path: Path) -> Pool:
    """One item with a coarse, a fine and a half-size base."""
    folder = tmp_path / "items" / "item"
    folder.mkdir(parents=True)
    source = moving_noise(6, 64, 96)
    np.save(folder / "source.npy", source)
    bases = (Base(66, 1, 100), Base(50, 1, 300), Base(60, 2, 80))
    for number in range(len(bases)):
        np.save(folder / f"base{number}.npy", source // 32 * 32 + number)
    Item("a b", "CC0", "a b", 96, 64, 0, 0, 0, 6, 64, 96, bases).write(folder)
    return Pool(tmp_path / "items", torch.device("cpu"), 32)


def test_a_batch_has_bases_of_one_kind(pool: Pool) -> None:
    seen = set()
    for batch in islice(batches(pool, SMALL), 12):
        assert batch.source.shape == (3, 3, 32, 32)
        assert batch.base.shape == (3, 3, 3, 32, 32)
        assert len({tuple(row) for row in batch.info.tolist()}) == 1
        # The base is the source, a little darker: the crops are of one place and time.
        assert 0 < float((batch.source - batch.base[:, 1]).mean()) < 0.25
        seen.add(tuple(batch.info[0].tolist()))
    assert len(seen) == 3


def test_it_learns_what_a_teacher_shows(learner: Learner[PocketNet], pool: Pool) -> None:
    batch = next(batches(pool, SMALL))
    crf = float(batch.info[0, 1]) * 12 + 52
    told = Told(*(torch.full((3,), v) for v in (8.0, crf, float(batch.info[0, 2]) + 1)))
    shown = Teacher(SHIPPED, torch.device("cpu")).restored(
        Crop(batch.source[:, None], batch.base, told, torch.zeros(3))
    )
    with torch.no_grad():
        made = restored(learner.net, replace(batch, phase=torch.arange(3) % 4))
    torch.testing.assert_close(shown[:, 0], made, rtol=0, atol=1e-4)


def test_refinement_changes_the_synthesis_and_nothing_else(learner: Learner[PocketNet], pool: Pool) -> None:
    before = {name: value.clone() for name, value in learner.net.named_parameters()}
    freeze_all_but(learner.net, learner.net.synthesis)
    first = learner.iteration
    terms = step(learner, next(batches(pool, SMALL)), PixelJudge())
    assert {"l1", "edges", "dists", "norm"} <= terms.keys()
    changed = {name for name, value in learner.net.named_parameters() if not torch.equal(value, before[name])}
    assert changed
    assert {name.split(".")[0] for name in changed} == {"synthesis"}
    assert learner.iteration == first + 1


def test_a_checkpoint_goes_on_where_it_was_left_and_exports(learner: Learner[PocketNet], tmp_path: Path) -> None:
    with torch.no_grad():
        learner.average.synthesis.out.bias.add_(0.25)
    learner.iteration, learner.seconds = 4321, 600.0
    learner.save(tmp_path / "pocket.pt")
    again = resume(tmp_path / "pocket.pt", SHIPPED, RECIPE)
    assert (again.iteration, again.seconds) == (4321, 600.0)
    export(tmp_path / "pocket.pt", tmp_path / "out.safetensors")
    from_export = resume(tmp_path / "none.pt", tmp_path / "out.safetensors", RECIPE)
    assert (from_export.iteration, from_export.seconds) == (4321, 600.0)
    for kept, exported in zip(learner.average.parameters(), from_export.net.parameters(), strict=True):
        torch.testing.assert_close(exported, kept, rtol=1e-3, atol=1e-4)


def test_the_rate_warms_up_and_ends_low() -> None:
    schedule = Schedule(Recipe(peak_rate=1.0, warm_up=10), seconds=100.0, flat=0.5, began=0.0)
    assert schedule.rate(0, 0.0) == pytest.approx(0.1)
    assert schedule.rate(50, 40.0) == pytest.approx(1.0)
    rates = [schedule.rate(50, elapsed) for elapsed in range(50, 101, 5)]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] == pytest.approx(0.02)


def test_a_rate_may_stay_flat_to_the_end() -> None:
    schedule = Schedule(Recipe(peak_rate=1.0, warm_up=10), seconds=100.0, flat=1.0, began=0.0)
    assert schedule.rate(50, 0.0) == schedule.rate(50, 99.0) == 1.0


def test_batches_made_ahead_end_with_what_went_wrong_there(tmp_path: Path) -> None:
    item = tmp_path / "items" / "train-video-1-0"
    item.mkdir(parents=True)
    pictures = moving_noise(8, 48, 48)
    np.save(item / "source.npy", pictures)
    for number in range(2):
        np.save(item / f"base{number}.npy", pictures[:, :: number + 1, :: number + 1])
    bases = [{"crf": 60, "scale": 1}, {"crf": 66, "scale": 2}]
    (item / "item.json").write_text(json.dumps({"bases": bases}))
    with closing(stream(Crops(tmp_path, 32, 0.5, 1), 2)) as made:
        assert next(made).source.shape == (2, 8, 3, 32, 32)
    with closing(stream(Crops(tmp_path, 64, 0.5, 1), 2)) as made, pytest.raises(FileNotFoundError, match="64 lines"):
        next(made)
