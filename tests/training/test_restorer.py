"""The restorer and its training: what every step, crop and state must keep to, and what it costs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.support.films.moving_noise import moving_noise
from training.restoration.crops import Pool, Sequences
from training.restoration.item import Base, Item
from training.restoration.losses import TermWeights, edge_ratio, pixel_terms
from training.restoration.motion import moved, search_motion
from training.restoration.restorer import CONTEXTS, Restorer, RestorerConfig, gate, multiplications
from training.restoration.train import Recipe, Run, Trainer, load_average

SMALL = RestorerConfig(half=8, quarter=16, eighth=16, blocks=(1, 1, 1), embedding=8)


def awake(config: RestorerConfig, seed: int = 0) -> Restorer:
    """A network whose silent layers speak."""
    torch.manual_seed(seed)
    net = Restorer(config).eval()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return net


def test_step_0_is_the_base_itself() -> None:
    pictures = moving_noise(3, 34, 50)
    made = awake(SMALL).restore(pictures, 60, 0, run_up=1)
    assert np.array_equal(made, pictures[1:])
    assert float(gate(torch.tensor(0.0))) == 0.0
    assert float(gate(torch.tensor(8.0))) == pytest.approx(1.0)


@pytest.mark.parametrize("context", CONTEXTS)
def test_every_context_restores_any_size_and_steps_differ(context: str) -> None:
    net = awake(replace(SMALL, context=context))
    pictures = moving_noise(4, 34, 50)
    made = net.restore(pictures, 60, 8)
    assert made.shape == pictures.shape
    assert not np.array_equal(made, pictures)
    assert not np.array_equal(made, net.restore(pictures, 60, 4))
    assert not np.array_equal(made, net.restore(pictures, 50, 8))


def test_a_wrong_step_is_refused() -> None:
    with pytest.raises(ValueError, match="0 to 12"):
        awake(SMALL).restore(moving_noise(1, 16, 16), 60, 13)


def test_it_costs_at_most_30000_multiplications_a_pixel() -> None:
    config = RestorerConfig()
    assert multiplications(config) <= 30_000
    counted = 0
    net = Restorer(config)

    def count(module: torch.nn.Module, _: object, output: Tensor) -> None:
        nonlocal counted
        assert isinstance(module, torch.nn.Conv2d)
        counted += output[0].numel() * module.weight[0].numel()

    for module in net.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(count)
    net.restore(moving_noise(1, 32, 32), 60, 8)
    convolutions = counted / 32**2
    # A picture alone is its own neighbours; motion, moves and norms come on top.
    assert convolutions < multiplications(config) < 1.1 * convolutions


def test_a_crop_sees_the_same_network() -> None:
    config = replace(SMALL, context="carried")
    net = awake(config)
    pictures = moving_noise(2, 160, 320)
    whole = net.restore(pictures, 60, 8)
    part = net.restore(np.ascontiguousarray(pictures[:, :, 64:]), 60, 8)
    # Away from the cut, by more than two pictures' convolutions reach.
    assert np.array_equal(part[:, :, 112:], whole[:, :, 64 + 112 :])


def test_the_state_carries_and_a_run_up_leads_to_the_same_pictures() -> None:
    net = awake(replace(SMALL, context="moved"))
    pictures = moving_noise(8, 32, 32)
    other = pictures.copy()
    other[0] = 255 - other[0]
    whole, changed = (net.restore(p, 60, 8) for p in (pictures, other))
    assert not np.array_equal(whole[2], changed[2]), "the third picture knows nothing of the first"
    assert np.array_equal(net.restore(pictures, 60, 8, run_up=3), whole[3:])
    alone = net.restore(pictures[4:], 60, 8)
    assert np.array_equal(alone, net.restore(pictures[4:], 60, 8)), "a state was kept from the call before"


def test_a_state_does_not_grow() -> None:
    net = awake(SMALL)
    base = torch.rand(1, 40, 3, 16, 16, generator=torch.Generator().manual_seed(3)) * 2 - 1
    told = [torch.tensor([value]) for value in (8.0, 60.0, 1.0)]
    with torch.inference_mode():
        states = [state.abs().mean() for _, state in net.sequence(base, *told)]
    assert states[-1] < 1.5 * states[1]


def test_motion_finds_a_shift_and_leaves_flat_places_alone() -> None:
    picture = torch.rand(1, 3, 24, 32, generator=torch.Generator().manual_seed(1))
    large = torch.nn.functional.interpolate(picture, scale_factor=4, mode="bilinear")
    own, other = large[..., 16:80, 16:112], large[..., 12:76, 24:120]
    motion = search_motion(own, other)
    centre = motion[0, :, 4:-4, 4:-4].flatten(1)
    assert torch.allclose(centre.median(1).values, torch.tensor([-2.0, 1.0]), atol=0.15)
    features = torch.nn.functional.avg_pool2d(other, 4)
    close = (moved(features, motion) - torch.nn.functional.avg_pool2d(own, 4))[..., 4:-4, 4:-4].abs().mean()
    assert close < 0.02
    flat = torch.zeros(1, 3, 32, 32)
    assert search_motion(flat, flat).abs().max() == 0


def test_edges_are_those_of_the_8_pixel_grid() -> None:
    smooth = torch.rand(1, 2, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    steps = torch.arange(64) // 8 % 2
    blocks = smooth + 0.5 * steps + 0.5 * steps[:, None]
    assert float(edge_ratio(smooth)) == pytest.approx(1, abs=0.05)
    assert float(edge_ratio(blocks)) > 1.3
    assert float(pixel_terms(blocks, smooth)["edges"][0]) > 0.1
    assert float(pixel_terms(smooth, blocks)["edges"][0]) > 0.1
    assert float(pixel_terms(blocks, blocks)["edges"][0]) == 0


def test_perceptual_terms_grow_with_the_step() -> None:
    weights, place = TermWeights(), torch.tensor([0.5, 1.0, 1.5])
    assert weights.of("dists", place).tolist() == [1.0, 2.0, 3.0]
    assert weights.of("l1", place).tolist() == [1.0, 1.0, 1.0]


@pytest.fixture
def items(tmp_path: Path) -> Path:
    for number in range(2):
        folder = tmp_path / "items" / f"item-{number}"
        folder.mkdir(parents=True)
        source = moving_noise(12, 64, 96, number)
        base = (source // 32 * 32).astype(np.uint8)
        np.save(folder / "source.npy", source)
        np.save(folder / "base0.npy", base)
        Item("a b", "CC0", "a b", 96, 64, 0, 0, 0, 12, 64, 96, (Base(60, 1, 100),)).write(folder)
    return tmp_path / "items"


def sequences(items: Path, margin: int = 1) -> Sequences:
    pool = Pool(items, torch.device("cpu"), 32)
    return Sequences(pool, 3, 4, margin, 32, np.random.default_rng(0), restart=0.0)


def test_rows_go_on_where_they_were(items: Path) -> None:
    rows = sequences(items)
    first, second = rows.next(), rows.next()
    assert first.fresh.all()
    assert first.source.shape == (3, 4, 3, 32, 32)
    assert first.base.shape == (3, 6, 3, 32, 32)
    assert torch.equal(first.base[:, 0], first.base[:, 1]), "a fresh row sees nothing before it"
    for row in range(3):
        assert not second.fresh[row]
        assert torch.equal(second.base[row, 0], first.base[row, 4])
        assert torch.equal(first.base[row, 5], second.base[row, 1])
        assert float(second.step[row]) == float(first.step[row])
    assert any(bool(rows.next().fresh.any()) for _ in range(3)), "no row ever ends"


class Pixels(torch.nn.Module):
    """A judge that needs no networks."""

    def forward(self, made: Tensor, wanted: Tensor) -> dict[str, Tensor]:
        return {"dists": (made - wanted).square().mean((1, 2, 3))}


def trainer(items: Path, run: Run) -> Trainer:
    return Trainer(run, Pixels(), sequences(items), Recipe(), torch.device("cpu"), bfloat16=False)


def test_a_few_iterations_lower_the_loss_and_a_checkpoint_goes_on(items: Path, tmp_path: Path) -> None:
    recipe, device = Recipe(), torch.device("cpu")
    run = Run.begin(SMALL, recipe, device)
    for group in run.optimiser.param_groups:
        group["lr"] = 3e-3
    losses = [trainer(items, run).step()["l1"] for _ in range(8)]
    assert losses[-1] < losses[0]
    run.seconds = 90.0
    run.save(tmp_path / "restorer.pt")
    again = Run.resume(tmp_path / "restorer.pt", recipe, device)
    assert (again.iteration, again.seconds) == (8, 90.0)
    run.export(tmp_path / "restorer.safetensors")
    fresh = Run.from_weights(tmp_path / "restorer.safetensors", recipe, device)
    assert (fresh.iteration, fresh.seconds) == (8, 90.0)
    for kept, exported in zip(run.net.parameters(), fresh.net.parameters(), strict=True):
        torch.testing.assert_close(exported, kept, rtol=1e-3, atol=1e-4)
    average = load_average(tmp_path / "restorer.safetensors")
    for kept, exported in zip(run.average.parameters(), average.parameters(), strict=True):
        torch.testing.assert_close(exported, kept, rtol=1e-3, atol=1e-4)
    assert trainer(items, again).step()["l1"] < losses[0]


def test_a_state_reaches_the_next_batch(items: Path) -> None:
    run = Run.begin(SMALL, Recipe(), torch.device("cpu"))
    learner = trainer(items, run)
    learner.step()
    state = learner._state  # noqa: SLF001
    assert state is not None
    assert not state.requires_grad
    assert state.shape == (3, 16, 8, 8)


def test_the_rate_warms_up_and_falls() -> None:
    recipe = Recipe(peak_rate=1.0, warm_up=10, flat=0.5)
    assert recipe.rate(0, 0.0) == pytest.approx(0.1)
    assert recipe.rate(50, 0.4) == pytest.approx(1.0)
    falling = [recipe.rate(50, done / 20) for done in range(10, 21)]
    assert falling == sorted(falling, reverse=True)
    assert falling[-1] == pytest.approx(recipe.last_rate)
