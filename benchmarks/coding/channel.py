"""Reverse channel coders against the KL limit, and circulant against direct candidates; keeps results/channel.json.

    python -m benchmarks.coding.channel > benchmarks/channel.txt

CPU time of one thread; every ratio is of two figures of the same run.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.results import save
from codec.channel import CODERS, ChannelCoder, StepKey
from codec.channel.candidates import Candidates, ChunkLayout
from codec.channel.noise import NoiseStream, Purpose, initial_noise
from codec.priors.gaussian import GaussianPrior

SEED = 2026
WHITE = ((20_000, 50.0, 24), (50_000, 400.0, 12), (50_000, 2000.0, 4), (400_000, 400.0, 4))
# Frames, height, width: a latent of 46,080 dimensions.
CLIP = (16, 24, 40)
GOPS = 8


@dataclass
class Account:
    """Sums over the steps of one measurement: `score` of <z, mu>, `energy` of |mu|^2, bits, CPU seconds."""

    score: float = 0.0
    energy: float = 0.0
    bits: int = 0
    encode_s: float = 0.0
    decode_s: float = 0.0

    @property
    def efficiency(self) -> float:
        """Delivered KL per bit sent."""
        return self.delivered**2 * self.energy / (2 * math.log(2)) / self.bits

    @property
    def delivered(self) -> float:
        """Delivered shift as a share of |mu|; linear in z, so that a sample's own spread doesn't count as KL."""
        return self.score / self.energy

    def row(self, name: str, what: str, note: str = "") -> str:
        """One line of the table."""
        encode, decode = (1000 * seconds / self.bits for seconds in (self.encode_s, self.decode_s))
        return (
            f"{name:13} {what:20} {self.bits:7} {self.efficiency:10.3f} {self.delivered:11.3f} "
            f"{encode:11.4f} {decode:11.4f}  {note}"
        ).rstrip()


def timed(call: Callable[[], object]) -> float:
    """CPU seconds of one call."""
    start = time.process_time()
    call()
    return time.process_time() - start


def code(coder: ChannelCoder, mu: NDArray[np.float32], key: StepKey, account: Account) -> NDArray[np.float32]:
    """Code one step and enter it into `account`."""
    start = time.process_time()
    coded = coder.encode(mu, key)
    account.encode_s += time.process_time() - start
    account.decode_s += timed(lambda: coder.decode(coded.payload, mu.size, key))
    account.score += float(coded.z.astype(np.float64) @ mu)
    account.energy += float(np.linalg.norm(mu)) ** 2
    account.bits += coded.bits
    return coded.z


def white(coder: ChannelCoder, count: int, kl: float, steps: int) -> Account:
    """`steps` steps of white mu with 0.8 to 1.25 times `kl` bits each."""
    account, rng = Account(), np.random.default_rng(SEED)
    for step in range(steps):
        mu = rng.standard_normal(count)
        mu *= np.sqrt(2 * np.log(2) * kl * 1.25 ** rng.uniform(-1, 1)) / np.linalg.norm(mu)
        code(coder, mu.astype(np.float32), StepKey(SEED, 0, step), account)
    return account


def trajectory(coder: ChannelCoder, gops: int) -> tuple[Account, float]:
    """Whole trajectories of a Gaussian source; also the final error against the exact posterior's (1 is perfect)."""
    account, errors, limits = Account(), 0.0, 0.0
    prior = GaussianPrior()
    condition = prior.prepare(None, *CLIP)
    shape = condition.mean.shape
    schedule = prior.schedule
    for gop in range(gops):
        x0 = torch.from_numpy(initial_noise(SEED + 1, gop, condition.mean.numel())).view(shape) * prior.variance.sqrt()
        x = torch.from_numpy(initial_noise(SEED, gop, x0.numel())).view(shape)
        for step in range(schedule.steps):
            c = schedule.coefficients(step)
            predicted = prior.denoise(x, step, condition)
            mu = (c.c_0 * (x0 - predicted) / c.std).numpy().ravel()
            z = torch.from_numpy(code(coder, mu, StepKey(SEED, gop, step), account)).view(shape)
            x = c.c_x * x + c.c_0 * predicted + c.std * z
        last = schedule.steps
        errors += float(((x0 - prior.denoise(x, last, condition)) ** 2).mean())
        limits += float((prior.variance / (1 + schedule.snrs[last] * prior.variance)).mean())
    return account, errors / limits


def direct(mu: NDArray[np.float32], labels: int) -> None:
    """Scores of `labels` directly drawn candidates, 1024 at a time."""
    stream = NoiseStream(StepKey(SEED, 0, 0), Purpose.BASES)
    for first in range(0, labels, 1024):
        stream.normals(first * mu.size, 1024 * mu.size).reshape(1024, mu.size) @ mu


def circulant(mu: NDArray[np.float32], labels: int) -> None:
    """Scores of as many circulant candidates."""
    candidates = Candidates(StepKey(SEED, 0, 0), ChunkLayout(mu.size, 1, labels))
    list(candidates.scores(candidates.split(mu)))


def speedup() -> str:
    """Time of direct over circulant scoring of one chunk, best of several."""
    mu = np.random.default_rng(SEED).standard_normal(4096).astype(np.float32)
    labels = 1 << 16
    circulant(mu, labels)
    fast = min(timed(lambda: circulant(mu, labels)) for _ in range(20))
    slow = min(timed(lambda: direct(mu, labels)) for _ in range(2))
    return (
        f"one chunk of 4096 dimensions, 2^16 candidates: direct {slow * 1e3:.0f} ms, "
        f"circulant {fast * 1e3:.2f} ms, {slow / fast:.0f} times as fast"
    )


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    print("Delivered KL per bit sent, and the delivered shift as a share of |mu|. CPU time of one thread.\n")
    titles = ("coder", "source", "bits", "KL/bits", "shift/|mu|", "enc ms/bit", "dec ms/bit")
    print("{:13} {:20} {:>7} {:>10} {:>11} {:>11} {:>11}".format(*titles))
    figures: dict[str, dict[str, float]] = {"trajectory": {}}
    for coder in CODERS:
        for count, kl, steps in WHITE:
            source = f"white {count}, {kl:.0f} b"
            account = white(coder, count, kl, steps)
            figures.setdefault(source, {})[coder.name] = account.efficiency
            print(account.row(coder.name, source), flush=True)
        account, ratio = trajectory(coder, GOPS)
        figures["trajectory"][coder.name] = account.efficiency
        print(account.row(coder.name, "Gaussian trajectory", f"final error {ratio:.4f} of the ideal"), flush=True)
    print(speedup())
    save("channel", figures, uses_weights=False)


if __name__ == "__main__":
    main()
