"""The schedule's coefficients against the identities they come from."""

from __future__ import annotations

import numpy as np
import pytest

from codec.format.header import ScheduleSpec
from codec.priors.diffusion.cogvideox import cogvideox_schedule
from codec.priors.diffusion.video_model import flow_schedule
from codec.priors.gaussian import gaussian_schedule
from codec.priors.pocket import pocket_schedule
from codec.priors.schedule import NoiseSchedule


def variance_preserving() -> NoiseSchedule:
    """CogVideoX's kind: alpha^2 + sigma^2 = 1, zero terminal SNR, every 40th of 1000 steps."""
    steps = np.arange(999, 0, -40)
    scaled = np.cumprod(1 - np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2) ** 0.5
    alphas = (scaled - scaled[-1]) * scaled[0] / (scaled[0] - scaled[-1])
    return NoiseSchedule.variance_preserving((alphas**2).tolist(), steps.tolist())


SCHEDULES = {
    "flow": NoiseSchedule.flow(20, (20, 18, 14, 8, 1)),
    "gaussian": gaussian_schedule(),
    "pocket": pocket_schedule(),
    "vp": variance_preserving(),
    "wan, ltx": flow_schedule(),
    "cogvideox": cogvideox_schedule(),
}


@pytest.fixture(params=SCHEDULES)
def schedule(request: pytest.FixtureRequest) -> NoiseSchedule:
    return SCHEDULES[request.param]


def test_kl_of_a_step_is_its_gain_in_snr(schedule: NoiseSchedule) -> None:
    # 1/2 |mu|^2 = 1/2 (SNR_s - SNR_t) |x0 - x0_hat|^2, whatever the error.
    for step in range(schedule.steps):
        c = schedule.coefficients(step)
        gain = schedule.snrs[step + 1] - schedule.snrs[step]
        assert (c.c_0 / c.std) ** 2 == pytest.approx(gain, rel=1e-9)


def test_steps_compose_to_the_marginal(schedule: NoiseSchedule) -> None:
    # x_t = alpha_t x0 + sigma_t eps, then q(x_s | x_t, x0), must be alpha_s x0 + sigma_s eps.
    for step in range(schedule.steps):
        c = schedule.coefficients(step)
        mean = c.c_x * schedule.alphas[step] + c.c_0
        variance = (c.c_x * schedule.sigmas[step]) ** 2 + c.std**2
        assert mean == pytest.approx(schedule.alphas[step + 1], rel=1e-9)
        assert variance == pytest.approx(schedule.sigmas[step + 1] ** 2, rel=1e-9)


def test_first_step_leaves_nothing_of_the_initial_noise(schedule: NoiseSchedule) -> None:
    first = schedule.coefficients(0)
    assert first.c_x == 0
    assert first.c_0 == pytest.approx(schedule.alphas[1])
    assert first.std == pytest.approx(schedule.sigmas[1])


def test_flow_names_its_levels_as_models_do() -> None:
    assert NoiseSchedule.flow(2, (2, 1)).timesteps == (1000.0, 500.0)


@pytest.mark.parametrize(
    ("alphas", "sigmas"),
    [((0.0,), (1.0,)), ((0.1, 0.5), (0.9, 0.5)), ((0.0, 1.0), (1.0, 0.0)), ((0.0, 0.5, 0.4), (1.0, 0.5, 0.6))],
)
def test_impossible_schedules_are_refused(alphas: tuple[float, ...], sigmas: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="schedule"):
        NoiseSchedule(alphas, sigmas, alphas, ScheduleSpec("flow", 2, (2, 1)))
