"""A clip whose sound tells its own time: a tick at every half second, each louder than the one before."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

FRAME_RATE, SOUND_RATE = 25, 48000
TICK = 480  # samples: 10 ms


def wave(seconds: float) -> NDArray[np.float32]:
    """Samples (n,) at SOUND_RATE; tick k, at k / 2 seconds, has the amplitude 0.2 + 0.1 k."""
    samples = np.zeros(round(seconds * SOUND_RATE), np.float32)
    tone = np.sin(2 * np.pi * 1000 * np.arange(TICK) / SOUND_RATE).astype(np.float32)
    for number in range(1, int(2 * seconds)):
        samples[number * SOUND_RATE // 2 :][:TICK] = (0.2 + 0.1 * number) * tone
    return samples


def ticking_clip(
    path: Path,
    seconds: float = 3.0,
    codec: str = "aac",
    delay: Fraction = Fraction(0),
    times: list[int] | None = None,
    sound_seconds: float | None = None,
) -> Path:
    """Writes grey frames that drift, and the ticks.

    Args:
        delay: seconds by which both begin after the file's own zero.
        sound_seconds: where the sound lasts longer than the pictures.
        times: of the frames, in milliseconds; default 25 a second.
    """
    count = round(seconds * FRAME_RATE)
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", FRAME_RATE, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = 48, 32, "yuv420p"
        video.codec_context.time_base = Fraction(1, 1000)
        sound = container.add_stream(codec, SOUND_RATE, layout="mono")
        for number in range(count):
            picture = np.full((32, 48, 3), 40 + number % 100, np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            at = 1000 * number // FRAME_RATE if times is None else times[number]
            frame.pts, frame.time_base = at + round(delay * 1000), Fraction(1, 1000)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        planes = {"aac": "fltp", "libopus": "flt"}[codec]
        samples = av.AudioFrame.from_ndarray(wave(sound_seconds or seconds)[None], format=planes, layout="mono")
        samples.sample_rate, samples.pts = SOUND_RATE, round(delay * SOUND_RATE)
        samples.time_base = Fraction(1, SOUND_RATE)
        container.mux(sound.encode(samples))
        container.mux(sound.encode(None))
    return path


def heard(samples: NDArray[np.float32], rate: int, above: float = 0.08) -> list[tuple[float, float]]:
    """(seconds, amplitude) of the ticks in samples (n,)."""
    loud = np.flatnonzero(np.abs(samples) > above)
    if not len(loud):
        return []
    groups = np.split(loud, np.flatnonzero(np.diff(loud) > rate // 10) + 1)
    return [(float(group[0]) / rate, float(np.abs(samples[group]).max())) for group in groups]
