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
        end: of the last one that has a time of its own, which may be held; None where it takes as long as others.
    """

    rate: Fraction
    times: Sequence[float] = ()
    end: float | None = None

    def seconds(self, frame: int) -> float:
        """When a frame is shown."""
        if frame < len(self.times):
            return self.times[frame]
        known, end = self._known
        return end + float((frame - known) / self.rate)

    def frame_at(self, seconds: float) -> int:
        """The frame that is on show then."""
        known, end = self._known
        if self.times and seconds < end:
            return max(0, bisect_right(self.times, seconds) - 1)
        # A hair more, since seconds of a frame are rounded.
        return known + int((seconds - end) * float(self.rate) + 1e-6)

    @property
    def _known(self) -> tuple[int, float]:
        """How many frames have times of their own, and when the last of them ends."""
        if not self.times:
            return 0, 0.0
        return len(self.times), self.times[-1] + float(1 / self.rate) if self.end is None else self.end
