"""Circulant candidates: as good as independent draws, but an FFT scores all of them.

A direct draw of K candidates in D dimensions costs K*D normals (DiffC, Vonderfecht & Liu, ICLR 2025). Here the
candidates of a stage are the rotations of a few base vectors, candidate (base, shift)[n] = sign[n] * base[n + shift].
Each is exactly N(0, I), and one correlation gives the scores of all L rotations. The sign mask is essential: without
it the rotations of a smooth mu score alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from codec.channel.noise import NoiseStream, Purpose, StepKey, normals_at, permutation

# Normals drawn at a time: their FFTs then stay below 5 MB, in reach of a core's cache. One stage is never split, so it
# may exceed this.
BATCH_NORMALS = 1 << 18


@dataclass(frozen=True)
class ChunkLayout:
    """How `count` dimensions fall into `stages` of `labels` candidates each; all integers, so both sides agree.

    Needs 1 <= stages <= count. The first `full` stages hold `width` dimensions, the others one fewer.
    """

    count: int
    stages: int
    labels: int

    @property
    def width(self) -> int:
        """Dimensions of the widest stage."""
        return -(-self.count // self.stages)

    @property
    def full(self) -> int:
        """Stages that have `width` dimensions."""
        return self.count - self.stages * (self.width - 1)

    @property
    def length(self) -> int:
        """Length of a base vector; beyond `width` only the FFT sees it, so a fast length costs no efficiency."""
        return fast_length(self.width)

    @property
    def bases(self) -> int:
        """Base vectors per stage."""
        return -(-self.labels // self.length)

    def split(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """(count,) -> (stages, width), zeros where a stage is narrower."""
        rows = np.zeros((self.stages, self.width), np.float32)
        cut = self.full * self.width
        rows[: self.full] = values[:cut].reshape(self.full, self.width)
        rows[self.full :, : self.width - 1] = values[cut:].reshape(self.stages - self.full, self.width - 1)
        return rows

    def join(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """(stages, width) -> (count,), the inverse of `split`."""
        return np.concatenate((rows[: self.full].ravel(), rows[self.full :, : self.width - 1].ravel()))


@lru_cache(maxsize=256)
def fast_length(width: int) -> int:
    """The smallest 2^a 3^b 5^c >= width: lengths that FFTs like."""
    best = 1 << (width - 1).bit_length()
    five = 1
    while five < best:
        three = five
        while three < best:
            best = min(best, three << max(0, (-(-width // three) - 1).bit_length()))
            three *= 3
        five *= 5
    return best


class Candidates:
    """The shared candidates of one step."""

    def __init__(self, key: StepKey, layout: ChunkLayout) -> None:
        self.layout = layout
        self._bases = NoiseStream(key, Purpose.BASES)
        self._signs = NoiseStream(key, Purpose.SIGNS)
        self._order = permutation(key, layout.count)

    def split(self, mu: NDArray[np.float32]) -> NDArray[np.float32]:
        """mu (count,) in the latent's order -> (stages, width) in the step's shared order."""
        return self.layout.split(mu[self._order])

    def scores(self, rows: NDArray[np.float32]) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Inner products of the stages' candidates with `rows` (stages, width), batch after batch.

        Yields:
            The batch's first stage and the scores (stages of the batch, labels). Only the encoder sees these floats.
        """
        layout = self.layout
        step = max(1, BATCH_NORMALS // (layout.bases * layout.length))
        for first in range(0, layout.stages, step):
            yield first, self._score(first, rows[first : first + step])

    def _score(self, first: int, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        layout, stages = self.layout, len(rows)
        per_stage = layout.bases * layout.length
        drawn = self._bases.normals(first * per_stage, stages * per_stage)
        masked = rows * self._signs.signs(first * layout.width, rows.size).reshape(rows.shape)
        spectra = torch.fft.rfft(torch.from_numpy(drawn).view(stages, layout.bases, layout.length))
        spectra.mul_(torch.fft.rfft(torch.from_numpy(masked), n=layout.length).conj()[:, None])
        correlation = torch.fft.irfft(spectra, n=layout.length).view(stages, per_stage)
        scores: NDArray[np.float32] = correlation[:, : layout.labels].numpy()
        return scores

    def draw(self, labels: NDArray[np.int64], factors: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """The candidates that `labels` (stages,) name, float32 (count,) in the latent's order; O(count).

        `factors` (stages,) of +1 and -1 negate whole stages; None negates none.
        """
        layout = self.layout
        bases, shifts = np.divmod(labels, layout.length)
        firsts = (np.arange(layout.stages) * layout.bases + bases) * layout.length
        indices = np.empty((layout.stages, layout.width), np.uint16)
        for row, first, shift in zip(indices, firsts.tolist(), shifts.tolist(), strict=True):
            self._rotated(first, shift, row)
        rows = normals_at(indices)
        rows *= self._signs.signs(0, rows.size).reshape(rows.shape)
        if factors is not None:
            rows *= factors[:, None]
        z = np.empty(layout.count, np.float32)
        z[self._order] = layout.join(rows)
        return z

    def _rotated(self, first: int, shift: int, row: NDArray[np.uint16]) -> None:
        """Fill `row` with as many of the base that starts at `first` of the stream, read from `shift` on and around."""
        head = min(len(row), self.layout.length - shift)
        row[:head] = self._bases.indices(first + shift, head)
        if head < len(row):
            row[head:] = self._bases.indices(first, len(row) - head)
