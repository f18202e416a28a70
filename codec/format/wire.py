"""The few ways in which the `.fgvc` format writes a number, a name or a run of bytes (docs/format.md, "Values").

Writing is a set of functions that return bytes; reading is a `Cursor` that never looks past its data.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from fractions import Fraction

from codec.errors import FormatError

MAX_VARINT = 2**64 - 1


def require(ok: bool, what: str) -> None:
    """Refuse a value that the format doesn't allow.

    Raises:
        FormatError: `what`, unless `ok`.
    """
    if not ok:
        raise FormatError(what)


def varint(value: int) -> bytes:
    """Unsigned LEB128, at most ten bytes, for 0 <= value < 2**64."""
    require(0 <= value <= MAX_VARINT, f"{value} does not fit in a variable-length integer")
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def signed(value: int) -> bytes:
    """Zigzag (0, -1, 1, -2, ...) as a varint, for -2**63 <= value < 2**63."""
    return varint(value * 2 if value >= 0 else -value * 2 - 1)


def blob(data: bytes) -> bytes:
    """A varint length, then that many bytes."""
    return varint(len(data)) + data


def text(value: str) -> bytes:
    """UTF-8 as a blob."""
    return blob(value.encode())


def half(value: float) -> bytes:
    """IEEE 754 binary16, little-endian: 11 significant bits hold a DISTS to 0.0001 and a PSNR to 0.03 dB."""
    return struct.pack("<e", value)


def as_half(value: float) -> float:
    """What `half` leaves of a value."""
    return float(struct.unpack("<e", half(value))[0])


def single(value: float) -> bytes:
    """IEEE 754 binary32, little-endian."""
    return struct.pack("<f", value)


def code(name: str, known: Sequence[str]) -> bytes:
    """A name as its place in a table."""
    return bytes([known.index(name)])


def ratio(value: Fraction) -> bytes:
    """Numerator and denominator, both positive, as varints."""
    return varint(value.numerator) + varint(value.denominator)


class Cursor:
    """Reads values off `data` in order.

    Every method raises FormatError where the data end too early or a value lies outside the limit it is given.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        """Bytes not read yet."""
        return len(self._data) - self._at

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        require(0 <= count <= self.left, f"{count} bytes are announced, {self.left} are left")
        self._at += count
        return self._data[self._at - count : self._at]

    def byte(self) -> int:
        """One unsigned byte."""
        return self.take(1)[0]

    def varint(self, limit: int = MAX_VARINT) -> int:
        """An unsigned LEB128 value <= limit, in its shortest form."""
        value = 0
        for shift in range(0, 70, 7):
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                require(byte > 0 or shift == 0, "a variable-length integer is longer than it needs to be")
                require(value <= limit, f"{value} is announced where {limit} is the most")
                return value
        raise FormatError("a variable-length integer does not end")

    def signed(self) -> int:
        """A zigzag varint."""
        value = self.varint()
        return value >> 1 if value & 1 == 0 else -(value >> 1) - 1

    def flags(self, known: int) -> int:
        """A byte without bits other than `known`."""
        flags = self.byte()
        require(flags & ~known == 0, f"unknown flags {flags:#04x}")
        return flags

    def name(self, known: Sequence[str], what: str) -> str:
        """A name from a table, by its place there."""
        code = self.byte()
        require(code < len(known), f"{what} {code} is unknown to this version of the program")
        return known[code]

    def ratio(self, limit: int) -> Fraction:
        """A ratio whose terms are at most `limit`."""
        numerator, denominator = self.varint(limit), self.varint(limit)
        require(numerator > 0 and denominator > 0, "a ratio isn't positive")
        return Fraction(numerator, denominator)

    def blob(self, limit: int) -> bytes:
        """A varint length <= limit, then that many bytes."""
        return self.take(self.varint(limit))

    def text(self, limit: int) -> str:
        """UTF-8 of at most `limit` bytes."""
        try:
            return self.blob(limit).decode()
        except UnicodeDecodeError as error:
            raise FormatError("a name is not valid UTF-8") from error

    def half(self) -> float:
        """A finite binary16."""
        return self._finite("<e", 2)

    def single(self) -> float:
        """A finite binary32."""
        return self._finite("<f", 4)

    def _finite(self, layout: str, size: int) -> float:
        value = float(struct.unpack(layout, self.take(size))[0])
        require(math.isfinite(value), "a number is infinite or not a number")
        return value

    def finish(self) -> None:
        """Refuse bytes left over."""
        require(self.left == 0, f"{self.left} bytes are left over")
