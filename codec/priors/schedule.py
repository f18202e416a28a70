"""Noise levels (alpha, sigma) of a trajectory and the posterior coefficients of one step.

One table serves flow models (alpha = 1 - sigma) and variance-preserving ones (alpha**2 + sigma**2 = 1) alike:
every formula below reads alpha and sigma only (algorithm: DiffC, Theis et al. 2022, arXiv 2206.08889).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from codec.format.header import ScheduleSpec


@dataclass(frozen=True)
class StepCoefficients:
    """Of the step t -> s: q(x_s|x_t,x_0) = N(c_x x_t + c_0 x_0, std**2), all float64."""

    c_x: float
    c_0: float
    std: float


@dataclass(frozen=True)
class NoiseSchedule:
    """Levels of a trajectory, noisiest first; level 0 is pure noise (alpha 0) and no level reaches sigma 0.

    Attributes:
        alphas, sigmas: float64, alphas rising, sigmas falling, equal lengths >= 2.
        timesteps: what each level is called by the model (1000*sigma for flow, the integer step for VP).
        spec: the integers that a file's header holds, from which any decoder rebuilds the same levels.
    """

    alphas: tuple[float, ...]
    sigmas: tuple[float, ...]
    timesteps: tuple[float, ...]
    spec: ScheduleSpec

    def __post_init__(self) -> None:
        if not len(self.alphas) == len(self.sigmas) == len(self.timesteps) >= 2:
            raise ValueError("a schedule needs equally many alphas, sigmas and timesteps, at least two")
        if self.alphas[0] != 0.0 or min(self.sigmas) <= 0.0:
            raise ValueError("a schedule starts at alpha 0 and never reaches sigma 0")
        if any(b <= a for a, b in zip(self.snrs, self.snrs[1:], strict=False)):
            raise ValueError("a schedule's SNR must rise from level to level")

    @property
    def steps(self) -> int:
        """Number of codable steps: level i -> i+1 for i in range(steps)."""
        return len(self.sigmas) - 1

    @property
    def snrs(self) -> tuple[float, ...]:
        """(alpha/sigma)**2 per level."""
        return tuple((a / s) ** 2 for a, s in zip(self.alphas, self.sigmas, strict=True))

    def coefficients(self, step: int) -> StepCoefficients:
        """Posterior of the step from level `step` to `step + 1`."""
        alpha_t, sigma_t = self.alphas[step], self.sigmas[step]
        alpha_s, sigma_s = self.alphas[step + 1], self.sigmas[step + 1]
        ratio = alpha_t / alpha_s
        variance = sigma_t**2 - (ratio * sigma_s) ** 2
        return StepCoefficients(
            c_x=ratio * sigma_s**2 / sigma_t**2,
            c_0=alpha_s * variance / sigma_t**2,
            std=sigma_s * math.sqrt(variance) / sigma_t,
        )

    @classmethod
    def flow(cls, unit: int, levels: Sequence[int]) -> NoiseSchedule:
        """Rectified flow: sigma = level/unit, alpha = 1 - sigma; the model's timestep is 1000*sigma."""
        sigmas = tuple(level / unit for level in levels)
        spec = ScheduleSpec("flow", unit, tuple(levels))
        return cls(tuple(1.0 - s for s in sigmas), sigmas, tuple(1000.0 * s for s in sigmas), spec)

    @classmethod
    def variance_preserving(cls, alphas_cumprod: Sequence[float], levels: Sequence[int]) -> NoiseSchedule:
        """alpha**2 = alphas_cumprod[level], alpha**2 + sigma**2 = 1; levels are the model's own integer timesteps."""
        spec = ScheduleSpec("vp", len(alphas_cumprod), tuple(levels))
        alphas = tuple(math.sqrt(alphas_cumprod[level]) for level in levels)
        sigmas = tuple(math.sqrt(1.0 - alphas_cumprod[level]) for level in levels)
        return cls(alphas, sigmas, tuple(float(level) for level in levels), spec)
