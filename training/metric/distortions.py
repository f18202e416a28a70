"""What can happen to a picture between camera and screen: the distortions the bundled metric is trained on.

Each takes a `Moment` and a random generator and returns the distorted picture, uint8 (H, W, 3).
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import av
import cv2
import numpy as np
from av.video.codeccontext import VideoCodecContext
from numpy.typing import NDArray
from PIL import Image

Picture = NDArray[np.uint8]
Real = NDArray[np.float32]
Rng = np.random.Generator


@dataclass(frozen=True)
class Moment:
    """One frame of a clip and what surrounds it.

    Attributes:
        frames: the clip's frames around it, uint8 (T, H, W, 3).
        index: which of them it is.
        bases: the same frame decoded from low-rate AV1, at most a few versions, each (H, W, 3).
        decodes: the same frame as this codec decodes it, at most a few versions, each (H, W, 3).
    """

    frames: Picture
    index: int
    bases: tuple[Picture, ...]
    decodes: tuple[Picture, ...]

    @property
    def picture(self) -> Picture:
        """The undistorted frame."""
        picture: Picture = self.frames[self.index]
        return picture


Distortion = Callable[[Moment, Rng], Picture]
Filter = Callable[[Real, Rng], Real]


def to_bytes(x: Real) -> Picture:
    """Rounded and clipped to 0..255."""
    return np.rint(x).clip(0, 255).astype(np.uint8)


def log_uniform(rng: Rng, low: float, high: float) -> float:
    """Every octave between `low` and `high` is equally likely."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


# --- Filters of one picture ----------------------------------------------------------------------------------------


def gaussian_blur(x: Real, rng: Rng) -> Real:
    """Isotropic, or stretched along one axis."""
    sigma = log_uniform(rng, 0.35, 3.5)
    stretch = rng.choice((1.0, 1.0, 0.3, 3.0))
    return np.asarray(cv2.GaussianBlur(x, (0, 0), sigma, sigmaY=sigma * stretch), np.float32)


def motion_blur(x: Real, rng: Rng) -> Real:
    """Along a straight line of 3 to 15 pixels."""
    length, angle = int(rng.integers(3, 16)), rng.uniform(0, np.pi)
    kernel = np.zeros((length, length), np.float32)
    centre = (length - 1) / 2
    reach = np.array([np.cos(angle), np.sin(angle)]) * centre
    start, end = (tuple(round(v) for v in centre + sign * reach) for sign in (-1, 1))
    cv2.line(kernel, start, end, 1.0)
    return np.asarray(cv2.filter2D(x, -1, kernel / kernel.sum()), np.float32)


def noise(x: Real, rng: Rng) -> Real:
    """Gaussian: coloured or grey, fine or grainy, even or stronger in the light."""
    channels = int(rng.choice((1, 3)))
    grain = rng.standard_normal((*x.shape[:2], channels)).astype(np.float32)
    if rng.random() < 0.4:
        grain = np.asarray(cv2.GaussianBlur(grain, (0, 0), rng.uniform(0.5, 2.0)), np.float32).reshape(grain.shape)
        grain = grain / grain.std()
    strength = log_uniform(rng, 1.0, 45.0) * (np.sqrt(x / 255) if rng.random() < 0.3 else 1.0)
    return np.asarray(x + strength * grain, np.float32)


def impulses(x: Real, rng: Rng) -> Real:
    """Salt and pepper."""
    hit = rng.random(x.shape[:2]) < log_uniform(rng, 0.001, 0.1)
    return np.where(hit[..., None], rng.choice((0.0, 255.0), size=(*x.shape[:2], 1)), x).astype(np.float32)


DOWN = (cv2.INTER_AREA, cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_NEAREST)
UP = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4, cv2.INTER_NEAREST)


def resample(x: Real, rng: Rng) -> Real:
    """To a smaller size and back."""
    height, width = x.shape[:2]
    factor = log_uniform(rng, 1.15, 6.0)
    small = cv2.resize(x, (round(width / factor), round(height / factor)), interpolation=int(rng.choice(DOWN)))
    return np.asarray(cv2.resize(small, (width, height), interpolation=int(rng.choice(UP))), np.float32)


