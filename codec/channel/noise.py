"""The randomness that encoder and decoder share. Every function here is part of the file format.

All of it is Philox4x64-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011), read as raw
integers. The generator is fixed by its published algorithm, so numpy is only a fast implementation of it; numpy's
`Generator` methods, torch's samplers and Python's `hash` may change with a release or a machine and are not used.
The 64-bit variant is the one numpy carries natively: five times faster than a 4x32 vectorised by hand.

    key     = (file seed, GOP index), 64 bits each
    counter = (block, 0, purpose, step), 64 bits each, the low word first

A block is four 64-bit words, read as 32 little-endian bytes. Normal values come from 16 bits each through a table of
quantiles, z = T[u] / 4096, which is exact in float32 everywhere.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from codec.errors import FreeGvcError

TABLE_SHA256 = "1ea009ce409dac97d6bd609266910f809c5fb912f78e16bd89145b08174d6fc5"
TABLE_SCALE = 4096
WORD_BITS = 64
BLOCK_WORDS = 4
BLOCK_NORMALS = 16
BLOCK_SIGNS = 256


@dataclass(frozen=True)
class StepKey:
    """Names the shared randomness of one trajectory step; each part is an unsigned 64-bit integer."""

    seed: int
    gop: int
    step: int

    def __post_init__(self) -> None:
        if not all(0 <= part < 1 << WORD_BITS for part in (self.seed, self.gop, self.step)):
            raise ValueError("seed, GOP and step are unsigned 64-bit integers")


class Purpose(IntEnum):
    """Which of a step's independent streams; the values are part of the format."""

    INITIAL = 0
    PLAIN = 1
    PERMUTATION = 2
    BASES = 3
    SIGNS = 4
    # The encoder alone reads those below: they decide what it sends, never how it is read.
    POISSON = 5
    ROUNDING = 6


@lru_cache(maxsize=1)
def gaussian_table() -> NDArray[np.float32]:
    """Quantiles T[i] / 4096 with T[i] = round(4096 Phi^-1((i + 1/2) / 65536)), float32 (65536,), read-only.

    T ships as little-endian int16 rather than being computed: its last digit decides whether a file decodes.

    Raises:
        FreeGvcError: the shipped table is damaged.
    """
    data = files("codec.channel").joinpath("gaussian_table.bin").read_bytes()
    if hashlib.sha256(data).hexdigest() != TABLE_SHA256:
        raise FreeGvcError(
            "The table of shared noise in codec/channel/gaussian_table.bin is damaged; reinstall Free-GVC."
        )
    table = np.frombuffer(data, "<i2").astype(np.float32) / np.float32(TABLE_SCALE)
    table.flags.writeable = False
    return table


def normals_at(indices: NDArray[np.uint16]) -> NDArray[np.float32]:
    """The table's values at `indices`, of the same shape."""
    # "clip" spares the bounds check; 16 bits can't leave the table.
    return gaussian_table().take(indices, mode="clip")


class NoiseStream:
    """One purpose's endless stream of one step, readable from any position.

    Not for several threads at once: moving one generator is five times faster than making a new one.
    """

    def __init__(self, key: StepKey, purpose: Purpose) -> None:
        start = key.step << 3 * WORD_BITS | purpose << 2 * WORD_BITS
        # numpy increments the counter before it generates.
        counter = (start - 1) % (1 << BLOCK_WORDS * WORD_BITS)
        self._generator = np.random.Philox(key=np.array([key.seed, key.gop], np.uint64), counter=counter)
        self._next_block = 0

    def words(self, block: int, blocks: int) -> NDArray[np.uint64]:
        """Raw little-endian words of `blocks` blocks from `block` on, (4*blocks,)."""
        self._generator.advance((block - self._next_block) % (1 << BLOCK_WORDS * WORD_BITS))
        self._next_block = block + blocks
        return self._generator.random_raw(BLOCK_WORDS * blocks).astype("<u8", copy=False)

    def indices(self, first: int, count: int) -> NDArray[np.uint16]:
        """Places in `gaussian_table` of values first .. first+count-1 of the stream's N(0, 1) sequence, (count,)."""
        block, skip = divmod(first, BLOCK_NORMALS)
        return self.words(block, _blocks(skip + count, BLOCK_NORMALS)).view("<u2")[skip : skip + count]

    def normals(self, first: int, count: int) -> NDArray[np.float32]:
        """Values first .. first+count-1 of the stream's N(0, 1) sequence, (count,)."""
        return normals_at(self.indices(first, count))

    def signs(self, first: int, count: int) -> NDArray[np.float32]:
        """Values first .. first+count-1 of the stream's Rademacher sequence, (count,) of +1 and -1."""
        block, skip = divmod(first, BLOCK_SIGNS)
        octets = self.words(block, _blocks(skip + count, BLOCK_SIGNS)).view(np.uint8)
        bits = np.unpackbits(octets, bitorder="little", count=skip + count)[skip:]
        return np.float32(1) - np.float32(2) * bits

    def uniforms(self, first: int, count: int) -> NDArray[np.float64]:
        """Values first .. first+count-1 of the stream's sequence in (0, 1), 53 bits each; for the encoder's choices."""
        block, skip = divmod(first, BLOCK_WORDS)
        words = self.words(block, _blocks(skip + count, BLOCK_WORDS))[skip : skip + count]
        return ((words >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53


def _blocks(values: int, per_block: int) -> int:
    return -(-values // per_block)


def permutation(key: StepKey, count: int) -> NDArray[np.int64]:
    """The step's shared permutation of `count` dimensions, k -> (a*k + c) mod count with gcd(a, count) = 1; (count,).

    The stream's first word gives c, the first later one that is coprime to `count` gives a.
    """
    words = [int(word) % count for word in NoiseStream(key, Purpose.PERMUTATION).words(0, 64)]
    # 255 draws all sharing a factor don't happen to counts below 2**32; 1 keeps the map a permutation even then.
    a = next((word for word in words[1:] if math.gcd(word, count) == 1), 1)
    return (a * np.arange(count, dtype=np.int64) + words[0]) % count


def initial_noise(seed: int, gop: int, count: int) -> NDArray[np.float32]:
    """z_T ~ N(0, I) of a GOP, float32 (count,): level 0 of the trajectory."""
    return NoiseStream(StepKey(seed, gop, 0), Purpose.INITIAL).normals(0, count)


def plain_noise(key: StepKey, count: int) -> NDArray[np.float32]:
    """N(0, I) of a step that receives no bits, float32 (count,)."""
    return NoiseStream(key, Purpose.PLAIN).normals(0, count)
