"""Samples lie within 20 ms of their timestamps to the end, whatever holes, overlaps and clocks there are."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from codec.video.sound.alignment import Heard, Piece, aligned, continuous

RATE = 8000
BLOCK = 160
TOLERANCE = Fraction(20, 1000)


def numbered(times: Sequence[Fraction | None], block: int = BLOCK) -> list[Heard]:
    """Blocks whose every sample is the number of its block, counted from 1."""
    return [Heard(time, np.full((block, 1), n, np.float32)) for n, time in enumerate(times, 1)]


def places(pieces: Sequence[Piece]) -> dict[int, int]:
    """Where the first sample of each block that is heard lies."""
    found: dict[int, int] = {}
    for piece in pieces:
        for offset in np.flatnonzero(np.diff(piece.samples[:, 0], prepend=-1)):
            found.setdefault(int(piece.samples[offset, 0]), piece.first + int(offset))
    return found


def in_step(times: Sequence[Fraction], pieces: Sequence[Piece]) -> None:
    assert pieces
    for number, first in places(pieces).items():
        # A block whose beginning was cut is heard later, by what was cut of it.
        assert abs(Fraction(first, RATE) - times[number - 1]) <= TOLERANCE + Fraction(BLOCK, RATE) * (
            Fraction(first, RATE) > times[number - 1]
        )
    for before, after in pairwise(pieces):
        assert before.first + len(before.samples) <= after.first


steps = st.lists(st.tuples(st.integers(1, 12), st.fractions(-Fraction(1, 2), 2)), min_size=1, max_size=8)


@given(steps)
# The last block of those that lie before the others' end only seems to be a lone one, as what follows leaps ahead.
@example([(1, Fraction(-327, 1502)), (5, Fraction(1, 9)), (1, Fraction(0))])
def test_holes_and_overlaps_are_followed(raw: list[tuple[int, Fraction]]) -> None:
    times, time = [], Fraction(0)
    for run, jump in raw:
        for _ in range(run + 2):
            times.append(time)
            time += Fraction(BLOCK, RATE)
        time += jump
    in_step(times, list(aligned(numbered(times), RATE)))


@given(st.fractions(-Fraction(1, 10), Fraction(1, 10)), st.integers(50, 400))
def test_a_clock_that_drifts_is_followed_to_the_end(drift: Fraction, count: int) -> None:
    times = [n * Fraction(BLOCK, RATE) * (1 + drift) for n in range(count)]
    in_step(times, list(aligned(numbered(times), RATE)))


@given(st.lists(st.integers(-4, 4), min_size=2, max_size=60))
def test_a_coarse_clock_tears_no_holes(jitter: list[int]) -> None:
    times = [n * Fraction(BLOCK, RATE) + Fraction(ms, 1000) for n, ms in enumerate(jitter)]
    pieces = list(aligned(numbered(times), RATE))
    total = pieces[-1].first + len(pieces[-1].samples) - pieces[0].first
    assert sum(len(piece.samples) for piece in pieces) == total
    assert abs(total - len(times) * BLOCK) <= 0.01 * RATE


def test_one_doubled_timestamp_is_no_hole() -> None:
    times = [n * Fraction(BLOCK, RATE) for n in range(20)]
    doubled = [times[9] if n == 10 else time for n, time in enumerate(times)]
    pieces = list(aligned(numbered(doubled), RATE))
    assert sum(len(piece.samples) for piece in pieces) == 20 * BLOCK


@given(st.lists(st.none() | st.fractions(-5, 50), max_size=40))
def test_no_timestamps_make_pieces_overlap(times: list[Fraction | None]) -> None:
    pieces = list(aligned(numbered(times), RATE, Fraction(30)))
    for before, after in pairwise(pieces):
        assert before.first + len(before.samples) <= after.first


@pytest.mark.parametrize("hour", [3600, 100_000])
def test_silence_never_leads_far_beyond_the_pictures(hour: int) -> None:
    times = [Fraction(0), Fraction(BLOCK, RATE), Fraction(hour), Fraction(hour) + Fraction(BLOCK, RATE)]
    pieces = list(aligned(numbered(times), RATE, Fraction(2)))
    assert pieces[-1].first + len(pieces[-1].samples) == 4 * BLOCK
    # Where the pictures last as long, it is the silence of a long pause.
    assert list(aligned(numbered(times), RATE, Fraction(hour)))[-1].first > hour * RATE


@given(st.lists(st.tuples(st.integers(-50, 200), st.integers(1, 100)), max_size=8), st.none() | st.integers(0, 600))
def test_samples_from_zero_on_have_no_holes(raw: list[tuple[int, int]], limit: int | None) -> None:
    pieces, at = [], -60
    for gap, length in raw:
        at += max(0, gap)
        pieces.append(Piece(at, np.full((length, 2), 1, np.float32)))
        at += length
    made = list(continuous(pieces, limit))
    count = sum(len(part) for part in made)
    assert count == min(max(0, at), limit if limit is not None else at + 60) if raw else count == 0
