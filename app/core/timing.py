"""When frames are shown: evenly, or each at its own time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Timing:
    """Of a video's frames, in seconds after the first.

    Attributes:
        rate: frames a second, of those whose times aren't known.
        times: of the first frames; empty where all come evenly.
    """

    rate: Fraction
    times: Sequence[float] = ()

    def seconds(self, frame: int) -> float:
        """When a frame is shown."""
        if frame < len(self.times):
            return self.times[frame]
        beyond = frame - max(0, len(self.times) - 1)
        return (self.times[-1] if self.times else 0.0) + float(beyond / self.rate)

    def frame_at(self, seconds: float) -> int:
        """The frame that is on show then."""
        if self.times and seconds < self.times[-1]:
            return max(0, bisect_right(self.times, seconds) - 1)
        last = max(0, len(self.times) - 1)
        # A hair more, since seconds of a frame are rounded.
        return last + int((seconds - (self.times[-1] if self.times else 0.0)) * float(self.rate) + 1e-6)
