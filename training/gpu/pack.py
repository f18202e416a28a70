"""Pack what training on a borrowed machine needs into one file that may travel.

    python -m training.gpu.pack ITEMS PACK.zip [--mebibytes 8] [--source-crf 18]

In the zip file: items/NAME/ with item.json, source.av1 and baseN.av1 (items of `restoration.make_items`; sources coded
finely, bases as they were), and libdav1d.so out of PyAV's wheel. Items are taken in a random order that gives every
collection its share, until the file is full.
"""

from __future__ import annotations

import argparse
import zipfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from fractions import Fraction
from itertools import repeat
from pathlib import Path

import av
import numpy as np

from codec.base.av1 import encode_frames
from training.data.sources import shares
from training.restoration.item import Item, joined

SOURCE_PRESET = 4
SOURCE_FRAMES = 12


def dav1d_library() -> Path:
    """dav1d as PyAV's wheel brings it."""
    folder = Path(av.__file__).parent.with_name("av.libs")
    return next(folder.glob("libdav1d*"))


def item_files(folder: Path, source_crf: float) -> dict[str, bytes]:
    """Files below items/NAME/; nothing where the item has no packets."""
    item = Item.read(folder)
    item = replace(item, frames=min(item.frames, SOURCE_FRAMES))
    files = {"item.json": item.to_json().encode()}
    for index in range(len(item.bases)):
        path = folder / f"base{index}.av1"
        if not path.exists():
            return {}
        files[path.name] = path.read_bytes()
    coded = encode_frames(np.load(folder / "source.npy")[: item.frames], source_crf, 1, Fraction(25), SOURCE_PRESET)
    files["source.av1"] = joined([frame.packet for frame in coded])
    return files


def order(folders: list[Path]) -> list[Path]:
    """All items, in an order of which every beginning holds collections in their shares, as far as there are enough."""
    weights = np.array(shares([Item.read(folder).collection for folder in folders]))
    return [folders[i] for i in np.random.default_rng(3).choice(len(folders), len(folders), False, weights)]


def pack(items: Path, output: Path, limit: int, source_crf: float) -> int:
    """Write the file, at most `limit` bytes; returns how many items it holds."""
    count = 0
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        file.write(dav1d_library(), "libdav1d.so")
        taken = sum(info.compress_size + 2 * len(info.filename) + 200 for info in file.infolist())
        folders = order(sorted(path.parent for path in items.glob("*/item.json")))
        with ProcessPoolExecutor() as pool:
            for folder, files in zip(folders, pool.map(item_files, folders, repeat(source_crf)), strict=True):
                taken += sum(len(data) + 300 for data in files.values())
                if taken > limit:
                    pool.shutdown(wait=False, cancel_futures=True)
                    break
                for name, data in files.items():
                    file.writestr(f"items/{folder.name}/{name}", data)
                count += bool(files)
    return count


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("items", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--mebibytes", type=float, default=8)
    parser.add_argument("--source-crf", type=float, default=18)
    args = parser.parse_args()
    count = pack(args.items, args.output, round(args.mebibytes * 2**20), args.source_crf)
    print(f"{count} items, {args.output.stat().st_size / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
