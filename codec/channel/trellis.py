"""The trellis coder: a shift register over circulant labels, so that one code spans the whole step.

A block code of b bits loses about ln(b)/b of the KL limit, and no affordable search makes b large. Here each stage
shifts k bits into a register of v + k bits whose value names the stage's candidate. The encoder's Viterbi search finds
the bits with the highest total score over 2^v states; the decoder shifts bits in and draws one candidate a stage.
This is trellis source coding (Viterbi & Omura, 1974) with the label's score in place of its distortion.

The register runs around a circle: it starts with the payload's last bits. So no bits are spent on its start, and
every stage has all 2^k choices (tail biting).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from codec.channel.base import CodedSample, dither, kl_bits, shift_of
from codec.channel.candidates import Candidates, ChunkLayout
from codec.channel.noise import StepKey, plain_noise
from codec.format.wire import require

UNREACHABLE = np.float32(-1e30)
# Survivors merge within a few times the register's length; so many register lengths settle the circle.
WRAP = 6
# Below this KL a step spends more than it brings; what it leaves out, the next step's mu contains.
NEGLIGIBLE_BITS = 4.0
# So few bits are one label, found by trying all of them.
SINGLE_BYTES = 2
# Starts tried for a short circle, and what closing it costs (measured: 24 to 64 bits).
MAX_SEAMS = 16
SEAM_BITS = 1.3
# Of one step: 2^v bytes a stage. Far above any step of a video; the rest of such a step's KL passes to the next.
SURVIVOR_BYTES = 1 << 28


@dataclass(frozen=True)
class TrellisCoder:
    """k bits a stage, 2^v states; larger v + k comes nearer to the KL limit and takes longer.

    Payload: the bits b_0 b_1 ... of the stages, most significant first. Up to 16 bits are one label.

    Attributes:
        efficiency: delivered KL per bit, as measured; the encoder alone uses it, to choose a step's number of bits.
    """

    k: int
    v: int
    efficiency: float

    def __post_init__(self) -> None:
        if self.k not in (1, 2, 4) or not (self.k <= self.v and 12 <= self.k + self.v <= 20):
            raise ValueError("a trellis has k in (1, 2, 4), v >= k and 12 <= k + v <= 20")

    @property
    def name(self) -> str:
        """Names both numbers, since both shape the payload."""
        return f"trellis-{self.k}-{self.v}"

    def encode(self, mu: NDArray[np.float32], key: StepKey) -> CodedSample:
        """See `ChannelCoder.encode`."""
        shift = shift_of(mu)
        size = self._payload_size(shift, mu.size, key)
        payload = self._search(mu, shift, size, key) if size else b""
        return CodedSample(payload, self.decode(payload, mu.size, key))

    def decode(self, payload: bytes, count: int, key: StepKey) -> NDArray[np.float32]:
        """See `ChannelCoder.decode`."""
        if not payload:
            return plain_noise(key, count)
        require(8 * len(payload) <= self.k * count, "a step has more bits than its latent can hold")
        return Candidates(key, self._layout(len(payload), count)).draw(self._labels(payload))

    @staticmethod
    def _is_single(size: int) -> bool:
        return size <= SINGLE_BYTES

    def _layout(self, size: int, count: int) -> ChunkLayout:
        if self._is_single(size):
            return ChunkLayout(count, 1, 1 << 8 * size)
        return ChunkLayout(count, 8 * size // self.k, 1 << self.k + self.v)

    def _expected_shift(self, size: int) -> float:
        """The |mu| that `size` bytes deliver on average."""
        if self._is_single(size):
            return NormalDist().inv_cdf(1 - 0.5264 / (1 << 8 * size)) if size else 0.0
        return math.sqrt(2 * math.log(2) * (8 * size * self.efficiency - SEAM_BITS))

    def _payload_size(self, shift: float, count: int, key: StepKey) -> int:
        """Bytes whose shift is |mu| on average over the steps."""
        if kl_bits(shift) < NEGLIGIBLE_BITS:
            return 0
        size = int(kl_bits(shift) / (8 * self.efficiency))
        while self._expected_shift(size + 1) <= shift:
            size += 1
        low, high = self._expected_shift(size), self._expected_shift(size + 1)
        # The first byte comes without dithering, for `_search` hits a smaller shift exactly.
        size += size == 0 or (shift - low) / (high - low) > dither(key)
        return min(size, self.k * min(count, SURVIVOR_BYTES >> self.v) // 8)

    def _search(self, mu: NDArray[np.float32], shift: float, size: int, key: StepKey) -> bytes:
        candidates = Candidates(key, self._layout(size, mu.size))
        rows = candidates.split(mu)
        if self._is_single(size):
            (_, scores), *_ = candidates.scores(rows)
            return int(np.abs(scores[0] - shift**2).argmin()).to_bytes(size, "big")
        return _Viterbi(self.k, self.v, candidates.layout.stages).search(candidates, rows)

    def _labels(self, payload: bytes) -> NDArray[np.int64]:
        """(stages,) labels: each stage's register, its two low fields swapped (`_Viterbi`)."""
        if self._is_single(len(payload)):
            return np.array([int.from_bytes(payload, "big")], np.int64)
        k, v = self.k, self.v
        bits = np.unpackbits(np.frombuffer(payload, np.uint8)).reshape(-1, k).astype(np.int64)
        symbols = bits @ (1 << np.arange(k - 1, -1, -1))
        register = np.zeros_like(symbols)
        for age in range(-(-(v + k) // k)):
            register |= np.roll(symbols, age) << k * age
        oldest, middle, newest = register >> v & (1 << k) - 1, register >> k & (1 << v - k) - 1, symbols
        return oldest << v | newest << v - k | middle


class _Viterbi:
    """Finds the circular path of the highest total score.

    A register is (q, h, b): the k bits about to leave it, the v - k bits between, the k new bits. Before a stage the
    state is (q, h), after it (h, b). A stage's labels are numbered q, b, h, so that add-compare-select runs along h
    through contiguous memory. The winner's q rides in the low bits of its score, which makes one pass of `max` give
    both; scores lose k of their 24 bits, and they only choose.
    """

    def __init__(self, k: int, v: int, stages: int) -> None:
        self.k, self.v, self.stages = k, v, stages
        self.choices, self.states, self.middles = 1 << k, 1 << v, 1 << v - k
        self.wrap = min(stages, WRAP * -(-(v + k) // k))
        self._tags = np.arange(self.choices, dtype=np.int32)[:, None, None]
        self._total = np.empty((self.choices, self.choices, self.middles), np.float32)

    def search(self, candidates: Candidates, rows: NDArray[np.float32]) -> bytes:
        """The payload: every stage's new bits. `rows` (stages, width) is mu as `Candidates.split` gives it."""
        head = np.empty((self.wrap, self.choices * self.states), np.float32)
        metric = np.zeros(self.states, np.float32)
        survivors = np.empty((self.stages, self.states), np.uint8)
        for first, scores in candidates.scores(rows):
            metric = self._forward(metric, scores, survivors[first : first + len(scores)])
            if first < self.wrap:
                head[first : first + len(scores)] = scores[: self.wrap - first]
        return self._pack(self._close(metric, head, survivors))

    def _close(self, metric: NDArray[np.float32], head: NDArray[np.float32], survivors: NDArray[np.uint8]) -> list[int]:
        """Every stage's state after it, on a path that ends where it starts.

        Going around once more over the first stages tells where a path that never ends would cross the seam. In a
        long step all survivors cross it in one state; in a short one they don't, and the best of several is kept.
        """
        around = np.empty((self.wrap, self.states), np.uint8)
        ends = self._forward(metric, head, around)
        crossings = self._crossings(around)[np.argsort(-ends)].tolist()
        tries = MAX_SEAMS if self.wrap == self.stages else 1
        seams = list(dict.fromkeys(crossings))[:tries]
        return max((self._pinned(seam, head, survivors) for seam in seams), key=lambda scored: scored[0])[1]

    def _crossings(self, survivors: NDArray[np.uint8]) -> NDArray[np.int64]:
        """(states,) the state before the first stage of the path that ends in each state."""
        states = np.arange(self.states)
        for survivor in survivors[::-1]:
            states = survivor[states].astype(np.int64) * self.middles + (states >> self.k)
        return states

    def _pinned(self, seam: int, head: NDArray[np.float32], survivors: NDArray[np.uint8]) -> tuple[float, list[int]]:
        """The path through state `seam` before the first stage and after the last: the score of `head`, the states.

        The stages after `head` keep the survivors they have; only those of `head` are searched again.
        """
        tail = self._back(survivors[self.wrap :], seam)
        start = np.full(self.states, UNREACHABLE, np.float32)
        start[seam] = 0
        again = np.empty((self.wrap, self.states), np.uint8)
        score = float(self._forward(start, head, again)[tail[0]])
        return score, self._back(again, tail[0])[1:] + tail[1:]

    def _forward(
        self, metric: NDArray[np.float32], scores: NDArray[np.float32], survivors: NDArray[np.uint8]
    ) -> NDArray[np.float32]:
        """Add, compare, select through the stages of `scores`; fills `survivors` (stages, states) with their q."""
        tags, total, choices = self._tags, self._total, self.choices
        integers = total.view(np.int32)
        # Path metrics grow with |mu|^2; without this their low bits would stop counting.
        metric = metric - metric.max()
        for row, survivor in zip(scores, survivors, strict=True):
            np.add(row.reshape(total.shape), metric.reshape(choices, 1, self.middles), out=total)
            np.bitwise_and(integers, -choices, out=integers)
            np.bitwise_or(integers, tags, out=integers)
            metric = total.max(axis=0).T.ravel()
            np.bitwise_and(metric.view(np.int32), choices - 1, out=survivor, casting="unsafe")
        return metric

    def _back(self, survivors: NDArray[np.uint8], state: int) -> list[int]:
        """States before the first stage and after each, of the path that ends in `state`."""
        path = [state]
        for survivor in survivors[::-1]:
            state = int(survivor[state]) * self.middles + (state >> self.k)
            path.append(state)
        return path[::-1]

    def _pack(self, path: list[int]) -> bytes:
        symbols = (np.array(path) & self.choices - 1).astype(np.uint8)
        return np.packbits(np.unpackbits(symbols[:, None], axis=1)[:, 8 - self.k :]).tobytes()
