"""How a video's frames are cut: segments at scene cuts, and within them overlapping groups of pictures (GOPs).

A segment starts afresh: its base layer begins with a keyframe and its first GOP knows no previous one. GOPs inside a
segment form a chain in which neighbours share `overlap` frames.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import groupby
from operator import itemgetter
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from codec.format.limits import MAX_SEGMENT_FRAMES
from codec.video.reader import Frame

T = TypeVar("T")


THUMBNAIL = (18, 32)
CUT_DIFFERENCE = 22.0
CUT_RATIO = 3.5
SHORTEST_SEGMENT = 8
MOTION_MEMORY = 0.8


@dataclass(frozen=True)
class Window(Generic[T]):
    """One GOP's items; the first `overlap` of them were also the previous window's last."""

    items: tuple[T, ...]
    overlap: int


def longest_segment(gop_frames: int, overlap: int) -> int:
    """Frames in the longest chain of whole GOPs that one base keyframe may serve; at least one GOP."""
    if gop_frames >= MAX_SEGMENT_FRAMES:
        return MAX_SEGMENT_FRAMES
    step = gop_frames - overlap
    return gop_frames + (MAX_SEGMENT_FRAMES - gop_frames) // step * step


def largest_gop(gop_frames: int, overlap: int) -> int:
    """Most frames that `windows` puts into a GOP of a segment."""
    return min(gop_frames + max(_tail(gop_frames, overlap) - 1, 0), longest_segment(gop_frames, overlap))


def _tail(length: int, overlap: int) -> int:
    return (length - overlap) // 4


def windows(items: Iterable[T], length: int, overlap: int) -> Iterator[Window[T]]:
    """Cut one segment into GOPs of `length` items that overlap by `overlap`.

    A tail with less than a quarter of a GOP's new items joins the GOP before it: a GOP's own cost (its record, its
    shared frames) would weigh more than the items.
    """
    tail = _tail(length, overlap)
    held: list[T] = []
    shared = 0
    for item in items:
        held.append(item)
        if len(held) == length + tail:
            yield Window(tuple(held[:length]), shared)
            held, shared = held[length - overlap :], overlap
    if len(held) > shared:
        yield Window(tuple(held), shared)


class SceneCuts:
    """Tells, frame by frame, where a new scene begins: a difference that is large, and large against recent motion."""

    def __init__(self) -> None:
        self._last: NDArray[np.float32] | None = None
        self._motion = 0.0

    def starts_scene(self, frame: NDArray[np.uint8]) -> bool:
        """Whether `frame`, uint8 (H, W, 3), begins another scene than the frame before it."""
        small = _thumbnail(frame)
        if self._last is None:
            self._last = small
            return False
        difference = float(np.abs(small - self._last).mean())
        self._last = small
        cut = difference > CUT_DIFFERENCE and difference > CUT_RATIO * self._motion
        # A cut counts as motion too: it fades before the shortest segment ends, but a flicker's many jumps add up.
        self._motion = MOTION_MEMORY * self._motion + (1 - MOTION_MEMORY) * difference
        return cut

    def forget_motion(self) -> None:
        """Begin a segment as one does who goes on from here, and has not seen what was before."""
        self._motion = 0.0


def _thumbnail(frame: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Mean of blocks, about THUMBNAIL in size: it ignores noise and small motion."""
    steps = [max(1, side // cells) for side, cells in zip(frame.shape, THUMBNAIL, strict=False)]
    cells = [side // step for side, step in zip(frame.shape, steps, strict=False)]
    cropped = frame[: cells[0] * steps[0], : cells[1] * steps[1]]
    blocks = cropped.reshape(cells[0], steps[0], cells[1], steps[1], 3)
    small: NDArray[np.float32] = blocks.mean((1, 3), dtype=np.float32)
    return small


@dataclass(frozen=True)
class Gop:
    """One GOP of the source.

    Attributes:
        index, start_frame: its number, and the source frame that it begins with.
        overlap: its first frames, which the GOP before it has too; 0 where a chain starts.
        pixels: uint8 (T, H, W, 3) RGB at coding size, the overlap included.
        times: seconds after the clip's start at which each of its own frames is shown.
    """

    index: int
    start_frame: int
    overlap: int
    pixels: NDArray[np.uint8] = field(repr=False)
    times: tuple[Fraction, ...] = field(repr=False)

    @property
    def own(self) -> int:
        """Frames that it adds to the video."""
        return len(self.times)


@dataclass(frozen=True)
class Span:
    """Where a GOP lies; see `Gop`."""

    index: int
    start_frame: int
    overlap: int
    times: tuple[Fraction, ...] = field(repr=False)


@dataclass(frozen=True)
class Segment:
    """Frames that one keyframe of the base serves: uint8 (N, H, W, 3), and the GOPs that they are cut into."""

    pixels: NDArray[np.uint8] = field(repr=False)
    gops: tuple[Gop, ...]

    @classmethod
    def of(cls, pixels: NDArray[np.uint8], spans: Sequence[Span]) -> Segment:
        """From all pixels, and where its GOPs lie in them."""
        first = spans[0].start_frame
        gops = []
        for span in spans:
            begin = span.start_frame - first
            part = pixels[begin : begin + span.overlap + len(span.times)]
            gops.append(Gop(span.index, span.start_frame, span.overlap, part, span.times))
        return cls(pixels, tuple(gops))

    def __reduce__(self) -> tuple[object, ...]:
        """To a worker pixels travel once: its GOPs' are parts of the segment's."""
        return Segment.of, (
            self.pixels,
            [Span(gop.index, gop.start_frame, gop.overlap, gop.times) for gop in self.gops],
        )

    @property
    def starts(self) -> tuple[int, ...]:
        """The frame of the segment with which each GOP's own part begins."""
        first = self.gops[0].start_frame
        return tuple(gop.start_frame + gop.overlap - first for gop in self.gops)


@dataclass(frozen=True)
class Cutter:
    """Cuts frames into segments and those into GOPs.

    Attributes:
        length, overlap: of GOPs, in frames.
    """

    length: int
    overlap: int

    def cut(self, frames: Iterable[Frame], next_gop: int = 0, first_frame: int = 0) -> Iterator[Segment]:
        """Segments in order, each held whole; the first frame is source frame `first_frame`, of GOP `next_gop`."""
        longest = longest_segment(self.length, self.overlap)
        for scene in segments(((frame, frame.pixels) for frame in frames), longest):
            segment = self._segment(list(scene), next_gop, first_frame)
            next_gop += len(segment.gops)
            first_frame += len(segment.pixels)
            yield segment

    def _segment(self, frames: Sequence[Frame], next_gop: int, first_frame: int) -> Segment:
        pixels = np.stack([frame.pixels for frame in frames])
        spans = []
        for number, window in enumerate(windows(range(len(frames)), self.length, self.overlap)):
            first, last = window.items[0], window.items[-1]
            times = tuple(frame.pts for frame in frames[first + window.overlap : last + 1])
            spans.append(Span(next_gop + number, first_frame + first, window.overlap, times))
        return Segment.of(pixels, spans)


def segments(frames: Iterable[tuple[T, NDArray[np.uint8]]], longest: int) -> Iterator[Iterator[T]]:
    """Split (item, picture) pairs into segments: at scene cuts, and before one grows beyond `longest`.

    Each segment must be used up before the next is asked for.
    """
    for _, group in groupby(_numbered(frames, longest), key=itemgetter(0)):
        yield (item for _, item in group)


def _numbered(frames: Iterable[tuple[T, NDArray[np.uint8]]], longest: int) -> Iterator[tuple[int, T]]:
    cuts, segment, length = SceneCuts(), 0, 0
    for item, picture in frames:
        cut = cuts.starts_scene(picture) and length >= SHORTEST_SEGMENT
        if cut or length == longest:
            segment, length = segment + 1, 0
            cuts.forget_motion()
        length += 1
        yield segment, item
