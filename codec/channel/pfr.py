"""The Poisson functional representation: the exact sampler of the paper and of DiffC (Vonderfecht & Liu, ICLR 2025).

Per chunk of at most 14 bits of KL, candidate k arrives at time tau_k of a Poisson process and the encoder sends the
index of argmin_k [log tau_k - <mu, z_k>] (Li & El Gamal, 2018, arXiv 1701.02827). Indices follow a Zipf law nearly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import constriction
import numpy as np
from numpy.typing import NDArray

from codec.channel.base import CodedSample, kl_bits, shift_of
from codec.channel.candidates import Candidates, ChunkLayout
from codec.channel.noise import NoiseStream, Purpose, StepKey, plain_noise
from codec.errors import FormatError
from codec.format.wire import Cursor, require, varint

CHUNK_KL = 14.0
OCTAVES = 16
# Octave b holds the indices 2^b - 1 .. 2^(b+1) - 2.
LABELS = (1 << OCTAVES) - 1
# Below this a step's header alone costs more than its KL.
NEGLIGIBLE_BITS = 8.0
# Zipf's laws to choose from, as the ratio of one octave's weight to the last; the best ones measured, for few chunks
# and for many. The truncation to 2^16 candidates makes all of them rise.
LAWS = (66, 69, 73, 88)
LAW_UNIT = 64
PROBABILITY_UNIT = 1 << 16
WORD_BYTES = 4


@dataclass(frozen=True)
class PfrCoder:
    """Payload: varint of 4 * chunks + law, the range coder's bytes."""

    @property
    def name(self) -> str:
        """See `ChannelCoder.name`."""
        return "pfr"

    def encode(self, mu: NDArray[np.float32], key: StepKey) -> CodedSample:
        """See `ChannelCoder.encode`."""
        kl = kl_bits(shift_of(mu))
        chunks = min(math.ceil(kl / CHUNK_KL), mu.size) if kl >= NEGLIGIBLE_BITS else 0
        payload = _pack(_search(key, ChunkLayout(mu.size, chunks, LABELS), mu)) if chunks else b""
        return CodedSample(payload, self.decode(payload, mu.size, key))

    def decode(self, payload: bytes, count: int, key: StepKey) -> NDArray[np.float32]:
        """See `ChannelCoder.decode`."""
        if not payload:
            return plain_noise(key, count)
        indices = _unpack(payload, count)
        return Candidates(key, ChunkLayout(count, len(indices), LABELS)).draw(indices)


def _search(key: StepKey, layout: ChunkLayout, mu: NDArray[np.float32]) -> NDArray[np.int64]:
    candidates, arrivals = Candidates(key, layout), NoiseStream(key, Purpose.POISSON)
    indices = np.empty(layout.stages, np.int64)
    for first, scores in candidates.scores(candidates.split(mu)):
        for chunk, row in enumerate(scores, first):
            tau = np.cumsum(-np.log(arrivals.uniforms(chunk * LABELS, LABELS)))
            indices[chunk] = (np.log(tau) - row).argmin()
    return indices


@lru_cache(maxsize=len(LAWS))
def _octaves(law: int) -> tuple[int, ...]:
    """Zipf's law per octave of the index: a geometric series of ratio LAWS[law] / 64, in units of 2^-16.

    Integers throughout, so that every machine reads the same model. P(index) ~ index^-s makes octave b weigh
    2^(b(1-s)); spreading it evenly inside the octave costs 0.03 bits a chunk.
    """
    weights = [LAWS[law] ** octave * LAW_UNIT ** (OCTAVES - octave) for octave in range(OCTAVES)]
    whole = sum(weights)
    shares = [1 + weight * (PROBABILITY_UNIT - OCTAVES) // whole for weight in weights]
    shares[shares.index(max(shares))] += PROBABILITY_UNIT - sum(shares)
    return tuple(shares)


def _model(law: int) -> constriction.stream.model.Categorical:
    """Multiples of 2^-16 that add up to one are exact, whatever the library does to normalise them."""
    return constriction.stream.model.Categorical(np.array(_octaves(law)) / PROBABILITY_UNIT, perfect=False)


def _best_law(octaves: NDArray[np.int32]) -> int:
    counts = np.bincount(octaves, minlength=OCTAVES)
    return int((-np.log2([_octaves(law) for law in range(len(LAWS))]) @ counts).argmin())


def _pack(indices: NDArray[np.int64]) -> bytes:
    octaves = np.frexp(indices + 1.0)[1].astype(np.int32) - 1
    law = _best_law(octaves)
    encoder = constriction.stream.queue.RangeEncoder()
    encoder.encode(octaves, _model(law))
    for octave, index in zip(octaves.tolist(), indices.tolist(), strict=True):
        if octave:
            encoder.encode(index + 1 - (1 << octave), constriction.stream.model.Uniform(1 << octave))
    coded = encoder.get_compressed().astype(">u4").tobytes()
    return varint(len(LAWS) * len(indices) + law) + _shortest(coded, len(indices), law)


def _shortest(coded: bytes, chunks: int, law: int) -> bytes:
    """The range coder ends on a whole word; fewer bytes, read as if zeros followed, often name the same indices."""
    wanted = _read(coded, chunks, law)
    for size in range(max(0, len(coded) - WORD_BYTES + 1), len(coded)):
        number = int.from_bytes(coded[:size], "big")
        for shorter in (number, number + 1):
            trial = shorter.to_bytes(size, "big") if shorter < 1 << 8 * size else coded
            if np.array_equal(_read(trial, chunks, law), wanted):
                return trial
    return coded


def _unpack(payload: bytes, count: int) -> NDArray[np.int64]:
    cursor = Cursor(payload)
    chunks, law = divmod(cursor.varint(), len(LAWS))
    # No law gives an index less than four bits, and at most a word of the range coder's end is left out.
    fits = 0 < chunks <= min(count, 2 * (cursor.left + WORD_BYTES))
    require(fits, "a step announces more chunks than its bytes or its latent can hold")
    return _read(cursor.take(cursor.left), chunks, law)


def _read(coded: bytes, chunks: int, law: int) -> NDArray[np.int64]:
    """Indices of `chunks` chunks.

    Raises:
        FormatError: the range coder can't have written these bytes.
    """
    padded = coded + bytes(-len(coded) % WORD_BYTES)
    decoder = constriction.stream.queue.RangeDecoder(np.frombuffer(padded, ">u4").astype(np.uint32))
    try:
        octaves = decoder.decode(_model(law), chunks).tolist()
        offsets = [decoder.decode(constriction.stream.model.Uniform(1 << b)) if b else 0 for b in octaves]
    except AssertionError as error:
        raise FormatError("a step's indices are damaged") from error
    return np.array([(1 << b) - 1 + offset for b, offset in zip(octaves, offsets, strict=True)], np.int64)