def smoothing(x: Real, rng: Rng) -> Real:
    """Edge-preserving denoising: median or bilateral."""
    if rng.random() < 0.5:
        return np.asarray(cv2.medianBlur(to_bytes(x), int(rng.choice((3, 5, 7)))), np.float32)
    return np.asarray(cv2.bilateralFilter(x, 7, log_uniform(rng, 10, 120), rng.uniform(1, 4)), np.float32)


def sharpening(x: Real, rng: Rng) -> Real:
    """Unsharp mask."""
    soft = cv2.GaussianBlur(x, (0, 0), rng.uniform(0.6, 2.5))
    return np.asarray(x + log_uniform(rng, 0.1, 2.5) * (x - soft), np.float32)


def tone(x: Real, rng: Rng) -> Real:
    """Brightness, contrast, gamma, saturation and a tint, each slight to strong."""
    scale = log_uniform(rng, 0.02, 0.4)
    gamma, contrast, saturation = np.exp(scale * rng.standard_normal(3))
    y = 255 * np.power(x.clip(0, 255) / 255, gamma)
    grey = y.mean(2, keepdims=True)
    y = grey + saturation * (y - grey)
    y = y.mean() + contrast * (y - y.mean())
    return np.asarray(y + 60 * scale * rng.standard_normal(3), np.float32)


def banding(x: Real, rng: Rng) -> Real:
    """Few levels per channel."""
    step = 255 / int(rng.integers(4, 33))
    return np.asarray(np.rint(x / step) * step, np.float32)


