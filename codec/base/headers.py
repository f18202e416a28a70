"""Frame headers of the base layer, coded again by what frames at the same place of the pattern said before.

A frame header of SVT-AV1 takes 15 bytes, and hardly says anything new: the frame's number, which of the decoder's eight
slots it overwrites, which seven it predicts from, a quantiser that belongs to the frame's depth in the pyramid. The
model knows where these lie in the header (AV1 specification 5.9.2, as SVT-AV1 fills it in), follows the slots, and
guesses. A header that is laid out otherwise makes it guess badly, which costs bits and nothing else.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from codec.base.arithmetic import BitCoder, BitModel

FRAME, FRAME_HEADER = 6, 3
"""OBU types: a frame with its header, and a header alone, which repeats a hidden frame."""

_INPUTS = 5
_HINTS = 128
_SLOTS = 8
_PERIOD = 16
_PAST, _REFERENCES = 4, 7
_LONGEST_NUMBER = 24
# Fields of a frame's header in order, with their bits; a hidden frame has one flag more. What follows is "rest".
_FIELDS: tuple[tuple[str, int], ...] = (
    *(("flags", 8), ("hint", 7), ("primary", 3), ("refresh", 8), ("short", 1)),
    *((f"reference {number}", 3) for number in range(_REFERENCES)),
)
_DESCRIBED = sum(bits for _, bits in _FIELDS)
_ENDS = dict(zip((name for name, _ in _FIELDS), accumulate(bits for _, bits in _FIELDS), strict=True))
_BITS = dict(_FIELDS)

Guesses = tuple[int, ...] | None


@dataclass(frozen=True)
class Place:
    """Where an OBU stands in its segment.

    Attributes:
        kind: its type.
        last: it is its unit's last, the one that is displayed.
        hint: the frame's number in the segment, as far as the pattern tells, modulo 128.
    """

    kind: int
    last: bool
    hint: int

    @property
    def group(self) -> tuple[int, bool]:
        """OBUs whose headers are laid out alike."""
        return self.kind, self.last

    @property
    def layer(self) -> int:
        """How often 2 divides the frame's number: its place in the pyramid of pictures."""
        return _HINTS if self.hint == 0 else (self.hint & -self.hint).bit_length() - 1


