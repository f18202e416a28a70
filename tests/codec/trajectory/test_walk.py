"""What the encoder reached the decoder reaches too, to the bit."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch import Tensor

from codec.channel.choice import coder_for, spec_for
from codec.errors import FormatError
from codec.priors.gaussian import GaussianCondition, GaussianPrior
from codec.settings import CHANNELS
from codec.trajectory.walk import CodedStep, Known, Walk
from tests.support.codec_runs import moving

FRAMES = np.stack(moving(4, 32, 16))
PRIOR = GaussianPrior()
CONDITION = PRIOR.prepare(None, 4, 16, 32)
LATENT = PRIOR.encode(FRAMES, CONDITION)
SHAPE = PRIOR.geometry.latent_shape(4, 16, 32)
WALK = Walk(PRIOR, CONDITION, SHAPE, seed=5, gop=3, known=None, reuse=1)
KNOWN = Known(LATENT[:, :1].clone(), 0, step=9)


def _code(walk: Walk, channel: str = "greedy") -> list[CodedStep]:
    return list(walk.code(LATENT, coder_for(spec_for(channel))))


def _replay(walk: Walk, coded: list[CodedStep], channel: str = "greedy") -> list[CodedStep]:
    return list(walk.replay([step.payload for step in coded], coder_for(spec_for(channel))))


@pytest.mark.parametrize("channel", sorted(set(CHANNELS) - {"trellis-best"}))
@pytest.mark.parametrize("reuse", [1, 2])
@pytest.mark.parametrize("known", [None, KNOWN], ids=["plain", "guided"])
def test_replay_reaches_every_state_of_the_encoder(channel: str, reuse: int, known: Known | None) -> None:
    walk = dataclasses.replace(WALK, reuse=reuse, known=known)
    coded = _code(walk, channel)
    replayed = _replay(walk, coded, channel)
    assert [step.step for step in coded] == list(range(1, PRIOR.schedule.steps + 1))
    for sent, received in zip(coded, replayed, strict=True):
        assert torch.equal(sent.state, received.state)
    assert sum(len(step.payload) for step in coded) > 100


def test_any_prefix_is_a_whole() -> None:
    coded = _code(WALK)
    replayed = _replay(WALK, coded[:7])
    assert torch.equal(replayed[-1].state, coded[6].state)


@pytest.mark.parametrize("change", [{"seed": 6}, {"gop": 4}, {"reuse": 2}, {"known": KNOWN}])
def test_what_both_sides_share_decides_the_state(change: dict[str, object]) -> None:
    coded = _code(WALK)
    other = _replay(dataclasses.replace(WALK, **change), coded)
    assert not torch.allclose(other[-1].state, coded[-1].state, atol=1e-2)


def test_more_steps_come_nearer_to_the_source() -> None:
    coded = _code(WALK)
    errors = [float((WALK.denoise(step.state, step.step) - LATENT).pow(2).mean()) for step in coded]
    assert errors[-1] < 0.1 * errors[0]
    assert errors[8] < errors[2]


def test_states_have_the_spread_that_the_schedule_says() -> None:
    # x_s = alpha x_0 + sigma eps holds for the shared sample as for a true one.
    for step in _code(WALK)[4:]:
        alpha, sigma = PRIOR.schedule.alphas[step.step], PRIOR.schedule.sigmas[step.step]
        noise = (step.state - alpha * LATENT) / sigma
        assert float(noise.std()) == pytest.approx(1.0, abs=0.15)


def test_a_known_overlap_costs_next_to_nothing() -> None:
    # Of a GOP that is all known only what lies beyond the known level remains to be sent.
    whole = Known(LATENT.clone(), 0, step=9)
    plain, guided = _code(WALK), _code(dataclasses.replace(WALK, known=whole))
    before = slice(1, 9)
    assert sum(len(step.payload) for step in guided[before]) < 0.1 * sum(len(step.payload) for step in plain[before])
    assert len(guided[9].payload) > 0.5 * len(plain[9].payload)


def test_a_known_overlap_is_believed_up_to_its_own_level() -> None:
    walk = dataclasses.replace(WALK, known=Known(torch.full_like(LATENT[:, :1], 7.0), 0, step=9))
    assert torch.equal(walk.predict(walk.start(), 8)[:, :1], torch.full_like(LATENT[:, :1], 7.0))
    assert torch.equal(walk.predict(walk.start(), 9), PRIOR.denoise(walk.start(), 9, CONDITION))
    assert torch.equal(walk.predict(walk.start(), 0)[:, 1:], PRIOR.denoise(walk.start(), 0, CONDITION)[:, 1:])


class _Counting(GaussianPrior):
    def __init__(self, evaluations: int) -> None:
        super().__init__()
        self.ode_evaluations = evaluations
        self.levels: list[int] = []

    def denoise(self, x: Tensor, step: int, condition: GaussianCondition) -> Tensor:
        self.levels.append(step)
        return super().denoise(x, step, condition)


@pytest.mark.parametrize("reuse", [1, 2, 3])
def test_the_denoiser_is_called_on_every_nth_step(reuse: int) -> None:
    prior = _Counting(1)
    _code(dataclasses.replace(WALK, prior=prior, reuse=reuse))
    assert prior.levels == list(range(0, prior.schedule.steps, reuse))


@pytest.mark.parametrize(("evaluations", "step"), [(1, 4), (5, 0), (5, 10), (8, 14), (8, 16)])
def test_the_ode_runs_from_t_star_in_so_many_calls(evaluations: int, step: int) -> None:
    prior = _Counting(evaluations)
    walk = dataclasses.replace(WALK, prior=prior)
    walk.denoise(walk.start(), step)
    assert prior.levels[0] == step
    assert prior.levels == sorted(set(prior.levels))
    assert len(prior.levels) <= evaluations
    assert prior.levels[-1] <= prior.schedule.steps


def test_the_ode_carries_a_clean_latent_through() -> None:
    # Of a source without spread the posterior mean is exact at every level, so every path ends there.
    prior = _Counting(6)
    prior.variance = prior.variance * 0
    target = CONDITION.mean
    alpha, sigma = prior.schedule.alphas[3], prior.schedule.sigmas[3]
    state = alpha * target + sigma * WALK.start()
    assert torch.allclose(dataclasses.replace(WALK, prior=prior).denoise(state, 3), target, atol=1e-5)


def test_the_ode_keeps_the_sources_spread() -> None:
    # The mean alone loses contrast; the flow map carries N(0, I) to the source's own distribution.
    shape = PRIOR.geometry.latent_shape(64, 32, 32)
    condition = PRIOR.prepare(None, 64, 32, 32)

    def spread(evaluations: int) -> float:
        prior = GaussianPrior()
        prior.ode_evaluations = evaluations
        walk = Walk(prior, condition, shape, 1, 0, None, 1)
        return float(walk.denoise(walk.start(), 0)[0].std() / prior.variance[0].sqrt())

    assert spread(1) < 0.05
    assert spread(16) > 0.7


@pytest.mark.parametrize("channel", ["trellis", "greedy", "pfr"])
def test_a_forged_payload_is_refused_or_decoded(channel: str) -> None:
    rng = np.random.default_rng(0)
    for size in (0, 1, 2, 7, 40, 5000):
        walk = WALK.replay([rng.bytes(size)], coder_for(spec_for(channel)))
        try:
            (step,) = walk
        except FormatError:
            continue
        assert torch.isfinite(step.state).all()
