"""How many bits the sound gets: it follows the pictures', down to what speech needs."""

from __future__ import annotations

from fractions import Fraction

from codec.settings import Bitrate, EncodeSettings, Quality, Size

# Bits a second. Opus keeps speech clear from 12 kbit/s on in mono, and music fair at 48 in stereo.
LEAST, MOST = 12_000, 48_000
# Of a bitrate, beside it; and of a size, inside it.
BESIDE_VIDEO, OF_SIZE = 0.6, 0.3
# A quality says nothing of bits; these go with pictures from fine to coarse (DISTS below which each begins).
FOR_QUALITY = ((0.08, 48_000), (0.12, 24_000), (1.0, 16_000))


def opus_rate(settings: EncodeSettings, duration: Fraction) -> int:
    """Opus' bits a second: what the user asked for, or what fits the pictures' goal.

    Args:
        duration: of the video, seconds.
    """
    if settings.audio_bitrate is not None:
        return round(settings.audio_bitrate)
    goal = settings.goal
    if isinstance(goal, Bitrate):
        return _within(BESIDE_VIDEO * goal.bits_per_second)
    if isinstance(goal, Size):
        return _within(OF_SIZE * 8 * goal.bytes / float(duration))
    if isinstance(goal, Quality) and goal.metric == "dists":
        return next(rate for below, rate in FOR_QUALITY if goal.value < below)
    return FOR_QUALITY[-1][1]


def _within(rate: float) -> int:
    return round(min(max(rate, LEAST), MOST))
