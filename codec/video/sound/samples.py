"""Decoded sound as samples of one rate and layout on a clip's clock, whatever changes in mid-stream."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.error import FFmpegError

from codec.video.sound.alignment import Heard

_Form = tuple[str, str, int]


def resampled(frames: Iterable[AudioFrame], origin: Fraction, layout: str, rate: int) -> Iterator[Heard]:
    """Samples (n, channels) of `layout`, `rate` a second, their times counted from `origin`.

    Where the sound's own rate, layout or format changes, a new resampler goes on.
    """
    resampler, form = None, None
    for frame in frames:
        own = _form(frame)
        if resampler is None or own != form:
            if resampler is not None:
                yield from _heard(resampler, None, origin)
            resampler, form = AudioResampler("flt", layout, rate), own
        yield from _heard(resampler, frame, origin)
    if resampler is not None:
        yield from _heard(resampler, None, origin)


def decoded(decode: Callable[[], Iterable[AudioFrame]]) -> Sequence[AudioFrame]:
    """What one packet gives; nothing where it is bad."""
    try:
        return tuple(decode())
    except FFmpegError:
        return ()


def _form(frame: AudioFrame) -> _Form:
    return frame.format.name, frame.layout.name, frame.sample_rate


def _heard(resampler: AudioResampler, frame: AudioFrame | None, origin: Fraction) -> Iterator[Heard]:
    try:
        made = resampler.resample(frame)
    except (FFmpegError, ValueError):
        # A layout that nothing mixes down; the sound before and after it is kept.
        return
    for item in made:
        time = None if item.pts is None or item.time_base is None else item.pts * item.time_base - origin
        samples = np.asarray(item.to_ndarray(), np.float32).reshape(-1, len(item.layout.channels))
        yield Heard(time, samples)
