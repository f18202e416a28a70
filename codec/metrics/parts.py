"""Which part of a large picture is looked at, where all of it would cost too much: a network's time goes by pixels."""

from __future__ import annotations

from dataclasses import dataclass

from codec.arrays import Picture

# Shares of the room that a part can move in, by which each next one moves: Roberts' R2 sequence, which fills a square
# evenly however many there are (http://extremelearning.com.au/unreasonable-effectiveness-of-quasirandom-sequences).
_MOVES = 0.7548776662466927, 0.5698402909980532


@dataclass(frozen=True)
class Part:
    """A rectangle of a picture, in pixels."""

    left: int
    top: int
    width: int
    height: int

    @classmethod
    def number(cls, number: int, width: int, height: int, side: int) -> Part:
        """The part number 0, 1, 2, ... of a `width` x `height` picture, at most `side` pixels either way.

        Number 0 is its middle, the others lie evenly all over it.
        """
        wide, high = min(side, width), min(side, height)
        across, down = ((0.5 + number * move) % 1 for move in _MOVES)
        return cls(round(across * (width - wide)), round(down * (height - high)), wide, high)

    def of(self, picture: Picture) -> Picture:
        """That part of a picture (H, W, 3)."""
        return picture[self.top : self.top + self.height, self.left : self.left + self.width]
