"""Reverse channel coding: name one shared noise vector near N(mu, I) in close to KL(N(mu, I) || N(0, I)) bits."""

from __future__ import annotations

from codec.channel.base import ChannelCoder, CodedSample, kl_bits
from codec.channel.greedy import GreedyCoder
from codec.channel.noise import StepKey
from codec.channel.pfr import PfrCoder
from codec.channel.trellis import TrellisCoder
from codec.errors import FormatError

__all__ = [
    "CODERS",
    "ChannelCoder",
    "CodedSample",
    "GreedyCoder",
    "PfrCoder",
    "StepKey",
    "TrellisCoder",
    "coder",
    "kl_bits",
]

# Those in use first, the default before the best; files name the others too. Efficiencies are those that
# benchmarks/coding/channel.py prints for long steps.
CODERS: tuple[ChannelCoder, ...] = (
    TrellisCoder(k=4, v=9, efficiency=0.912),
    TrellisCoder(k=4, v=16, efficiency=0.96),
    TrellisCoder(k=4, v=14, efficiency=0.955),
    TrellisCoder(k=4, v=10, efficiency=0.925),
    TrellisCoder(k=4, v=8, efficiency=0.90),
    GreedyCoder(),
    PfrCoder(),
)


def coder(name: str) -> ChannelCoder:
    """The coder that a file's header calls `name`.

    Raises:
        FormatError: this version knows none of that name.
    """
    for known in CODERS:
        if known.name == name:
            return known
    raise FormatError(f"its channel coder {name!r} is unknown to this version of Free-GVC")
