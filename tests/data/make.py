"""Made the clips beside this script: `python -m tests.data.make`. They are checked in; this says what is in them.

No camera saw any of it: clouds of noise with the spectrum of natural pictures, seen by a camera that pans and breathes,
with textured things that move before them. Everything here is public domain (CC0). Tests that need nothing of real
footage but that it looks like some use them, so that they run wherever the checkout is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.stream import Disposition
from numpy.typing import NDArray

HERE = Path(__file__).resolve().parent
NTSC = Fraction(30_000, 1001)
Picture = NDArray[np.uint8]
Plane = NDArray[np.float64]


def clouds(rng: np.random.Generator, height: int, width: int) -> Plane:
    """Noise (height, width, 3) around 0 whose amplitude falls with the frequency, as photographs' does."""
    y, x = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    falling = 1 / np.maximum(np.hypot(y, x), 1 / max(height, width)) ** 1.15
    spectrum = np.fft.rfft2(rng.standard_normal((3, height, width))) * falling
    planes = np.fft.irfft2(spectrum, (height, width))
    # Mostly grey, as the world is.
    mixed = 0.75 * planes.mean(0) + 0.25 * planes
    return np.moveaxis(mixed / mixed.std(), 0, -1)


@dataclass(frozen=True)
class Thing:
    """A textured disc that moves in a circle before the scenery; lengths are shares of the picture's height."""

    radius: float
    orbit: float
    turns: float
    texture: Plane


def scene(seed: int, width: int, height: int, count: int, seconds: float, grain: float = 1.5) -> Iterator[Picture]:
    """`count` frames uint8 (height, width, 3) of `seconds`."""
    rng = np.random.default_rng(seed)
    far = clouds(rng, 2 * height, 2 * width + 2 * height)
    things = [Thing(r, o, t, clouds(rng, height, height)) for r, o, t in ((0.28, 0.05, 0.5), (0.12, 0.33, 0.8))]
    rows, columns = np.mgrid[:height, :width]
    for number in range(count):
        now = number / count * seconds
        pan = 0.12 * now + 0.01 * np.sin(7 * now)
        light = 122 + 6 * np.sin(1.3 * now)
        picture = light + 34 * _seen(far, pan * height, 0.06 * height * np.sin(0.9 * now), height, width)
        for index, thing in enumerate(things):
            angle = 2 * np.pi * thing.turns * now / max(1.0, seconds) + 2 * index
            down = 0.5 * height + thing.orbit * height * np.sin(angle)
            right = 0.5 * width + 1.3 * thing.orbit * height * np.cos(angle)
            distance = np.hypot(rows - down, columns - right) / (thing.radius * height)
            cover = np.clip((1 - distance) * thing.radius * height, 0, 1)[..., None]
            shown = 150 - 50 * index + 30 * _seen(thing.texture, -right, -down, height, width)
            picture = (1 - cover) * picture + cover * shown
        picture = picture + grain * rng.standard_normal(picture.shape)
        yield picture.clip(0, 255).astype(np.uint8)


def _seen(texture: Plane, right: float, down: float, height: int, width: int) -> Plane:
    """The window (height, width, 3) of a texture that repeats, at an offset that need not be whole."""
    x, y = int(np.floor(right)), int(np.floor(down))
    part_x, part_y = right - x, down - y
    rows = np.arange(y, y + height + 1) % texture.shape[0]
    columns = np.arange(x, x + width + 1) % texture.shape[1]
    patch = texture[rows[:, None], columns[None]]
    across = (1 - part_x) * patch[:, :-1] + part_x * patch[:, 1:]
    seen: Plane = (1 - part_y) * across[:-1] + part_y * across[1:]
    return seen


def music(seconds: float, rate: int, channels: int) -> NDArray[np.float32]:
    """Three notes that swell, and some breath: (channels, n)."""
    time = np.arange(round(seconds * rate)) / rate
    rng = np.random.default_rng(5)
    notes = sum(np.sin(2 * np.pi * f * time) * (0.6 + 0.4 * np.sin(2 * time + f)) for f in (220, 277, 330))
    sides = [0.12 * notes + 0.01 * rng.standard_normal(len(time)) for _ in range(channels)]
    return np.stack(sides).astype(np.float32)


@dataclass(frozen=True)
class Sound:
    """An audio track; of several the player takes the one that is `default`."""

    rate: int
    channels: int
    default: bool = True


def write(
    name: str,
    pictures: list[Picture],
    rate: Fraction,
    *,
    sounds: tuple[Sound, ...] = (),
    times: list[int] | None = None,
    pixels: str = "yuv420p",
    tags: tuple[int, int, int, int] = (1, 1, 1, 1),
    crf: int = 24,
) -> None:
    """H.264 and AAC. `times` in milliseconds; `tags` are primaries, transfer, matrix and range."""
    with av.open(str(HERE / name), "w") as container:
        video = container.add_stream("libx264", rate, options={"crf": str(crf), "preset": "slow", "g": "48"})
        context = video.codec_context
        context.height, context.width = pictures[0].shape[:2]
        context.pix_fmt = pixels
        context.time_base = 1 / rate if times is None else Fraction(1, 1000)
        context.color_primaries, context.color_trc, context.colorspace, context.color_range = tags
        tracks = []
        for sound in sounds:
            track = container.add_stream("aac", sound.rate, layout="stereo" if sound.channels == 2 else "mono")
            track.codec_context.bit_rate = 32_000
            track.disposition = Disposition.default if sound.default else Disposition(0)
            tracks.append(track)
        for index, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=pixels, dst_colorspace=tags[2])
            frame.pts, frame.time_base = (index if times is None else times[index]), context.time_base
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        for sound, track in zip(sounds, tracks, strict=True):
            layout = "stereo" if sound.channels == 2 else "mono"
            samples = music(float(len(pictures) / rate), sound.rate, sound.channels)
            block = av.AudioFrame.from_ndarray(samples, format="fltp", layout=layout)
            block.sample_rate, block.pts, block.time_base = sound.rate, 0, Fraction(1, sound.rate)
            container.mux(track.encode(block))
            container.mux(track.encode(None))


def main() -> None:
    """Write all of them."""
    write("scene.mp4", list(scene(1, 194, 144, 120, 4)), NTSC)
    write("portrait.mp4", list(scene(2, 136, 240, 120, 4)), NTSC, sounds=(Sound(48_000, 2),), crf=27)
    tracks = (Sound(44_100, 1, default=False), Sound(8_000, 2))
    write("two_tracks.mp4", list(scene(3, 160, 90, 75, 3)), Fraction(25), sounds=tracks, crf=28)
    write("pq_10bit.mp4", list(scene(4, 240, 136, 5, 0.2)), Fraction(24), pixels="yuv420p10le", tags=(9, 16, 9, 1))
    rng = np.random.default_rng(6)
    times = np.cumsum([0, *rng.choice([33, 34, 67, 100], 83, p=[0.5, 0.2, 0.2, 0.1])]).tolist()
    write("variable.mkv", list(scene(5, 160, 90, 84, 4)), NTSC, times=times, crf=28)
    write("three_frames.mkv", list(scene(6, 160, 90, 3, 0.1)), Fraction(25))


if __name__ == "__main__":
    main()
