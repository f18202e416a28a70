"""The codec's own output among the metric's training pairs: what the pocket prior decodes from parts of its trajectory.

A prefix is simulated as the channel delivers it: the latent with exactly the noise of its level.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from codec.priors.base import BaseClip, Condition, VideoPrior
from training.metric.distortions import Picture, Rng

WITHOUT_BASE = 0.1
STEPS_A_BASE = 2


def decode_prefixes(
    prior: VideoPrior[Condition],
    frames: Picture,
    base: BaseClip | None,
    steps: Sequence[int],
    wanted: Sequence[int],
    rng: Rng,
) -> Picture:
    """Frames `wanted` of the clip (T, H, W, 3), decoded after each of `steps`: (len(wanted), len(steps), H, W, 3)."""
    condition = prior.prepare(base, *frames.shape[:3])
    latent = prior.encode(frames, condition)
    versions = []
    for step in steps:
        noise = torch.from_numpy(rng.standard_normal(latent.shape, np.float32))
        state = prior.schedule.alphas[step] * latent + prior.schedule.sigmas[step] * noise
        clean = prior.denoise(state, step, condition)
        versions.append(prior.preview(clean, step, condition, wanted))
    return np.stack(versions, axis=1)


def random_decodes(
    prior: VideoPrior[Condition], frames: Picture, bases: Sequence[BaseClip], wanted: Sequence[int], rng: Rng
) -> Picture:
    """From every base (from none one time in ten) at random depths: (len(wanted), bases * STEPS_A_BASE, H, W, 3)."""
    versions = []
    for base in bases:
        steps = sorted(int(s) for s in rng.choice(prior.schedule.steps + 1, size=STEPS_A_BASE, replace=False))
        given = None if rng.random() < WITHOUT_BASE else base
        versions.append(decode_prefixes(prior, frames, given, steps, wanted, rng))
    return np.concatenate(versions, axis=1)
