"""Rate control by bits alone: hold a bitrate, or fill a file of a given size. No metric is measured."""

from __future__ import annotations

from collections.abc import Sequence

from codec.control.sent_steps.quality import Decision
from codec.errors import SettingsError


class FixedSearch:
    """A choice by bits alone: the longest prefix within an allowance; a GopSearch that measures nothing."""

    def __init__(self, bits: Sequence[int], allowance: float) -> None:
        self.allowance = allowance
        self.extend(bits)

    def extend(self, bits: Sequence[int]) -> None:
        """See GopSearch."""
        fitting = [step for step, count in enumerate(bits) if count <= self.allowance]
        step = max(fitting, default=0)
        self._deepest = len(bits) - 1
        self._decision = Decision(step, bits[step], None, False, bool(fitting), ())

    def wants_more(self, most_bits: float) -> bool:
        """See GopSearch. True while every prefix fits."""
        return self._decision.step == self._deepest and self._decision.reachable and self._decision.bits < most_bits

    def next_probe(self) -> None:
        """See GopSearch."""

    def observe(self, step: int, quality: float) -> None:
        """See GopSearch; what is measured for the user's information changes nothing here."""

    def decision(self) -> Decision:
        """See GopSearch."""
        return self._decision


class BitrateController:
    """Holds an average bitrate; a RateControl.

    A leaky bucket: bits that a GOP leaves over may be spent later, up to `window` seconds' worth; a debt is paid back
    in full.

    Args:
        bits_per_second: of the video, all but audio.
        frame_rate: frames a second.
        window: seconds.

    Raises:
        SettingsError: a value is not positive.
    """

    def __init__(self, bits_per_second: float, frame_rate: float, window: float = 4.0) -> None:
        if not min(bits_per_second, frame_rate, window) > 0:
            raise SettingsError("The bitrate must be above 0; give it in kilobits a second.")
        self._per_frame = bits_per_second / frame_rate
        self._bucket = bits_per_second * window
        self._saved = 0.0
        self._last: FixedSearch | None = None

    def begin(self, bits: Sequence[int], frames: int) -> FixedSearch:
        """See RateControl."""
        if self._last is not None:
            self._saved = min(self._last.allowance - self._last.decision().bits, self._bucket)
        self._last = FixedSearch(bits, self._saved + self._per_frame * frames)
        return self._last

    def new_scene(self) -> None:
        """See RateControl; a budget knows no scenes."""


class SizeController:
    """Spends a given number of bits evenly over a known number of frames; a RateControl.

    What a GOP leaves over goes to all that follow. No GOP gets more than its share unless its shortest prefix costs
    more, so the total holds as long as the shortest prefixes stay below the average.

    Args:
        total_bits: for all GOPs.
        total_frames: of the whole video.

    Raises:
        SettingsError: there are no bits or no frames.
    """

    def __init__(self, total_bits: float, total_frames: int) -> None:
        if not (total_bits > 0 and total_frames > 0):
            raise SettingsError("The size leaves no bits for the video; give a larger one.")
        self._bits = total_bits
        self._frames = total_frames
        self._last: FixedSearch | None = None

    def begin(self, bits: Sequence[int], frames: int) -> FixedSearch:
        """See RateControl."""
        if self._last is not None:
            self._bits -= self._last.decision().bits
        left = max(self._frames, frames)
        self._last = FixedSearch(bits, self._bits * frames / left)
        self._frames = left - frames
        return self._last

    def new_scene(self) -> None:
        """See RateControl; a budget knows no scenes."""
