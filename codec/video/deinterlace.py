"""Interlaced pictures made whole: FFmpeg's bwdif (Bob Weaver, libavfilter/vf_bwdif.c) for those that are interlaced."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain

from av.error import BlockingIOError, EOFError
from av.filter import Graph
from av.video.frame import VideoFrame

from codec.video.presentation import Timed

_Shape = tuple[int, int, str]


def deinterlaced(frames: Iterator[Timed[VideoFrame]]) -> Iterator[Timed[VideoFrame]]:
    """Each frame at its own time, its two fields joined by motion-adaptive interpolation; others as they are.

    The filter takes few pixel formats: nothing is converted for it before the first frame that needs it.
    """
    before: Timed[VideoFrame] | None = None
    for item in frames:
        if item.frame.interlaced_frame:
            # It looks at a frame's neighbours too.
            yield from _filtered(chain(() if before is None else (before,), (item,), frames))
            return
        if before is not None:
            yield before
        before = item
    if before is not None:
        yield before


def _filtered(frames: Iterable[Timed[VideoFrame]]) -> Iterator[Timed[VideoFrame]]:
    graph: Graph | None = None
    shape: _Shape | None = None
    waiting: deque[Timed[VideoFrame]] = deque()
    for item in frames:
        own = (item.frame.width, item.frame.height, item.frame.format.name)
        if graph is None or own != shape:
            if graph is not None:
                yield from _given(graph, None, waiting)
            graph, shape = _graph(item.frame), own
        waiting.append(item)
        yield from _given(graph, item.frame, waiting)
    if graph is not None:
        yield from _given(graph, None, waiting)


def _graph(frame: VideoFrame) -> Graph:
    graph = Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base or Fraction(1, 1000)
    )
    filtering = graph.add("bwdif", "mode=send_frame:parity=auto:deint=interlaced")
    sink = graph.add("buffersink")
    source.link_to(filtering)
    filtering.link_to(sink)
    graph.configure()
    return graph


def _given(graph: Graph, frame: VideoFrame | None, waiting: deque[Timed[VideoFrame]]) -> Iterator[Timed[VideoFrame]]:
    """What the filter gives out; it keeps the order, and holds one frame back."""
    graph.push(frame)
    while waiting:
        try:
            made = graph.pull()
        except (BlockingIOError, EOFError):
            return
        assert isinstance(made, VideoFrame)
        item = waiting.popleft()
        yield Timed(made, item.time, item.duration)
