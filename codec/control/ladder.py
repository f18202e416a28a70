"""Two searches along a ladder of base levels, by index alone: they know neither pictures nor codecs.

Each is a generator that yields the index it wants to know about and is sent the answer.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping

MOST_QUESTIONS = 5
# In steps of the ladder, quarters of a CRF: the curve bends where AV1's quantiser ends (CRF 63), so a line is not
# trusted further than this; and a finer answer than this is not worth another question.
LONGEST_STRIDE = 32
GOOD_ENOUGH = 2.0
# In doublings of the bits: 3 %.
SPARE = 0.04


def nearest(count: int, start: int, steepness: float) -> Generator[int, float, Mapping[int, float]]:
    """Looks in 0..count-1 for the index whose miss is nearest to 0, with few questions; returns all the answers.

    Yields an index and is sent its miss, which falls with the index and is positive where that is too coarse.

    Args:
        steepness: indices for a unit of the miss, about; later guesses follow what was seen.
    """
    tried = {start: (yield start)}
    while len(tried) < MOST_QUESTIONS and min(map(abs, tried.values())) * steepness > GOOD_ENOUGH:
        guess = guess_index(tried, steepness, count - 1)
        if guess in tried:
            break
        tried[guess] = yield guess
    return tried


def nearest_tried(tried: Mapping[int, float]) -> int:
    """The index with the miss nearest to 0; the coarser of two equals."""
    return min(tried, key=lambda index: (abs(tried[index]), index))


def guess_index(tried: Mapping[int, float], steepness: float, last: int) -> int:
    """Where a straight line through the two points nearest to 0 meets it, or from the one there is."""
    too_coarse = max((index for index, miss in tried.items() if miss > 0), default=None)
    fine_enough = min((index for index, miss in tried.items() if miss <= 0), default=None)
    if too_coarse is not None and fine_enough is not None:
        share = tried[too_coarse] / (tried[too_coarse] - tried[fine_enough])
        return round(too_coarse + share * (fine_enough - too_coarse))
    edge = too_coarse if too_coarse is not None else fine_enough
    assert edge is not None
    ends = sorted(tried)
    if len(ends) > 1 and tried[ends[0]] > tried[ends[-1]]:
        steepness = (ends[-1] - ends[0]) / (tried[ends[0]] - tried[ends[-1]])
    stride = min(LONGEST_STRIDE, max(1, round(abs(tried[edge]) * steepness)))
    return min(last, max(0, edge + stride if tried[edge] > 0 else edge - stride))


def finest(count: int, start: int, steps_per_doubling: float) -> Generator[int, float, int]:
    """Looks in 0..count-1 for the largest index that stays within a budget, with few questions; 0 if none does.

    Yields an index and is sent log2(its bits / the budget), which rises with the index. An index that leaves less than
    `SPARE` of the budget unused is content enough; no index is asked about twice.

    Args:
        steps_per_doubling: indices for twice the bits, about.
    """
    low, high, guess = -1, count, start
    while high - low > 1:
        over = yield guess
        low, high = (guess, high) if over <= 0 else (low, guess)
        if -SPARE <= over <= 0:
            break
        guess = min(high - 1, max(low + 1, guess - round(over * steps_per_doubling)))
    return max(low, 0)
