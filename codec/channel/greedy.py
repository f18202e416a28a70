"""The greedy coder: per chunk the best of 2^16 candidates, named in 16 raw bits. The simplest reference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codec.channel.base import CodedSample, dither, kl_bits, shift_of
from codec.channel.candidates import Candidates, ChunkLayout
from codec.channel.noise import StepKey, plain_noise
from codec.format.wire import require

LABELS = 1 << 15
CHUNK_BYTES = 2
# E[max |score|] of 2^15 candidates for a unit mu, and the KL that such a shift stands for.
CHUNK_SHIFT = 4.297
CHUNK_KL = kl_bits(CHUNK_SHIFT)


@dataclass(frozen=True)
class GreedyCoder:
    """Payload: per chunk a big-endian u16, the candidate's label above a bit that says whether it is negated."""

    @property
    def name(self) -> str:
        """See `ChannelCoder.name`."""
        return "greedy"

    def encode(self, mu: NDArray[np.float32], key: StepKey) -> CodedSample:
        """See `ChannelCoder.encode`."""
        chunks = min(_chunks(kl_bits(shift_of(mu)), key), mu.size)
        payload = _search(Candidates(key, ChunkLayout(mu.size, chunks, LABELS)), mu) if chunks else b""
        return CodedSample(payload, self.decode(payload, mu.size, key))

    def decode(self, payload: bytes, count: int, key: StepKey) -> NDArray[np.float32]:
        """See `ChannelCoder.decode`."""
        if not payload:
            return plain_noise(key, count)
        require(len(payload) % CHUNK_BYTES == 0, "a step ends inside a chunk")
        names = np.frombuffer(payload, ">u2").astype(np.int64)
        require(len(names) <= count, "a step has more chunks than its latent has dimensions")
        signs = (1 - 2 * (names & 1)).astype(np.float32)
        return Candidates(key, ChunkLayout(count, len(names), LABELS)).draw(names >> 1, signs)


def _chunks(kl: float, key: StepKey) -> int:
    """Chunks that deliver `kl` bits on average over the steps; none where even one would cost twice what it brings."""
    exact = kl / CHUNK_KL
    return int(exact >= 0.5) if exact < 1 else int(exact + dither(key))


def _search(candidates: Candidates, mu: NDArray[np.float32]) -> bytes:
    rows = candidates.split(mu)
    norms = np.sqrt((rows.astype(np.float64) ** 2).sum(axis=1))
    # The step should score <mu, mu> in all. Each chunk aims at what those after it can't be expected to bring, so
    # that all take their best, but for the last ones where that would overshoot.
    later = CHUNK_SHIFT * (norms.sum() - np.cumsum(norms))
    wanted = float((norms**2).sum())
    names = np.empty(len(rows), ">u2")
    for first, scores in candidates.scores(rows):
        for chunk, row in enumerate(scores, first):
            label = int(np.abs(np.abs(row) - (wanted - later[chunk])).argmin())
            names[chunk] = label << 1 | int(row[label] < 0)
            wanted -= abs(float(row[label]))
    return names.tobytes()
