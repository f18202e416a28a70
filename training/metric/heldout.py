"""Make the pairs on which the bundled metric is judged: clips it never trained on, at fixed strengths.

    python -m training.metric.heldout CLIPS HELDOUT [--models FOLDER]

Every clip becomes files HELDOUT/NAME-SIDE-NUMBER.safetensors with reference, distorted and terms as
`training.metric.data` writes them; the metadata names each distortion. A finished file is never made again.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from codec.base.av1 import encode_clip
from codec.base.pictures import upsample
from codec.metrics.dists import DistsNetwork, load_dists_network
from codec.metrics.trunks import default_folders
from codec.priors.base import BaseClip, Condition, VideoPrior
from codec.priors.catalog import open_prior
from codec.video import VideoReader, probe
from training.metric.distortions import Picture, recode, to_bytes
from training.metric.teacher import label, write_pairs

FRAMES, JUDGED = 8, 5
"""Frames of a clip that the video codecs see, and which of them is judged."""
PRESET = 4
"""SVT-AV1's, four times faster than the codec's own; the pictures look the same."""


@dataclass(frozen=True)
class Spot:
    """A picture to judge: its shorter side, where in the clip it is, and of how many versions one is judged."""

    side: int
    place: float
    every: int = 1


SPOTS = (Spot(144, 0.2), Spot(144, 0.7, 2), Spot(240, 0.4, 2), Spot(480, 0.5, 7))
Versions = Iterator[tuple[str, Callable[[], Picture]]]
"""Names of distortions and what makes the judged frame, (H, W, 3); only what is judged is made."""


def read_spot(path: Path, spot: Spot) -> Picture | None:
    """FRAMES frames (fewer of a shorter clip), even sides: (T, H, W, 3); None where that means enlarging them."""
    info = probe(path)
    scale = spot.side / min(info.width, info.height)
    if scale > 1:
        return None
    width, height = (round(length * scale / 2) * 2 for length in (info.width, info.height))
    start = spot.place * float(info.duration or 0)
    with VideoReader(path, size=(width, height), start=start if start > 1 else 0) as reader:
        return np.stack([frame.pixels for frame in islice(reader.frames(), FRAMES)])


def blur(frame: Picture, sigma: float) -> Picture:
    """Gaussian."""
    return np.asarray(cv2.GaussianBlur(frame, (0, 0), sigma), np.uint8)


def jpeg(frame: Picture, quality: float) -> Picture:
    """Through JPEG and back."""
    buffer = io.BytesIO()
    Image.fromarray(frame).save(buffer, "JPEG", quality=int(quality))
    return np.asarray(Image.open(buffer), np.uint8)


def resample(frame: Picture, factor: float) -> Picture:
    """Down by area averaging, up by cubic."""
    height, width = frame.shape[:2]
    small = cv2.resize(frame, (round(width / factor), round(height / factor)), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def grainy(frame: Picture, deviation: float) -> Picture:
    """With white noise."""
    return to_bytes(frame + np.float32(deviation) * np.random.default_rng(1).standard_normal(frame.shape, np.float32))


PER_FRAME: tuple[tuple[str, Callable[[Picture, float], Picture], tuple[float, ...]], ...] = (
    ("blur", blur, (0.7, 1.5, 3.0)),
    ("resample", resample, (1.5, 3.0, 5.0)),
    ("jpeg", jpeg, (60, 25, 8)),
    ("noise", grainy, (4, 12, 35)),
)


def simple_versions(frame: Picture) -> Versions:
    """Blur, resampling, JPEG and noise."""
    for name, change, strengths in PER_FRAME:
        for strength in strengths:
            yield f"{name}:{strength:g}", partial(change, frame, strength)


def recoded(clip: Picture, judged: int, codec: str, options: dict[str, str]) -> Picture:
    """The judged frame after x264 or x265."""
    picture: Picture = recode(clip, codec, options)[judged]
    return picture


def av1(clip: Picture, judged: int, crf: int, scale: int) -> Picture:
    """The judged frame after low-rate AV1."""
    _, base = encode_clip(clip, crf, scale, Fraction(25), PRESET)
    return upsample(base[judged][None], clip.shape[2], clip.shape[1])[0]


def codec_versions(clip: Picture, judged: int) -> Versions:
    """x264, x265 and low-rate AV1 of the whole clip."""
    for crf in (28, 38, 48):
        yield f"x264:{crf}", partial(recoded, clip, judged, "libx264", {"crf": str(crf), "threads": "1"})
    for crf in (28, 38, 48):
        options = {"crf": str(crf), "x265-params": "log-level=none:pools=none:frame-threads=1"}
        yield f"x265:{crf}", partial(recoded, clip, judged, "libx265", options)
    for crf, scale in ((35, 1), (50, 1), (63, 1), (45, 2), (60, 2)):
        yield f"av1/{scale}:{crf}", partial(av1, clip, judged, crf, scale)


def own(clip: Picture, judged: int, prior: VideoPrior[Condition], crf: int, step: int) -> Picture:
    """The judged frame as this codec decodes it: a base, restored up to a step."""
    _, pictures = encode_clip(clip, crf, 1, Fraction(25), PRESET)
    condition = prior.prepare(BaseClip(pictures, crf, 1), *clip.shape[:3])
    picture: Picture = prior.restore(condition, [judged], [step])[0][0]
    return picture


def own_versions(clip: Picture, judged: int, prior: VideoPrior[Condition]) -> Versions:
    """What this codec decodes: three bases, three steps each."""
    for crf in (54, 60, 66):
        for step in (4, 8, 12):
            yield f"codec/{crf}:{step}", partial(own, clip, judged, prior, crf, step)


def make(clip: Picture, target: Path, every: int, teacher: DistsNetwork, prior: VideoPrior[Condition]) -> None:
    """Write the pairs of one spot."""
    judged = min(JUDGED, len(clip) - 1)
    reference = clip[judged]
    versions = (*simple_versions(reference), *codec_versions(clip, judged), *own_versions(clip, judged, prior))
    kinds, makers = zip(*versions[::every], strict=True)
    distorted = np.stack([make_version() for make_version in makers])[None]
    write_pairs(target, reference[None], distorted, label(teacher, reference[None], distorted), kinds)


def main() -> None:
    """Make every clip's pairs that aren't there yet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("clips", type=Path)
    parser.add_argument("heldout", type=Path)
    parser.add_argument("--models", type=Path, action="append", help="folder with VGG16 in full precision")
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.heldout.mkdir(parents=True, exist_ok=True)
    teacher = load_dists_network(args.models or default_folders())
    prior = open_prior("pocket", "cpu", "float32")
    for number, spot in enumerate(SPOTS):
        for path in sorted(args.clips.iterdir()):
            target = args.heldout / f"{path.stem}-{spot.side}-{number}.safetensors"
            clip = None if target.exists() else read_spot(path, spot)
            if clip is not None:
                make(clip, target, spot.every, teacher, prior)
                print(target.name, flush=True)


if __name__ == "__main__":
    main()
