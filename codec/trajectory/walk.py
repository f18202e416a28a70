"""Walk one GOP's latent along the denoising trajectory: code it, replay it, and denoise it from where it stops.

Notation as in the paper and DiffC (Vonderfecht & Liu, ICLR 2025): x_t is the state at level t of the noise schedule,
x0_hat the prior's posterior mean of the clean latent; a step draws x_s ~ q(x_s|x_t, x_0) by reverse channel coding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from codec.channel import ChannelCoder
from codec.channel.noise import StepKey, initial_noise
from codec.priors.base import Condition, VideoPrior
from codec.priors.schedule import NoiseSchedule


@dataclass(frozen=True)
class Known:
    """What the decoder knows of a GOP's first latent slots from the previous GOP.

    Attributes:
        latent: (C, n, h, w) the previous GOP's denoised slots that this GOP has too.
        first: the slot of this GOP where they begin.
        step: schedule level at which that GOP stopped.
    """

    latent: Tensor
    first: int
    step: int


@dataclass(frozen=True)
class CodedStep:
    """The step to level `step` (1-based: `step` payloads lead there) and the state it reached."""

    step: int
    payload: bytes
    state: Tensor = field(repr=False)


@dataclass(frozen=True)
class Walk:
    """What encoder and decoder of one GOP share before its first bit.

    Attributes:
        shape: (C, t, h, w) of the latent.
        seed, gop: key of the shared randomness.
        known: guidance from the previous GOP, or None (plain overlap, or a chain's first GOP).
        reuse: the denoiser is called on every `reuse`-th step; steps between keep its last x0_hat (x0-cache).
    """

    prior: VideoPrior[Condition]
    condition: Condition
    shape: tuple[int, int, int, int]
    seed: int
    gop: int
    known: Known | None
    reuse: int

    def start(self) -> Tensor:
        """The shared pure noise at level 0."""
        noise = initial_noise(self.seed, self.gop, int(np.prod(self.shape)))
        return torch.from_numpy(noise).view(self.shape).to(self.prior.device)

    def predict(self, state: Tensor, step: int) -> Tensor:
        """x0_hat at `step`; before the first step, what the prior's opening gives away.

        Where the previous GOP's overlap was denoised from a cleaner state, it is the better guess:
        so the overlap's KL falls towards zero and the seam closes by itself (Inter-GOP Alignment, guided).
        """
        opening = self.prior.opening(self.condition) if step == 0 else None
        clean = self.prior.denoise(state, step, self.condition) if opening is None else opening
        if self.known is None or step >= self.known.step:
            return clean
        first, after = self.known.first, self.known.first + self.known.latent.shape[1]
        return torch.cat([clean[:, :first], self.known.latent, clean[:, after:]], 1)

    def code(self, latent: Tensor, coder: ChannelCoder) -> Iterator[CodedStep]:
        """Code `latent` (C, t, h, w), one more step each time the next value is asked for."""
        schedule, state = self.prior.schedule, self.start()
        opening = self.prior.opening(self.condition)
        free = 0 if opening is None else free_steps(schedule, latent, opening)
        clean, first = state, 0
        for step in range(schedule.steps):
            if step >= free and (step - first) % self.reuse == 0:
                clean = self.predict(state, step)
            c, key = schedule.coefficients(step), StepKey(self.seed, self.gop, step)
            if opening is not None and step < free:
                payload, z = b"", coder.decode(b"", latent.numel(), key)
            else:
                shift = (c.c_0 / c.std) * (latent - clean)
                coded = coder.encode(shift.flatten().float().cpu().numpy(), key)
                payload, z = coded.payload, coded.z
            if opening is not None and step == first and not payload:
                clean, first = opening, step + 1
            state = self._next(state, clean, step, z)
            yield CodedStep(step + 1, payload, state)

    def replay(self, payloads: Sequence[bytes], coder: ChannelCoder) -> Iterator[CodedStep]:
        """The states that `code` reached, from its payloads alone."""
        state = self.start()
        opening = self.prior.opening(self.condition)
        clean, first = state, 0
        for step, payload in enumerate(payloads):
            if opening is not None and step == first and not payload:
                clean, first = opening, step + 1
            elif (step - first) % self.reuse == 0:
                clean = self.predict(state, step)
            z = coder.decode(payload, state.numel(), StepKey(self.seed, self.gop, step))
            state = self._next(state, clean, step, z)
            yield CodedStep(step + 1, payload, state)

    def denoise(self, state: Tensor, step: int) -> Tensor:
        """Clean latent from the state at level `step`: the probability-flow ODE in `prior.ode_evaluations` calls.

        One call returns the posterior mean. DDIM's step (Song et al. 2021, eq. 12, eta 0) written for (alpha, sigma).
        """
        schedule = self.prior.schedule
        calls = self.prior.ode_evaluations
        levels = np.linspace(step, schedule.steps, calls + 1)[:-1].round().astype(int) if calls > 1 else [step]
        levels = sorted({int(level) for level in levels})
        clean = self.predict(state, levels[0])
        for level, following in pairwise(levels):
            noise = (state - schedule.alphas[level] * clean) / schedule.sigmas[level]
            state = schedule.alphas[following] * clean + schedule.sigmas[following] * noise
            clean = self.predict(state, following)
        return clean

    def _next(self, state: Tensor, clean: Tensor, step: int, z: np.ndarray) -> Tensor:
        c = self.prior.schedule.coefficients(step)
        return c.c_x * state + c.c_0 * clean + c.std * torch.from_numpy(z).view(self.shape).to(state.device)


def free_steps(schedule: NoiseSchedule, latent: Tensor, opening: Tensor) -> int:
    """How many steps the base's own latent leads at no cost, being about as far from `latent` as their noise hides.

    With an error of standard deviation e that is where sigma / alpha = e (VoRTeC, arXiv 2609.02291: t* = e / (1 + e)).
    A decoder sees it by the empty payloads that a trajectory with an opening begins with.
    """
    error = float((latent - opening).square().mean())
    return sum(snr * error <= 1 for snr in schedule.snrs[1:])
