"""Cut training clips and photos into short items, each with several AV1 bases made by the codec's own base layer.

    python -m training.pocket.prepare DATA WORK [--part 0 --parts 2] [--videos 900 --photos 900]

DATA holds video/, image/ and manifest.tsv, which says what may be trained on. Every item becomes a folder
WORK/items/NAME with source.npy (T, H, W, 3), base0.npy, base1.npy ... and item.json. Items are made in one shuffled
order and a finished one is never made again, so that the script can be stopped, resumed, split into parts and trained
on while it still runs.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from codec.base.av1 import encode_clip
from training.data.photos import photo_pan
from training.data.sources import read_manifest

VIDEO_FRAMES = 32
SHORTEST_SIDE = 144
# Four times faster than the codec's own preset; what it leaves out of a picture looks the same.
BASE_PRESET = 4
HELD_OUT_EVERY = 24


@dataclass(frozen=True)
class Plan:
    """One item to make: the `repeat`-th cut of a source file."""

    path: Path
    repeat: int
    held_out: bool

    @property
    def name(self) -> str:
        """Folder name, unique over the data set."""
        group = "val" if self.held_out else "train"
        return f"{group}-{self.path.parent.name}-{self.path.stem}-{self.repeat}"


def plans(data: Path, videos: int, photos: int) -> list[Plan]:
    """The shuffled list of items; whole source files are held out, so that no validation clip was trained on."""
    origins = read_manifest(data)
    clips, images = (sorted(o.path for o in origins if o.is_photo == photo) for photo in (False, True))
    rows: list[Plan] = []
    for files, wanted in ((clips, videos), (images, photos)):
        rounds = -(-wanted // len(files))
        rows += [
            Plan(path, repeat, index % HELD_OUT_EVERY == HELD_OUT_EVERY // 2)
            for repeat in range(rounds)
            for index, path in enumerate(files)
        ][:wanted]
    random.Random(1).shuffle(rows)
    return [row for row in rows if not (row.held_out and row.repeat)]


def video_cut(path: Path, rng: random.Random) -> NDArray[np.uint8]:
    """VIDEO_FRAMES consecutive frames from a random place, sometimes scaled down: (T, H, W, 3)."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    first = rng.randrange(max(1, len(frames) - VIDEO_FRAMES + 1))
    smallest = SHORTEST_SIDE / min(frames[0].width, frames[0].height)
    scale = max(smallest, rng.choice((1.0, 1.0, 0.8, 0.65)))
    width, height = (int(side * scale) // 2 * 2 for side in (frames[0].width, frames[0].height))
    chosen = frames[first : first + VIDEO_FRAMES]
    return np.stack([f.to_ndarray(format="rgb24", width=width, height=height, interpolation="AREA") for f in chosen])


def base_settings(rng: random.Random) -> Iterator[tuple[int, int]]:
    """(crf, scale) of the bases of one item: one at full size, one at half, over the range the codec uses."""
    yield rng.randint(44, 68), 1
    yield rng.randint(60, 70), 2


def make(plan: Plan, folder: Path) -> None:
    """Write one item; the folder gets its final name only when complete."""
    rng = random.Random(plan.name)
    source = video_cut(plan.path, rng) if plan.path.parent.name == "video" else photo_pan(plan.path, rng)
    if len(source) < 8:
        return
    partial = folder.with_suffix(".part")
    partial.mkdir(parents=True, exist_ok=True)
    np.save(partial / "source.npy", source)
    bases = []
    for index, (crf, scale) in enumerate(base_settings(rng)):
        size, decoded = encode_clip(source, crf, scale, Fraction(25), BASE_PRESET)
        np.save(partial / f"base{index}.npy", decoded)
        bases.append({"crf": crf, "scale": scale, "bytes": size})
    (partial / "item.json").write_text(json.dumps({"frames": len(source), "bases": bases, "source": plan.path.name}))
    partial.rename(folder)


def main() -> None:
    """Make every planned item that isn't there yet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--videos", type=int, default=900)
    parser.add_argument("--photos", type=int, default=900)
    parser.add_argument("--part", type=int, default=0)
    parser.add_argument("--parts", type=int, default=1)
    args = parser.parse_args()
    todo = plans(args.data, args.videos, args.photos)[args.part :: args.parts]
    for number, plan in enumerate(todo):
        folder = args.work / "items" / plan.name
        if not folder.exists():
            make(plan, folder)
        if number % 50 == 0:
            print(f"{number} of {len(todo)}", flush=True)


if __name__ == "__main__":
    main()
