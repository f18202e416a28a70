"""Adaptive binary arithmetic coding: bits at what a mixture of learned predictions makes of them.

After lpaq (Mahoney 2007; the coder, `squash` and the mixer are its own in form), in integers throughout, so that both
sides predict the same on every machine. Some 200,000 bits a second: made for headers, not for pictures.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Protocol

ONE = 1 << 12
"""A probability of 1."""

_MASK = 2**32 - 1
_TOP = 24


class BitCoder(Protocol):
    """One side of the arithmetic coder."""

    def code(self, bit: int | None, likely: int) -> int:
        """Code a bit whose chance to be 1 is `likely` / 4096, 0 < likely < 4096.

        Args:
            bit: what is written; None where it is read.

        Returns:
            The bit.
        """
        ...


class BitWriter:
    """Writes bits; `finish` returns the bytes."""

    def __init__(self) -> None:
        self._low, self._high = 0, _MASK
        self._out = bytearray()

    def code(self, bit: int | None, likely: int) -> int:
        """See `BitCoder`."""
        if bit is None:
            raise ValueError("a writer must be told the bit")
        split = self._low + ((self._high - self._low) >> 12) * likely
        if bit:
            self._high = split
        else:
            self._low = split + 1
        while self._low >> _TOP == self._high >> _TOP:
            self._out.append(self._low >> _TOP)
            self._low = self._low << 8 & _MASK
            self._high = self._high << 8 & _MASK | 255
        return bit

    def finish(self) -> bytes:
        """All that was written, in the fewest bytes that tell it from anything else; a reader adds zeros."""
        for count in range(4):
            unit = 1 << 32 - 8 * count
            value = -(-self._low // unit) * unit
            if value <= self._high:
                return bytes(self._out) + value.to_bytes(5, "big")[1 : 1 + count]
        return bytes(self._out) + self._low.to_bytes(4, "big")


class BitReader:
    """Reads what a `BitWriter` wrote; beyond its end it reads zeros, for ever."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._low, self._high, self._value = 0, _MASK, 0
        for _ in range(4):
            self._value = self._value << 8 | self._next()

    def code(self, bit: int | None, likely: int) -> int:
        """See `BitCoder`."""
        del bit
        split = self._low + ((self._high - self._low) >> 12) * likely
        found = int(self._value <= split)
        if found:
            self._high = split
        else:
            self._low = split + 1
        while self._low >> _TOP == self._high >> _TOP:
            self._low = self._low << 8 & _MASK
            self._high = self._high << 8 & _MASK | 255
            self._value = self._value << 8 & _MASK | self._next()
        return found

    def _next(self) -> int:
        self._at += 1
        return self._data[self._at - 1] if self._at <= len(self._data) else 0


# 4096 / (1 + exp(-x / 256)) at x = -2048, -1920, ..., 2048; numbers between lie on straight lines.
_RISING = (1, 2, 3, 6, 10, 16, 27, 45, 73, 120, 194, 310, 488, 747, 1101, 1546)
_FALLING = (2047, 2549, 2994, 3348, 3607, 3785, 3901, 3975, 4024, 4050, 4068, 4079, 4085, 4089, 4092, 4093, 4094)
_SIGMOID = _RISING + _FALLING
_LIMIT = 2047


def squash(x: int) -> int:
    """The probability, of 4096, whose log odds are x / 256; 1 to 4095."""
    x = max(-_LIMIT, min(_LIMIT, x))
    place, share = (x >> 7) + 16, x & 127
    return (_SIGMOID[place] * (128 - share) + _SIGMOID[place + 1] * share + 64) >> 7


def _inverse() -> tuple[int, ...]:
    table, reached = [0] * ONE, 0
    for x in range(-_LIMIT, _LIMIT + 1):
        value = squash(x)
        for probability in range(reached, value + 1):
            table[probability] = x
        reached = max(reached, value + 1)
    table[reached:] = [_LIMIT] * (ONE - reached)
    return tuple(table)


_STRETCH = _inverse()
_START = 2**15, 0
_MOST_SEEN = 30
_FIRST_WEIGHT = 0.35
_RATE = 2


class BitModel:
    """Predicts each bit from several contexts and learns from what it turns out to be.

    Args:
        inputs: contexts that every bit has.
    """

    def __init__(self, inputs: int) -> None:
        self._tables: list[dict[Hashable, tuple[int, int]]] = [{} for _ in range(inputs)]
        self._weights: dict[Hashable, list[int]] = {}
        self._first = [int(_FIRST_WEIGHT * 2**16)] * inputs

    def code(self, coder: BitCoder, bit: int | None, contexts: Sequence[Hashable], group: Hashable) -> int:
        """Code one bit; see `BitCoder.code`.

        Args:
            contexts: one for each input; each learns how often a 1 comes with it.
            group: bits of a group learn together how far each input is to be trusted.
        """
        seen = [table.get(context, _START) for table, context in zip(self._tables, contexts, strict=True)]
        inputs = [_STRETCH[chance >> 4] if count else 0 for chance, count in seen]
        weights = self._weights.setdefault(group, list(self._first))
        likely = squash(sum(w * x for w, x in zip(weights, inputs, strict=True)) >> 16)
        found = coder.code(bit, likely)
        error = ((found << 12) - likely) * _RATE
        for index, value in enumerate(inputs):
            weights[index] += (value * error + 2**9) >> 10
        target = found * (2**16 - 1)
        for table, context, (chance, count) in zip(self._tables, contexts, seen, strict=True):
            moved = chance + (target - chance) * 2 // (2 * count + 3)
            table[context] = moved, min(count + 1, _MOST_SEEN)
        return found