def blocking(x: Real, rng: Rng) -> Real:
    """Mixed with its own block means."""
    side = int(rng.choice((4, 8, 16)))
    height, width = x.shape[:2]
    means = cv2.resize(x, (-(-width // side), -(-height // side)), interpolation=cv2.INTER_AREA)
    blocks = cv2.resize(means, (width, height), interpolation=cv2.INTER_NEAREST)
    share = rng.uniform(0.1, 0.9)
    return np.asarray((1 - share) * x + share * blocks, np.float32)


def displacement(x: Real, rng: Rng) -> Real:
    """A slight shift, turn and zoom, as a decoder that keeps texture but not its place makes them."""
    height, width = x.shape[:2]
    matrix = cv2.getRotationMatrix2D(
        (width / 2, height / 2), 1.5 * rng.standard_normal(), 1 + 0.01 * rng.standard_normal()
    )
    matrix[:, 2] = matrix[:, 2] + log_uniform(rng, 0.2, 4.0) * rng.standard_normal(2)
    warped = cv2.warpAffine(x, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(warped, np.float32)


def texture_swap(x: Real, rng: Rng) -> Real:
    """Fine detail moved elsewhere: the right amount of texture in the wrong place."""
    coarse = np.asarray(cv2.GaussianBlur(x, (0, 0), log_uniform(rng, 0.7, 4.0)), np.float32)
    fine = np.roll(x - coarse, rng.integers(-24, 25, size=2), axis=(0, 1))
    return np.asarray(coarse + rng.uniform(0.3, 1.2) * fine, np.float32)


def jpeg(x: Real, rng: Rng) -> Real:
    """JPEG of quality 2 to 90, with or without chroma subsampling."""
    buffer = io.BytesIO()
    subsampling = int(rng.choice((0, 2)))
    Image.fromarray(to_bytes(x)).save(buffer, "JPEG", quality=round(log_uniform(rng, 2, 90)), subsampling=subsampling)
    return np.asarray(Image.open(buffer), np.float32)


FILTERS: tuple[Filter, ...] = (
    gaussian_blur, motion_blur, noise, impulses, resample, smoothing, sharpening,
    tone, banding, blocking, displacement, texture_swap, jpeg,
)  # fmt: skip


# --- Video codecs --------------------------------------------------------------------------------------------------


def recode(frames: Picture, codec: str, options: dict[str, str]) -> Picture:
    """Frames through an encoder of PyAV's and back, uint8 (T, H, W, 3); H and W even."""
    encoder = av.CodecContext.create(codec, "w")
    if not isinstance(encoder, VideoCodecContext):
        raise TypeError(f"{codec} is no video codec")
    encoder.height, encoder.width = frames.shape[1:3]
    encoder.pix_fmt, encoder.time_base, encoder.framerate = "yuv420p", Fraction(1, 25), Fraction(25)
    encoder.options = options
    pictures = [av.VideoFrame.from_ndarray(frame, format="rgb24") for frame in frames]
    packets = [packet for picture in [*pictures, None] for packet in encoder.encode(picture)]
    decoder = av.CodecContext.create(
        encoder.codec.name.removeprefix("lib").replace("x264", "h264").replace("x265", "hevc"), "r"
    )
    if not isinstance(decoder, VideoCodecContext):
        raise TypeError(f"{codec} has no video decoder")
    if encoder.extradata:
        decoder.extradata = encoder.extradata
    decoded = [f for packet in [*packets, None] for f in decoder.decode(packet)]
    return np.stack([f.to_ndarray(format="rgb24") for f in decoded])


def _around(moment: Moment, reach: int) -> tuple[Picture, int]:
    first = max(0, moment.index - reach)
    return moment.frames[first : moment.index + reach + 1], moment.index - first


def x264(moment: Moment, rng: Rng) -> Picture:
    """H.264 at CRF 22 to 50."""
    frames, index = _around(moment, 3)
    picture: Picture = recode(
        frames, "libx264", {"crf": str(rng.integers(22, 51)), "preset": "veryfast", "threads": "1"}
    )[index]
    return picture


def x265(moment: Moment, rng: Rng) -> Picture:
    """H.265 at CRF 24 to 51."""
    frames, index = _around(moment, 3)
    parameters = "log-level=none:pools=none:frame-threads=1"
    options = {"crf": str(rng.integers(24, 52)), "preset": "veryfast", "x265-params": parameters}
    picture: Picture = recode(frames, "libx265", options)[index]
    return picture


def neighbour(moment: Moment, rng: Rng) -> Picture:
    """A frame a little earlier or later: right texture, wrong time."""
    offset = int(rng.choice((-4, -3, -2, -1, 1, 2, 3, 4)))
    picture: Picture = moment.frames[int(np.clip(moment.index + offset, 0, len(moment.frames) - 1))]
    return picture


# --- Low-rate AV1 and what restores it -----------------------------------------------------------------------------


def _base(moment: Moment, rng: Rng) -> Real:
    return np.asarray(moment.bases[int(rng.integers(len(moment.bases)))], np.float32)


def av1(moment: Moment, rng: Rng) -> Picture:
    """The base layer as it is."""
    return to_bytes(_base(moment, rng))


def refined(moment: Moment, rng: Rng) -> Picture:
    """Part of the way from the base to the source, evenly, or coarse detail sooner than fine."""
    base, source = _base(moment, rng), moment.picture.astype(np.float32)
    residual = source - base
    if rng.random() < 0.5:
        residual = np.asarray(cv2.GaussianBlur(residual, (0, 0), log_uniform(rng, 0.5, 4.0)), np.float32)
    return to_bytes(base + rng.uniform(0.1, 1.0) * residual)


def restored(moment: Moment, rng: Rng) -> Picture:
    """The base sharpened, smoothed or grained: what a restoration network leaves."""
    x = _base(moment, rng)
    for index in rng.choice(3, size=int(rng.integers(1, 3)), replace=False):
        x = (sharpening, smoothing, noise)[int(index)](x, rng).clip(0, 255).astype(np.float32)
    share = rng.uniform(0.0, 0.5)
    return to_bytes((1 - share) * x + share * moment.picture)


def decoded(moment: Moment, rng: Rng) -> Picture:
    """The codec's own output."""
    return moment.decodes[int(rng.integers(len(moment.decodes)))]


# --- The mixture ---------------------------------------------------------------------------------------------------


def filtered(moment: Moment, rng: Rng) -> Picture:
    """One filter, or two in a row."""
    x = moment.picture.astype(np.float32)
    for index in rng.choice(len(FILTERS), size=int(rng.choice((1, 1, 2))), replace=False):
        x = FILTERS[int(index)](x, rng).clip(0, 255)
    return to_bytes(x)


MIXTURE: tuple[tuple[Distortion, float], ...] = (
    (decoded, 0.24), (av1, 0.14), (refined, 0.08), (restored, 0.08),
    (filtered, 0.29), (x264, 0.07), (x265, 0.07), (neighbour, 0.03),
)  # fmt: skip


def draw(moment: Moment, rng: Rng) -> tuple[str, Picture]:
    """A distortion from the mixture, by name, and its result."""
    weights = np.array([weight for _, weight in MIXTURE])
    distortion = MIXTURE[int(rng.choice(len(MIXTURE), p=weights / weights.sum()))][0]
    return distortion.__name__, distortion(moment, rng)
