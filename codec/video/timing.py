"""Whether a video's frames come at a constant rate, told from its packets without decoding them."""

from __future__ import annotations

from fractions import Fraction
from itertools import islice
from pathlib import Path

from av.error import FFmpegError

from codec.video.source import open_source, select_video

# Pictures are stored out of order by less than this many.
_REORDERED = 16
# Containers round times to their own clock, Matroska's to milliseconds.
_ROUNDING = Fraction(1, 900)


def is_constant_rate(path: Path, frame_rate: Fraction, looked_at: int | None = None) -> bool:
    """Whether frame n is shown n / frame_rate seconds after the first, up to the rounding of the file's clock.

    Args:
        looked_at: trust a file after so many packets; None reads them all.

    Raises:
        InputError: the file can't be opened.
    """
    with open_source(path) as container:
        stream = select_video(container, path)
        base = stream.time_base
        try:
            packets = islice(container.demux(stream), looked_at)
            times = sorted(packet.pts for packet in packets if packet.pts is not None)
        except FFmpegError:
            # A damaged tail: the reader decides what to make of it; explicit times are always right.
            return False
    if looked_at is not None and len(times) > looked_at - _REORDERED:
        # Frames that belong between the last ones may not have come yet.
        times = times[:-_REORDERED]
    if base is None or not times:
        return True
    tolerance = max(base, _ROUNDING)
    return all(abs((time - times[0]) * base - index / frame_rate) <= tolerance for index, time in enumerate(times))
