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


def coarsest(count: int, start: int) -> Generator[int, bool, int]:
    """Finds the smallest index in 0..count-1 that is accepted, the last one if none before it is.

    Yields an index and is sent whether it is accepted; whatever comes after an accepted index is taken for accepted
    too. Gallops from `start`, so that a segment like the one before it costs two questions, then bisects. No index is
    asked about twice.
    """
    low, high = -1, count - 1
    probe, stride = start, 1
    while high - low > 1:
        if not low < probe < high:
            probe = (low + high) // 2
        if (yield probe):
            high, probe = probe, probe - stride
        else:
            low, probe = probe, probe + stride
        stride *= 2
    return high
