"""Cut clips and photos into items to train the restorer on: short windows of a source and of its AV1 bases.

    python -m training.restoration.make_items DATA WORK [--minutes 20]

DATA holds video/, image/ and manifest.tsv. An item is a folder WORK/restoration/NAME with
    source.npy   uint8 (T, H, W, 3), H and W multiples of 8
    baseN.npy    the same window of base N as the decoder shows it, at coding size
    baseN.av1    base N's packets (the whole clip, whole pictures), each after its length in 4 bytes
    item.json    see `training.restoration.item.Item`
The codec's own base layer codes more frames than are kept, so that windows lie anywhere between two keyframes. Items
are made in one shuffled order; a finished one is never made again, so the script can be stopped and run again later.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from codec.base.av1 import encode_frames
from codec.base.pictures import upsample
from training.data.photos import photo_pan
from training.data.sources import Origin, read_manifest
from training.restoration.item import GRID, Base, Item, joined

Clip = NDArray[np.uint8]
"""uint8 (T, H, W, 3)."""

KEPT_FRAMES = 20
CODED_FRAMES = 44
# Lines of the short side; sources are at most 288 lines tall.
LINES = (144, 144, 144, 176, 208, 240, 288)
WINDOW = (192, 288)
# Several times faster than the codec's own preset; what it leaves out of a picture looks the same.
BASE_PRESET = 4
PHOTOS_PER_CLIP = 0.4
HALF_SIZE_SHARE = 0.35


@dataclass(frozen=True)
class Plan:
    """The `repeat`-th item to make from one file."""

    origin: Origin
    repeat: int

    @property
    def name(self) -> str:
        """Folder name, unique over the data set."""
        return f"{self.origin.path.parent.name}-{self.origin.path.stem}-{self.repeat}"


def plans(data: Path, rounds: int = 4) -> list[Plan]:
    """Items to make, clips and photos mixed, every clip once before any is cut a second time."""
    files = read_manifest(data)
    rng = random.Random(2)
    clips, photos = ([f for f in files if f.is_photo == photo] for photo in (False, True))
    rng.shuffle(photos)
    rows: list[Plan] = []
    each = round(PHOTOS_PER_CLIP * len(clips))
    for repeat in range(rounds):
        block = [Plan(clip, repeat) for clip in clips]
        block += [Plan(photo, 0) for photo in photos[repeat * each : (repeat + 1) * each]]
        rng.shuffle(block)
        rows += block
    return rows


def read_video(path: Path, rng: random.Random) -> Clip:
    """Up to CODED_FRAMES consecutive frames from a random place, at a random number of lines, sides even."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        total = stream.frames or CODED_FRAMES
        skip = rng.randrange(max(1, min(total, 300) - CODED_FRAMES + 1))
        scale = min(1.0, rng.choice(LINES) / min(stream.width, stream.height))
        width, height = (round(side * scale / 2) * 2 for side in (stream.width, stream.height))
        frames = []
        for index, frame in enumerate(container.decode(stream)):
            if index >= skip:
                frames.append(frame.to_ndarray(format="rgb24", width=width, height=height, interpolation="AREA"))
            if len(frames) == CODED_FRAMES:
                break
    return np.stack(frames)


def read_clip(origin: Origin, rng: random.Random) -> Clip:
    """The clip, or a camera move over the photo."""
    if origin.is_photo:
        with Image.open(origin.path) as photo:
            if min(photo.size) < WINDOW[0]:
                return np.zeros((0, 2, 2, 3), np.uint8)
        return photo_pan(origin.path, rng)
    return read_video(origin.path, rng)


def base_settings(rng: random.Random) -> Iterator[tuple[float, int]]:
    """(crf, scale) of the bases of one item: two at full size, sometimes one at half."""
    yield rng.randrange(58 * 4, 68 * 4 + 1) / 4, 1
    yield rng.randrange(48 * 4, 62 * 4 + 1) / 4, 1
    if rng.random() < HALF_SIZE_SHARE:
        yield rng.randrange(46 * 4, 66 * 4 + 1) / 4, 2


def window(clip: Clip, rng: random.Random) -> tuple[int, int, int, int, int, int]:
    """(first, top, left, frames, height, width) of what is kept; on the 8-pixel grid that AV1's blocks lie on."""
    total, height, width, _ = clip.shape
    tall, wide = (min(side, most) // GRID * GRID for side, most in zip((height, width), WINDOW, strict=True))
    top = rng.randrange((height - tall) // GRID + 1) * GRID
    left = rng.randrange((width - wide) // GRID + 1) * GRID
    frames = min(total, KEPT_FRAMES)
    # A third of the windows begin with the keyframe.
    first = 0 if rng.random() < 1 / 3 else rng.randrange(total - frames + 1)
    return first, top, left, frames, tall, wide


def make(plan: Plan, folder: Path) -> None:
    """Write one item; the folder gets its final name only when complete. Too short or too small ones make none."""
    rng = random.Random(plan.name)
    clip = read_clip(plan.origin, rng)
    if len(clip) < 8 or min(clip.shape[1:3]) < 112:
        return
    partial = folder.with_suffix(".part")
    partial.mkdir(parents=True, exist_ok=True)
    first, top, left, frames, tall, wide = window(clip, rng)
    kept = np.s_[first : first + frames, top : top + tall, left : left + wide]
    np.save(partial / "source.npy", clip[kept])
    height, width = clip.shape[1:3]
    bases = []
    for index, (crf, scale) in enumerate(base_settings(rng)):
        coded = list(encode_frames(clip, crf, scale, Fraction(25), BASE_PRESET))
        shown = upsample(np.stack([frame.picture for frame in coded]), width, height)
        np.save(partial / f"base{index}.npy", shown[kept])
        packets = [frame.packet for frame in coded]
        (partial / f"base{index}.av1").write_bytes(joined(packets))
        bases.append(Base(crf, scale, sum(map(len, packets))))
    origin = plan.origin
    item = Item(
        *(origin.source, origin.licence, origin.collection),
        *(width, height, first, top, left, frames, tall, wide),
        tuple(bases),
    )
    item.write(partial)
    partial.rename(folder)


def main() -> None:
    """Make planned items that aren't there yet, for so many minutes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--minutes", type=float, default=20)
    args = parser.parse_args()
    began, made = time.monotonic(), 0
    for plan in plans(args.data):
        if time.monotonic() - began > 60 * args.minutes:
            break
        folder = args.work / "restoration" / plan.name
        if folder.exists():
            continue
        try:
            make(plan, folder)
        except (OSError, ValueError) as error:
            print(f"{plan.name}: {error}", flush=True)
        made += 1
        if made % 25 == 0:
            print(f"{made} items, {(time.monotonic() - began) / 60:.1f} minutes", flush=True)


if __name__ == "__main__":
    main()
