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
from numpy.typing import NDArray
from safetensors.torch import save_file

from codec.base_layer import upsample
from codec.metrics.base import to_unit_tensor
from codec.metrics.dists import DistsNetwork, load_dists_network, stage_terms
from codec.metrics.networks import default_folders
from training.metric_distortions import Moment, Picture, Rng, draw

REFERENCES, DISTORTIONS = 3, 4
NARROWEST, LOWEST = 128, 96
CPU = torch.device("cpu")


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
    rows, columns = random_window(*source.shape[1:3], rng)
    bases = [base[:, rows, columns] for base in read_bases(folder, *source.shape[1:3])]
    frames = np.ascontiguousarray(source[:, rows, columns])
    references, distorted, names = [], [], []
    for index in rng.choice(len(frames), size=REFERENCES, replace=False):
        moment = Moment(frames, int(index), tuple(base[index] for base in bases))
        drawn = [draw(moment, rng) for _ in range(DISTORTIONS)]
        references.append(moment.picture)
        distorted.append(np.stack([picture for _, picture in drawn]))
        names += [name for name, _ in drawn]
    return np.stack(references), np.stack(distorted), names


def teacher_features(teacher: DistsNetwork, x: torch.Tensor) -> list[torch.Tensor]:
    """`teacher.features`, every stage but the first in bfloat16: `training.metric_eval --teacher` prints the error."""
    h, outputs = teacher.stages[0]((x - teacher.mean) / teacher.std), [x]
    outputs.append(h)
    for pool, stage in zip(teacher.pools, teacher.stages[1:], strict=True):
        h = pool(h)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            h = stage(h).float()
        outputs.append(h)
    return outputs


def teacher_terms(teacher: DistsNetwork, references: Picture, distorted: Picture) -> NDArray[np.float32]:
    """Exact DISTS, stage by stage: (R, D, 6, 2). Each reference's features are computed once."""
    rows = []
    with torch.inference_mode():
        for reference, versions in zip(references, distorted, strict=True):
            known = teacher_features(teacher, to_unit_tensor(reference[None], CPU))
            features = teacher_features(teacher, to_unit_tensor(versions, CPU))
            repeated = [f.expand_as(g) for f, g in zip(known, features, strict=True)]
            rows.append(stage_terms(repeated, features, teacher.alpha, teacher.beta).numpy())
    return np.stack(rows)


def make(folder: Path, target: Path, teacher: DistsNetwork) -> None:
    """Write one item's pairs; the file gets its final name only when complete."""
    rng = np.random.default_rng(zlib.crc32(folder.name.encode()))
    references, distorted, names = make_pairs(folder, rng)
    terms = teacher_terms(teacher, references, distorted)
    tensors = {"reference": references, "distorted": distorted, "terms": terms}
    partial = target.with_suffix(".part")
    save_file({key: torch.from_numpy(value) for key, value in tensors.items()}, partial, {"kinds": " ".join(names)})
    partial.rename(target)


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
    folders = [f for f in args.items.iterdir() if (f / "item.json").exists() and f.suffix != ".part"]
    folders.sort(key=lambda f: zlib.crc32(f.name.encode()))  # any first part of the order is a fair mixture
    for number, folder in enumerate(folders):
        target = args.pairs / f"{folder.name}.safetensors"
        if not target.exists():
            make(folder, target, teacher)
        if number % 50 == 0:
            print(f"{number} of {len(folders)}", flush=True)


if __name__ == "__main__":
    main()
