"""Sound kept in step with its timestamps: holes are filled, overlaps cut, drifting clocks followed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from codec.arrays import Samples

# Nobody notices lips that are 20 ms off; what is further off is put right at once, what is less by stretching.
_STEP = Fraction(15, 1000)
_DRIFT = Fraction(4, 1000)
# Inaudible: a twelfth of a semitone.
_MOST_STRETCH = Fraction(1, 200)
# Sound may outlast the pictures, but for nothing to be heard in between this is long.
_LONGEST_LEAP = 10
# One timestamp alone that is off by less is doubled or jitters; a hole moves all that follow too.
_OUTLIER = Fraction(1, 10)


@dataclass(frozen=True)
class Heard:
    """Consecutive samples and when the first of them sounds: seconds on the clip's clock, None where unknown."""

    time: Fraction | None
    samples: Samples = field(repr=False)


@dataclass(frozen=True)
class Piece:
    """Consecutive samples; `first` is the number of the first, below 0 before the clip's first frame."""

    first: int
    samples: Samples = field(repr=False)


def aligned(heard: Iterable[Heard], rate: int, pictures_end: Fraction | None = None) -> Iterator[Piece]:
    """Pieces in rising order that don't overlap, each within 20 ms of its time; between them nothing sounds.

    Args:
        rate: samples a second.
        pictures_end: seconds on the clip's clock. A leap beyond it is a clock's and no silence: the sound goes on.
    """
    position: int | None = None
    continued: int | None = None
    correction = 0
    furthest = None if pictures_end is None else round((pictures_end + _LONGEST_LEAP) * rate)
    for item, following in _with_next(heard):
        stamp = None if item.time is None else round(item.time * rate) + correction
        late = 0 if stamp is None else stamp - (position or 0)
        if furthest is not None and (position or 0) + late > furthest and late > _LONGEST_LEAP * rate:
            correction, late = correction - late, 0
        if position is None:
            position, late = late, 0
        samples, own = item.samples, position + late
        # By the timestamps alone, whatever became of the sound before.
        follows_on = continued is not None and abs(own - continued) <= _STEP * rate
        continued = own + len(samples)
        if abs(late) > _STEP * rate:
            if not follows_on and _is_outlier(late, following, position + len(samples), rate, correction):
                late = 0
            samples = samples[max(0, -late) :]
            position += max(0, late)
        elif abs(late) > _DRIFT * rate:
            samples = _stretched(samples, late)
        if len(samples):
            yield Piece(position, samples)
            position += len(samples)


def continuous(pieces: Iterable[Piece], limit: int | None) -> Iterator[Samples]:
    """Samples from number 0 on without holes, cut after `limit` of them."""
    position = 0
    for piece in pieces:
        samples = piece.samples[max(0, position - piece.first) :]
        begin = max(piece.first, position)
        if limit is not None:
            begin, samples = min(begin, limit), samples[: max(0, limit - begin)]
        yield from silence(begin - position, samples.shape[1])
        if len(samples):
            yield samples
            begin += len(samples)
        position = max(position, begin)
        if limit is not None and position >= limit:
            return


def silence(count: int, channels: int) -> Iterator[Samples]:
    """`count` samples (n, channels), in blocks of at most 2^16, for a hole may last an hour; none below 1."""
    for begin in range(0, count, 1 << 16):
        yield np.zeros((min(1 << 16, count - begin), channels), np.float32)


def _with_next(heard: Iterable[Heard]) -> Iterator[tuple[Heard, Heard | None]]:
    iterator = iter(heard)
    item = next(iterator, None)
    while item is not None:
        following = next(iterator, None)
        yield item, following
        item = following


def _is_outlier(late: int, following: Heard | None, expected: int, rate: int, correction: int) -> bool:
    """Whether the next timestamp lies again where it would without this one, which the one before doesn't lead to."""
    if following is None or following.time is None or abs(late) > _OUTLIER * rate:
        return False
    return abs(round(following.time * rate) + correction - expected) <= _STEP * rate


def _stretched(samples: Samples, late: int) -> Samples:
    """Samples made a little longer or shorter, towards where they should be."""
    count = len(samples)
    most = int(count * _MOST_STRETCH)
    made = count + max(-most, min(most, late))
    if made == count or count < 2:
        return samples
    at = np.linspace(0, count - 1, made)
    columns = [np.interp(at, np.arange(count), column) for column in samples.T]
    return np.stack(columns, axis=1).astype(np.float32)
