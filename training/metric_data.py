"""Make the bundled metric's training pairs: pictures, distortions of them, and what exact DISTS says of each.

    python -m training.prepare DATA WORK          (clips with low-rate AV1 versions, shared with the pocket prior)
    python -m training.metric_data WORK/items PAIRS [--models FOLDER]

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

import numpy as np
import torch

from codec.base_layer import upsample
from codec.metrics.dists import DistsNetwork, load_dists_network
from codec.metrics.networks import default_folders
from training.metric_distortions import Moment, Picture, Rng, draw
from training.metric_teacher import label, write_pairs

REFERENCES, DISTORTIONS = 3, 4
NARROWEST, LOWEST = 128, 96


def random_window(height: int, width: int, rng: Rng) -> tuple[slice, slice]:
    """The whole picture one time in three, else a part of it; sides are even for the video codecs."""
    if rng.random() < 1 / 3:
        return slice(0, height // 2 * 2), slice(0, width // 2 * 2)
    h = int(rng.integers(min(LOWEST, height), height + 1)) // 2 * 2
    w = int(rng.integers(min(NARROWEST, width), width + 1)) // 2 * 2
    y, x = int(rng.integers(height - h + 1)), int(rng.integers(width - w + 1))
    return slice(y, y + h), slice(x, x + w)


def read_bases(folder: Path, height: int, width: int) -> list[Picture]:
    """Every AV1 version of an item at the source's size, uint8 (T, H, W, 3) each."""
    count = len(json.loads((folder / "item.json").read_text())["bases"])
    return [upsample(np.load(folder / f"base{index}.npy"), width, height) for index in range(count)]


def make_pairs(folder: Path, rng: Rng) -> tuple[Picture, Picture, list[str]]:
    """References (R, H, W, 3), distorted versions (R, D, H, W, 3) and the distortions' names, R * D of them."""
    source: Picture = np.load(folder / "source.npy")
    height, width = source.shape[1:3]
    rows, columns = random_window(height, width, rng)
    bases = [base[:, rows, columns] for base in read_bases(folder, height, width)]
    frames = np.ascontiguousarray(source[:, rows, columns])
    references, distorted, names = [], [], []
    for index in rng.choice(len(frames), size=REFERENCES, replace=False):
        moment = Moment(frames, int(index), tuple(base[index] for base in bases))
        drawn = [draw(moment, rng) for _ in range(DISTORTIONS)]
        references.append(moment.picture)
        distorted.append(np.stack([picture for _, picture in drawn]))
        names += [name for name, _ in drawn]
    return np.stack(references), np.stack(distorted), names


def make(folder: Path, target: Path, teacher: DistsNetwork) -> None:
    """Write one item's pairs."""
    rng = np.random.default_rng(zlib.crc32(folder.name.encode()))
    references, distorted, names = make_pairs(folder, rng)
    write_pairs(target, references, distorted, label(teacher, references, distorted), names)


def item_folders(items: Path) -> list[Path]:
    """All finished items in an order of which any first part is a fair mixture."""
    folders = [f for f in items.iterdir() if (f / "item.json").exists() and f.suffix != ".part"]
    return sorted(folders, key=lambda f: zlib.crc32(f.name.encode()))


def main() -> None:
    """Make every item's pairs that aren't there yet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("items", type=Path)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--models", type=Path, action="append", help="folder with vgg16_features.safetensors")
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.pairs.mkdir(parents=True, exist_ok=True)
    teacher = load_dists_network(args.models or default_folders())
    folders = item_folders(args.items)
    for number, folder in enumerate(folders):
        target = args.pairs / f"{folder.name}.safetensors"
        if not target.exists():
            make(folder, target, teacher)
        if number % 50 == 0:
            print(f"{number} of {len(folders)}", flush=True)


if __name__ == "__main__":
    main()
