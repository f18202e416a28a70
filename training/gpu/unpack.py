"""Unpack on the borrowed machine what `training.gpu.pack` packed: items as training reads them.

python -m training.gpu.unpack PACK.zip WORK        writes WORK/items
"""

from __future__ import annotations

import argparse
import os
import zipfile
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from pathlib import Path

import numpy as np

from codec.base.pictures import upsample, yuv_to_rgb
from training.gpu.dav1d import Dav1d
from training.restoration.item import Item, parted


def unpack_item(library: Path, folder: Path) -> None:
    """Packets to the pictures that training reads, beside them."""
    dav1d = Dav1d(library)
    item = Item.read(folder)
    height, width = item.window_height, item.window_width
    source = [yuv_to_rgb(planes) for planes in dav1d.decode(parted((folder / "source.av1").read_bytes()))]
    np.save(folder / "source.npy", np.stack(source)[:, :height, :width])
    for index in range(len(item.bases)):
        planes = list(dav1d.decode(parted((folder / f"base{index}.av1").read_bytes())))
        shown = [yuv_to_rgb(p) for p in planes[item.first : item.first + item.frames]]
        window = np.s_[:, item.top : item.top + height, item.left : item.left + width]
        np.save(folder / f"base{index}.npy", upsample(np.stack(shown), item.width, item.height)[window])


def unpack(file: Path, work: Path) -> int:
    """All of it, on all cores; returns how many items there are."""
    with zipfile.ZipFile(file) as packed:
        packed.extractall(work)
    folders = sorted((work / "items").iterdir())
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(unpack_item, repeat(work / "libdav1d.so"), folders, chunksize=4):
            pass
    return len(folders)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("pack", type=Path)
    parser.add_argument("work", type=Path)
    args = parser.parse_args()
    print(f"{unpack(args.pack, args.work)} items", flush=True)


if __name__ == "__main__":
    main()