class HeaderModel:
    """Codes the beginnings of a segment's OBUs, in order, and learns from each."""

    def __init__(self) -> None:
        self._model = BitModel(_INPUTS)
        self._said: dict[Hashable, list[int]] = {}
        self._slots = [0] * _SLOTS
        self._distances: dict[Hashable, int | None] = {}

    def number(self, coder: BitCoder, value: int | None, near: Hashable, far: Hashable) -> int:
        """Code a number >= 0 as its length in bits and then its bits; None reads it.

        Args:
            near, far: a narrow and a wide class of numbers like it.

        Returns:
            The number, below 2**24.
        """
        wanted = None if value is None else value + 1
        length = 0
        while length < _LONGEST_NUMBER:
            more = None if wanted is None else int(wanted.bit_length() - 1 > length)
            if not self._bit(coder, more, ((near, length), (far, length)), "length"):
                break
            length += 1
        found = 1
        for shift in range(length - 1, -1, -1):
            known = None if wanted is None else wanted >> shift & 1
            # Only the first bits say something that is worth learning.
            top = found if length - shift < _PAST else -shift
            found = found << 1 | self._bit(coder, known, ((near, length, top), (far, length, top)), "bits")
        return found - 1

    def head(self, coder: BitCoder, value: int | None, near: Hashable, far: Hashable) -> int:
        """Code an OBU's first byte; None reads it. `near` and `far` as in `number`."""
        found = 1
        for shift in range(7, -1, -1):
            known = None if value is None else value >> shift & 1
            found = found << 1 | self._bit(coder, known, ((near, found), (far, found)), "head")
        return found - 256

    def beginning(self, coder: BitCoder, known: bytes | None, count: int, place: Place) -> bytes:
        """Code the first `count` bytes of an OBU's payload; None reads them."""
        wanted = None if known is None else [byte >> shift & 1 for byte in known for shift in range(7, -1, -1)]
        bits: list[int] = []
        for name, width in _layout(place, 8 * count):
            if name == "primary":
                place = replace(place, hint=_said_in(bits, "hint", place))
            self._field(coder, wanted, bits, min(width, 8 * count - len(bits)), name, place)
        self._learn(place, bits)
        return _number(bits).to_bytes(count, "big")

    def _field(
        self, coder: BitCoder, known: Sequence[int] | None, bits: list[int], width: int, name: str, place: Place
    ) -> None:
        guesses = self._guesses(name, place, bits)
        first = len(bits)
        missed = [False, False]
        for position in range(first, first + width):
            group: Hashable = (place.kind, name.split()[0], position // 8 if guesses is None else 0)
            if guesses is None:
                contexts = self._unguessed(bits, place)
            else:
                likely = [guess >> (first + width - 1 - position) & 1 for guess in guesses]
                contexts = self._guessed(name, place, position, likely, missed)
            bit = self._bit(coder, None if known is None else known[position], contexts, group)
            if guesses is not None:
                missed = [miss or bit != guess for miss, guess in zip(missed, likely, strict=True)]
            bits.append(bit)

    def _guessed(
        self, name: str, place: Place, position: int, likely: Sequence[int], missed: Sequence[bool]
    ) -> tuple[Hashable, ...]:
        (a, b), (not_a, not_b) = likely, missed
        periodic = self._said.get((place.group, place.hint % _PERIOD), [])
        return (
            (name, place.layer, a, b, not_a, not_b),
            (name, a, b, not_a, not_b),
            (name, place.layer, a, not_a),
            (name, place.layer, b, not_b),
            (place.group, position, _at(periodic, position)),
        )

    def _unguessed(self, bits: Sequence[int], place: Place) -> tuple[Hashable, ...]:
        position = len(bits)
        alike = self._said.get(place.group, [])
        layer = self._said.get((place.group, place.layer), [])
        periodic = self._said.get((place.group, place.hint % _PERIOD), [])
        differs = tuple(bits[i] != _at(layer, i) for i in range(max(0, position - 6), position))
        return (
            (place.group, position, _at(alike, position)),
            (position - (not place.last), _at(layer, position), differs),
            (place.group, position, _number(bits[position // 8 * 8 :])),
            (place.group, position, _at(layer, position), _at(periodic, position)),
            (position, _number(bits[-10:])),
        )

    def _guesses(self, name: str, place: Place, bits: Sequence[int]) -> Guesses:
        """Two guesses at a field's value, or None where nothing but earlier headers tells."""
        if name == "hint":
            return place.hint, place.hint
        if name == "shown":
            shown = 0x88 | (self._slot_of(place.hint) or 0) << 4
            return shown, shown
        if name == "refresh":
            distance = self._distances.get(("refresh", place.layer))
            slot = None if distance is None else self._slot_of(place.hint + distance)
            return (0, 0) if slot is None else (1 << slot, 1 << slot)
        if name.startswith("reference"):
            return self._reference(int(name[-1]), place, bits)
        return None

    def _reference(self, number: int, place: Place, bits: Sequence[int]) -> tuple[int, ...]:
        """The slot a frame predicts from: the nearest in its direction, and the one as far away as last time."""
        usual = _number(bits[-3 * (number if number <= _PAST else number - _PAST) :][:3]) if number else 0
        apart = [_apart(hint, place.hint) for hint in self._slots]
        past = sorted({d for d in apart if d < 0}, reverse=True) + [None] * _PAST
        future = sorted({d for d in apart if d > 0}) + [None] * _PAST
        by_rank = (past[:_PAST] + future)[number]
        by_habit = next((d for key in _habits(number, place) if (d := self._distances.get(key)) in apart), None)
        return tuple(usual if d is None else apart.index(d) for d in (by_rank, by_habit))

    def _slot_of(self, hint: int) -> int | None:
        wanted = hint % _HINTS
        return self._slots.index(wanted) if wanted in self._slots else None

    def _learn(self, place: Place, bits: list[int]) -> None:
        keys: Sequence[Hashable] = (place.group, (place.group, place.layer), (place.group, place.hint % _PERIOD))
        self._said.update((key, bits) for key in keys)
        if place.kind != FRAME or len(bits) - (not place.last) < _DESCRIBED:
            return
        if not any(bits[1:3]):
            # A keyframe, the segment's first; its header is another, and it overwrites all.
            self._slots = [0] * _SLOTS
            return
        for number in range(_REFERENCES):
            slot = _said_in(bits, f"reference {number}", place)
            for key in _habits(number, place):
                self._distances[key] = _apart(self._slots[slot], place.hint)
        refresh = _said_in(bits, "refresh", place)
        overwritten = [slot for slot in range(_SLOTS) if refresh >> slot & 1]
        self._distances["refresh", place.layer] = (
            _apart(self._slots[overwritten[0]], place.hint) if overwritten else None
        )
        for slot in overwritten:
            self._slots[slot] = place.hint

    def _bit(self, coder: BitCoder, bit: int | None, contexts: tuple[Hashable, ...], group: Hashable) -> int:
        padded = (*contexts, *(None for _ in range(_INPUTS - len(contexts))))
        return self._model.code(coder, bit, padded, group)


def _layout(place: Place, count: int) -> Iterator[tuple[str, int]]:
    if place.kind == FRAME and count > _DESCRIBED:
        yield from ((name, bits + (name == "flags" and not place.last)) for name, bits in _FIELDS)
    elif place.kind == FRAME_HEADER and count == 8:
        yield "shown", 8
        return
    yield "rest", count


def _said_in(bits: Sequence[int], name: str, place: Place) -> int:
    """What a frame's header says in one of its fields."""
    end = _ENDS[name] + (not place.last)
    return _number(bits[end - _BITS[name] : end])


def _habits(number: int, place: Place) -> Iterator[Hashable]:
    """What a frame's reference may have in common with that of an earlier one, most first."""
    layer = place.layer
    yield number, layer, place.hint >> (layer + 1) & 3
    yield number, layer, place.hint >> (layer + 1) & 1
    yield number, layer


def _apart(hint: int, other: int) -> int:
    """Frames from `other` to `hint`, -64 to 63."""
    return (hint - other + _HINTS // 2) % _HINTS - _HINTS // 2


def _at(bits: Sequence[int], position: int) -> int:
    return bits[position] if position < len(bits) else 2


def _number(bits: Sequence[int]) -> int:
    value = 0
    for bit in bits:
        value = value << 1 | bit
    return value
