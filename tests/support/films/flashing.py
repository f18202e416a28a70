"""Clips whose picture flashes when their sound beeps, so that any file of them tells whether both are in step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.packet import Packet
from av.video.frame import VideoFrame
from numpy.typing import NDArray

FLASHES = (0.32, 1.6)
SECONDS = 2.4
RATE = 48000
_WIDTH, _HEIGHT = 96, 64
_TONE = 1000
_MICROSECOND = Fraction(1, 1_000_000)
_FLASH = 0.05


@dataclass(frozen=True)
class Shown:
    """What a video holds, in seconds: when its frames are shown, which of them flash, when it beeps, how long it is."""

    times: list[float]
    flashes: list[float]
    beeps: list[float]
    duration: float


def frame_times(rate: Fraction = Fraction(25), seconds: float = SECONDS) -> list[Fraction]:
    return [Fraction(number) / rate for number in range(round(seconds * rate))]


def beeping(seconds: float = SECONDS, rate: int = RATE) -> NDArray[np.float32]:
    """Samples (n,): silence but for the beeps."""
    time = np.arange(round(seconds * rate)) / rate
    loud = np.zeros(len(time), bool)
    for begin in FLASHES:
        loud |= (time >= begin) & (time < begin + 0.04)
    return (0.5 * loud * np.sin(2 * np.pi * _TONE * time)).astype(np.float32)


def write_flashing(
    path: Path,
    *,
    times: Sequence[Fraction] | None = None,
    shown: Sequence[Fraction] | None = None,
    codec: str = "libx264",
    sound: str | None = "aac",
    sound_rate: int = RATE,
    layout: str = "mono",
    pieces: Sequence[tuple[Fraction, NDArray[np.float32]]] | None = None,
    muxer: str | None = None,
    options: dict[str, str] | None = None,
    coding: dict[str, str] | None = None,
    time_base: Fraction | None = None,
) -> Path:
    """Writes a clip.

    Args:
        times: of the frames, seconds; a frame flashes where its time does.
        shown: where the frames are to have other timestamps than that.
        pieces: (seconds, samples) of the sound where it isn't one piece from 0 on.
        options, coding: of muxer and encoder.
    """
    times = frame_times() if times is None else times
    pieces = [(Fraction(0), beeping(rate=sound_rate))] if pieces is None else pieces
    with av.open(str(path), "w", format=muxer, options=options or {}) as container:
        coding = {"preset": "fast", "g": "30"} if coding is None and codec == "libx264" else coding
        video = container.add_stream(codec, 25, options=coding or {})
        context = video.codec_context
        context.width, context.height = _WIDTH, _HEIGHT
        context.pix_fmt = {"mjpeg": "yuvj420p", "gif": "rgb8", "apng": "rgb24"}.get(codec, "yuv420p")
        context.time_base = time_base or (Fraction(1, 25) if codec in ("mpeg4", "mpeg2video") else Fraction(1, 90_000))
        audio = None
        if sound is not None:
            audio = container.add_stream(sound, sound_rate, layout=layout)
        packets = [*_video(video, times, shown or times), *(_sound(audio, pieces) if audio is not None else ())]
        for packet in sorted(packets, key=lambda packet: (packet.dts or 0) * packet.time_base):
            container.mux(packet)
    return path


def _video(stream: av.VideoStream, times: Sequence[Fraction], shown: Sequence[Fraction]) -> list[Packet]:
    made: list[Packet] = []
    base = stream.codec_context.time_base
    for time, stamp in zip(times, shown, strict=True):
        flashing = any(abs(float(time) - flash) < 0.02 for flash in FLASHES)
        picture = np.full((_HEIGHT, _WIDTH, 3), 235 if flashing else 16, np.uint8)
        frame = VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=stream.codec_context.pix_fmt)
        frame.pts, frame.time_base = round(stamp / base), base
        made += stream.encode(frame)
    return made + list(stream.encode(None))


def _sound(stream: av.AudioStream, pieces: Sequence[tuple[Fraction, NDArray[np.float32]]]) -> list[Packet]:
    made: list[Packet] = []
    rate, block = stream.codec_context.sample_rate, 960
    resampler = av.AudioResampler(stream.codec_context.format, stream.codec_context.layout, rate)
    for begin, samples in pieces:
        for at in range(0, len(samples), block):
            part = samples[at : at + block]
            frame = AudioFrame.from_ndarray(part[None], format="fltp", layout="mono")
            frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
            frame.pts = round(begin * rate) + at
            for fitting in resampler.resample(frame):
                made += stream.encode(fitting)
    return made + list(stream.encode(None))


def watch(path: Path) -> Shown:
    """What FFmpeg, and nothing of the program, finds in a file."""
    times, levels, end = [], [], 0.0
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        for frame in container.decode(stream):
            assert frame.time is not None
            times.append(frame.time)
            end = frame.time + float((frame.duration or 0) * frame.time_base)
            levels.append(float(frame.reformat(format="gray").to_ndarray().mean()))
        duration = stream.duration
        length = float(duration * stream.time_base) if duration else float(container.duration or 0) / 1e6
    first, middle = times[0], (min(levels) + max(levels)) / 2
    flashes = [time for time, level in zip(times, levels, strict=True) if level > middle]
    firsts = [time for index, time in enumerate(flashes) if index == 0 or time - flashes[index - 1] > 0.1]
    return Shown(
        times=[time - first for time in times],
        flashes=[time - first for time in firsts],
        beeps=[time - first for time in _beeps(path)],
        duration=max(length, end - first if length == 0 else 0.0),
    )


def _beeps(path: Path) -> list[float]:
    found: list[float] = []
    with av.open(str(path)) as container:
        if not container.streams.audio:
            return []
        resampler = av.AudioResampler("fltp", "mono", RATE)
        for frame in container.decode(container.streams.audio[0]):
            for part in resampler.resample(frame):
                loud = np.flatnonzero(np.abs(part.to_ndarray()[0]) > 0.12)
                found += [float(part.pts * part.time_base) + index / RATE for index in loud[:1]]
    return [time for index, time in enumerate(found) if index == 0 or time - found[index - 1] > 0.1]


def remuxed(source: Path, target: Path, change: Callable[[int, Packet], Packet | None]) -> Path:
    """The same packets, each as `change` (its number among its kind, packet) makes it, or left out."""
    with av.open(str(source)) as container, av.open(str(target), "w") as made:
        streams = {s.index: made.add_stream_from_template(s) for s in container.streams}
        numbers = dict.fromkeys(streams, 0)
        for packet in container.demux():
            if not packet.size:
                continue
            index = packet.stream.index
            changed = change(numbers[index], packet)
            numbers[index] += 1
            if changed is not None:
                changed.stream = streams[index]
                made.mux(changed)
    return target
