"""Make the pairs on which the bundled metric is judged: clips it never trained on, at fixed strengths.

    python -m training.metric_heldout CLIPS HELDOUT [--models FOLDER] [--prior resources/pocket.safetensors]

Every clip becomes HELDOUT/NAME-SIDE.safetensors with reference, distorted and terms as `training.metric_data` writes
them, exact DISTS in float32; the metadata names each distortion. A finished file is never made again.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from codec.base_layer import encode_clip, upsample
from codec.metrics.base import to_unit_tensor
from codec.metrics.dists import DistsNetwork, load_dists_network, stage_terms
from codec.metrics.networks import default_folders
from codec.priors.base import BaseClip
from codec.priors.pocket import PocketPrior, load_pocket
from codec.video import VideoReader, probe
from training.metric_decodes import decode_prefixes
from training.metric_distortions import Picture, recode, to_bytes
from training.metric_teacher import CPU, write_pairs

FRAMES = 16
WANTED = (2, 8, 13)
SPOTS = ((240, 1 / 3), (144, 2 / 3))
"""Shorter side of the picture, and where in the clip it is taken from."""

Versions = Iterator[tuple[str, Picture]]


def read_spot(path: Path, side: int, place: float) -> Picture:
    """FRAMES frames (fewer of a shorter clip), even sides, the shorter `side` pixels: (T, H, W, 3)."""
    info = probe(path)
    scale = side / min(info.width, info.height)
    width, height = (round(length * scale / 2) * 2 for length in (info.width, info.height))
    start = place * float(info.duration or 0)
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


PER_FRAME: tuple[tuple[str, Callable[[Picture, float], Picture], tuple[float, ...]], ...] = (
    ("blur", blur, (0.7, 1.5, 3.0)),
    ("resample", resample, (1.5, 3.0, 5.0)),
    ("jpeg", jpeg, (60, 25, 8)),
)


def simple_versions(clip: Picture) -> Versions:
    """Blur, resampling, JPEG and noise, frame by frame."""
    for name, change, strengths in PER_FRAME:
        for strength in strengths:
            yield f"{name}:{strength:g}", np.stack([change(frame, strength) for frame in clip])
    rng = np.random.default_rng(1)
    for deviation in (4, 12, 35):
        grain = rng.standard_normal(clip.shape, np.float32)
        yield f"noise:{deviation}", to_bytes(clip + np.float32(deviation) * grain)


def codec_versions(clip: Picture) -> Versions:
    """x264, x265 and low-rate AV1 of the whole clip."""
    for crf in (28, 38, 48):
        yield f"x264:{crf}", recode(clip, "libx264", {"crf": str(crf), "threads": "1"})
    for crf in (28, 38, 48):
        parameters = "log-level=none:pools=none:frame-threads=1"
        yield f"x265:{crf}", recode(clip, "libx265", {"crf": str(crf), "x265-params": parameters})
    for crf, scale in ((35, 1), (50, 1), (63, 1), (45, 2), (60, 2)):
        _, base = encode_clip(clip, crf, scale, Fraction(25))
        yield f"av1/{scale}:{crf}", upsample(base, clip.shape[2], clip.shape[1])


def own_versions(clip: Picture, prior: PocketPrior, wanted: list[int]) -> Versions:
    """What this codec decodes: two bases, four depths each; only the frames `wanted`."""
    rng = np.random.default_rng(2)
    steps = (0, 8, 16, prior.schedule.steps)
    for crf, scale in ((55, 1), (50, 2)):
        _, base = encode_clip(clip, crf, scale, Fraction(25))
        decoded = decode_prefixes(prior, clip, BaseClip(base, crf, scale), steps, wanted, rng)
        for index, step in enumerate(steps):
            yield f"codec/{scale}:{step}", decoded[:, index]


def make(path: Path, target: Path, spot: tuple[int, float], teacher: DistsNetwork, prior: PocketPrior | None) -> None:
    """Write one clip's pairs at one size."""
    clip = read_spot(path, *spot)
    wanted = [index for index in WANTED if index < len(clip)] or [0]
    versions = [(kind, frames[wanted]) for kind, frames in (*simple_versions(clip), *codec_versions(clip))]
    if prior is not None:
        versions += list(own_versions(clip, prior, wanted))
    reference, distorted = clip[wanted], np.stack([frames for _, frames in versions], axis=1)
    terms = []
    with torch.inference_mode():
        for x, row in zip(reference, distorted, strict=True):
            known = teacher.features(to_unit_tensor(x[None], CPU))
            rows = [teacher.features(to_unit_tensor(y[None], CPU)) for y in row]
            terms.append(torch.cat([stage_terms(known, f, teacher.alpha, teacher.beta) for f in rows]))
    write_pairs(target, reference, distorted, torch.stack(terms), [kind for kind, _ in versions])


def main() -> None:
    """Make every clip's pairs that aren't there yet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("clips", type=Path)
    parser.add_argument("heldout", type=Path)
    parser.add_argument("--models", type=Path, action="append", help="folder with vgg16_features.safetensors")
    parser.add_argument("--prior", type=Path, help="weights of the pocket prior, to include the codec's own output")
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.heldout.mkdir(parents=True, exist_ok=True)
    teacher = load_dists_network(args.models or default_folders())
    prior = load_pocket(args.prior, CPU, "float32") if args.prior else None
    for path in sorted(args.clips.iterdir()):
        for spot in SPOTS:
            target = args.heldout / f"{path.stem}-{spot[0]}.safetensors"
            if not target.exists():
                make(path, target, spot, teacher, prior)
                print(target.name, flush=True)


if __name__ == "__main__":
    main()
