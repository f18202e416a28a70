"""Decoded frames by their number, within a limit of memory."""

from __future__ import annotations

from codec.arrays import Picture

LIMIT = 2**30


class FrameStore:
    """Frames uint8 (H, W, 3); over the limit those farthest from the last one asked for go first."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._frames: dict[int, Picture] = {}
        self._bytes = 0
        self._focus = 0

    def __contains__(self, number: int) -> bool:
        return number in self._frames

    def __len__(self) -> int:
        return len(self._frames)

    def get(self, number: int) -> Picture | None:
        """The frame, or None where it isn't there; either way it is what people look at now."""
        self._focus = number
        return self._frames.get(number)

    def peek(self, number: int) -> Picture | None:
        """The frame, or None, for somebody who doesn't look at it."""
        return self._frames.get(number)

    def put(self, number: int, frame: Picture) -> None:
        """Keep a frame, in place of an older one of that number."""
        old = self._frames.get(number)
        self._bytes += frame.nbytes - (old.nbytes if old is not None else 0)
        self._frames[number] = frame
        while self._bytes > self._limit and len(self._frames) > 1:
            self._drop(max(self._frames, key=lambda kept: abs(kept - self._focus)))

    def ranges(self) -> list[tuple[int, int]]:
        """The numbers that are here as runs [first, end), in order."""
        runs: list[tuple[int, int]] = []
        for number in sorted(self._frames):
            if runs and runs[-1][1] == number:
                runs[-1] = (runs[-1][0], number + 1)
            else:
                runs.append((number, number + 1))
        return runs

    def clear(self) -> None:
        """Forget everything."""
        self._frames.clear()
        self._bytes = 0

    def room(self, frame_bytes: int) -> int:
        """How many frames of that size fit into the limit, at least one."""
        return max(1, self._limit // max(1, frame_bytes))

    def _drop(self, number: int) -> None:
        self._bytes -= self._frames.pop(number).nbytes
