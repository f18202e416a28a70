"""The pocket prior's training: what a stage changes, what it starts from, and what it leaves behind."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from codec.priors.pocket import base_info
from codec.priors.pocket_net import PocketConfig
from tests.support import ROOT
from training.dataset import CLIP_FRAMES, Batch
from training.export import export
from training.refine_synthesis import RECIPE, freeze_all_but, received
from training.train_pocket import Losses, Recipe, Run, Schedule, advance, synthesise_pair

SHIPPED = ROOT / "resources" / "pocket.safetensors"


@pytest.fixture
def batch() -> Batch:
    generator = torch.Generator().manual_seed(1)
    source = torch.rand(2, CLIP_FRAMES, 3, 32, 48, generator=generator) * 2 - 1
    base = (source + 0.2 * torch.randn(source.shape, generator=generator)).clamp(-1, 1)
    return Batch(source, base, base_info((55, 1), 2))


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.resume(tmp_path / "pocket.pt", SHIPPED, RECIPE)


def test_without_bits_the_source_does_not_matter(run: Run, batch: Batch) -> None:
    torch.manual_seed(0)
    latent, sigma = received(run.net, batch, start_share=1.0)
    torch.manual_seed(0)
    other, _ = received(run.net, Batch(-batch.source, batch.base, batch.base_info), start_share=1.0)
    assert latent.shape == (2, 2, PocketConfig().latent, 4, 6)
    assert sigma.tolist() == [1.0, 1.0]
    assert torch.equal(latent, other)


def test_refinement_changes_the_synthesis_and_nothing_else(run: Run, batch: Batch) -> None:
    before = {name: value.clone() for name, value in run.net.named_parameters()}
    freeze_all_but(run.net, run.net.synthesis)
    made, wanted = synthesise_pair(run.net, batch, *received(run.net, batch, start_share=1.0))
    assert made.shape == wanted.shape == (2, 2, 3, 32, 48)
    terms = Losses.pixels(made, wanted)
    first = run.iteration
    advance(run, terms["l1"] + terms["motion"], terms, RECIPE)
    changed = {name for name, value in run.net.named_parameters() if not torch.equal(value, before[name])}
    assert changed
    assert {name.split(".")[0] for name in changed} == {"synthesis"}
    assert run.iteration == first + 1


def test_a_checkpoint_goes_on_where_it_was_left_and_exports(run: Run, tmp_path: Path) -> None:
    with torch.no_grad():
        run.average.synthesis.out.bias.add_(0.25)
    run.iteration, run.seconds = 4321, 600.0
    run.save(tmp_path / "pocket.pt")
    again = Run.resume(tmp_path / "pocket.pt", SHIPPED, RECIPE)
    assert (again.iteration, again.seconds) == (4321, 600.0)
    export(tmp_path / "pocket.pt", tmp_path / "out.safetensors")
    from_export = Run.resume(tmp_path / "none.pt", tmp_path / "out.safetensors", RECIPE)
    assert (from_export.iteration, from_export.seconds) == (4321, 600.0)
    for kept, exported in zip(run.average.parameters(), from_export.net.parameters(), strict=True):
        torch.testing.assert_close(exported, kept, rtol=1e-3, atol=1e-4)


def test_the_rate_warms_up_and_ends_low() -> None:
    schedule = Schedule(Recipe(peak_rate=1.0, warm_up=10), seconds=100.0, flat=0.5, began=0.0)
    assert schedule.rate(0, 0.0) == pytest.approx(0.1)
    assert schedule.rate(50, 40.0) == pytest.approx(1.0)
    rates = [schedule.rate(50, elapsed) for elapsed in range(50, 101, 5)]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] == pytest.approx(0.02)
