"""What every reverse channel coder offers, and the accounting they share."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from codec.channel.noise import NoiseStream, Purpose, StepKey
from codec.errors import PriorError


@dataclass(frozen=True)
class CodedSample:
    """What was drawn for one step: `payload` is all the decoder needs to draw the same `z`, float32 (N,)."""

    payload: bytes
    z: NDArray[np.float32] = field(repr=False, compare=False)

    @property
    def bits(self) -> int:
        """Bits of the payload; its length is the container's to write."""
        return 8 * len(self.payload)


class ChannelCoder(Protocol):
    """Draws z near N(mu, I) out of shared N(0, I) candidates and names it in as few bits as it can.

    An ideal coder needs KL(N(mu, I) || N(0, I)) = |mu|^2 / (2 ln 2) bits (DiffC, Theis et al., arXiv 2206.08889).
    Both sides get a bit-identical z; it has unit variance in every dimension. An empty payload stands for plain
    shared noise. The parse reads integers only.
    """

    @property
    def name(self) -> str:
        """What the file's header calls this coder."""
        ...

    def encode(self, mu: NDArray[np.float32], key: StepKey) -> CodedSample:
        """Code the whitened shift `mu`, float32 (N,).

        Raises:
            PriorError: mu is not finite.
        """
        ...

    def decode(self, payload: bytes, count: int, key: StepKey) -> NDArray[np.float32]:
        """The z of N = `count` dimensions that `encode` chose, float32 (count,).

        Raises:
            FormatError: no encoder writes such a payload.
        """
        ...


def shift_of(mu: NDArray[np.float32]) -> float:
    """|mu|.

    Raises:
        PriorError: it is not finite.
    """
    shift = float(np.linalg.norm(mu))
    if not math.isfinite(shift):
        raise PriorError("The prior predicted values that are not finite; try a device or dtype with a wider range.")
    return shift


def kl_bits(shift: float) -> float:
    """KL(N(mu, I) || N(0, I)) in bits, for |mu| = `shift`."""
    return shift**2 / (2 * math.log(2))


def dither(key: StepKey) -> float:
    """Uniform in (0, 1): rounding up where the fraction exceeds it is unbiased over the steps."""
    return float(NoiseStream(key, Purpose.ROUNDING).uniforms(0, 1)[0])
