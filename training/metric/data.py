"""Make the bundled metric's training pairs: pictures, distortions of them, and what exact DISTS says of each.

    python -m training.pocket.prepare DATA WORK     (clips with low-rate AV1 versions, shared with the pocket prior)
    python -m training.metric.data WORK/items PAIRS [--models FOLDER] [--count 500]

Every item of the first command becomes one file PAIRS/NAME.safetensors with
    reference  uint8 (R, H, W, 3)
    distorted  uint8 (R, D, H, W, 3)
    terms      float32 (R, D, 6, 2): what texture and structure of each of DISTS's six stages add to the score
A finished file is never made again, so the script can be stopped, resumed and run while items are still being made.
"""

from __future__ import annotations

import argparse
import json
import zlib
from pathlib import Path

import cv2
import numpy as np
import torch

from codec.base.pictures import upsample
from codec.metrics.dists import DistsNetwork, load_dists_network
from codec.metrics.trunks import default_folders
from codec.priors.base import BaseClip, Condition, VideoPrior
from codec.priors.catalog import open_prior
from training.metric.decodes import random_decodes
from training.metric.distortions import Moment, Picture, Rng, draw
from training.metric.teacher import label, write_pairs

FRAMES, REFERENCES, DISTORTIONS = 8, 2, 6
HEIGHTS, WIDTHS = (96, 160), (112, 208)
SHRUNK, LARGEST_FACTOR, SMALLEST_SIDE = 0.75, 2.2, 96
"""How often an item is scaled down, how far at most, and to no less than what. Items that a moving window cut out of a
photo are softer than a clip that was scaled down to coding size, and a metric that saw only them scores sharp
pictures 0.015 too low."""


def random_window(height: int, width: int, rng: Rng) -> tuple[slice, slice]:
    """The whole picture one time in six, else a part of it; places and sides are even for the video codecs."""
    if rng.random() < 1 / 6:
        return slice(0, height // 2 * 2), slice(0, width // 2 * 2)
    sides = []
    for length, (low, high) in ((height, HEIGHTS), (width, WIDTHS)):
        side = min(length, int(rng.integers(low, high + 1))) // 2 * 2
        first = int(rng.integers(length - side + 1)) // 2 * 2
        sides.append(slice(first, first + side))
    return sides[0], sides[1]


def random_size(height: int, width: int, rng: Rng) -> tuple[int, int]:
    """The size to shrink pictures to, often their own; even."""
    largest = min(LARGEST_FACTOR, height / SMALLEST_SIDE, width / SMALLEST_SIDE)
    factor = rng.uniform(1, largest) if rng.random() < SHRUNK and largest > 1 else 1.0
    return round(height / factor / 2) * 2, round(width / factor / 2) * 2


def shrink(frames: Picture, size: tuple[int, int]) -> Picture:
    """(T, H, W, 3) to (T, *size, 3), each new pixel the mean of those it covers."""
    if frames.shape[1:3] == size:
        return frames
    return np.stack([cv2.resize(frame, size[::-1], interpolation=cv2.INTER_AREA) for frame in frames]).astype(np.uint8)


def read_item(folder: Path, rng: Rng) -> tuple[Picture, list[BaseClip]]:
    """FRAMES frames from a random place, a part of each, (T, H, W, 3), and every AV1 version of it."""
    source: Picture = np.load(folder / "source.npy")
    first = int(rng.integers(max(1, len(source) - FRAMES + 1)))
    cut, full_size = slice(first, first + FRAMES), source.shape[1:3]
    size = random_size(*full_size, rng)
    window = random_window(*size, rng)
    bases = []
    for index, setting in enumerate(json.loads((folder / "item.json").read_text())["bases"]):
        full = shrink(upsample(np.load(folder / f"base{index}.npy")[cut], full_size[1], full_size[0]), size)
        bases.append(BaseClip(np.ascontiguousarray(full[:, *window]), setting["crf"], setting["scale"]))
    return np.ascontiguousarray(shrink(source[cut], size)[:, *window]), bases


def make_pairs(folder: Path, prior: VideoPrior[Condition], rng: Rng) -> tuple[Picture, Picture, list[str]]:
    """References (R, H, W, 3), distorted versions (R, D, H, W, 3) and the distortions' names, R * D of them."""
    frames, bases = read_item(folder, rng)
    wanted = sorted(int(index) for index in rng.choice(len(frames), size=REFERENCES, replace=False))
    decodes = random_decodes(prior, frames, bases, wanted, rng)
    distorted, names = [], []
    for index, decoded in zip(wanted, decodes, strict=True):
        moment = Moment(frames, index, tuple(base.frames[index] for base in bases), tuple(decoded))
        drawn = [draw(moment, rng) for _ in range(DISTORTIONS)]
        distorted.append(np.stack([picture for _, picture in drawn]))
        names += [name for name, _ in drawn]
    return frames[wanted], np.stack(distorted), names


def make(folder: Path, target: Path, teacher: DistsNetwork, prior: VideoPrior[Condition]) -> None:
    """Write one item's pairs."""
    rng = np.random.default_rng(zlib.crc32(folder.name.encode()))
    references, distorted, names = make_pairs(folder, prior, rng)
    write_pairs(target, references, distorted, label(teacher, references, distorted), names)


def item_folders(items: Path) -> list[Path]:
    """All finished items in an order of which any first part is a fair mixture."""
    folders = [f for f in items.iterdir() if (f / "item.json").exists() and f.suffix != ".part"]
    return sorted(folders, key=lambda f: zlib.crc32(f.name.encode()))


def main() -> None:
    """Make the pairs of every item that has none yet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("items", type=Path)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--models", type=Path, action="append", help="folder with VGG16 in full precision")
    parser.add_argument("--count", type=int, default=500)
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.pairs.mkdir(parents=True, exist_ok=True)
    teacher, prior = load_dists_network(args.models or default_folders()), open_prior("pocket", "cpu", "float32")
    folders = item_folders(args.items)[: args.count]
    for number, folder in enumerate(folders):
        target = args.pairs / f"{folder.name}.safetensors"
        if not target.exists():
            make(folder, target, teacher, prior)
        if number % 50 == 0:
            print(f"{number} of {len(folders)}", flush=True)


if __name__ == "__main__":
    main()
