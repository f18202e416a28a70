"""What coding the base layer's frame headers again saves, and what it costs in time.

    python -m benchmarks.coding.base_stream CLIPS [--clips 03 08 10 14 17] [--short-side 144] [--crf 60]

"plain" is every unit behind its length, as version 1 of the format held them; "packed" is what a file holds now.
Packing and unpacking are given as shares of the time in which SVT-AV1 coded the same frames.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from benchmarks.clips import CLIPS, read_clip
from benchmarks.results import save
from codec.base.av1 import encode_frames
from codec.base.units import UnitPacker, UnitUnpacker
from codec.format.wire import varint
from codec.priors.pocket import GEOMETRY

FRAMES = 96


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clips", nargs="*", default=CLIPS)
    parser.add_argument("--short-side", type=int, default=144)
    parser.add_argument("--crf", type=int, default=60)
    args = parser.parse_args()
    step = GEOMETRY.gop_frames - GEOMETRY.overlap_frames
    figures: dict[str, dict[str, float]] = {}
    print("clip    plain   packed   saved   packing  unpacking")
    for clip in args.clips:
        frames, rate = read_clip(args.folder, clip, args.short_side, FRAMES)
        began = time.perf_counter()
        units = [frame.packet for frame in encode_frames(frames, args.crf, 1, rate)]
        coded = time.perf_counter()
        packer, unpacker = UnitPacker(), UnitUnpacker()
        runs = [units[start : start + step] for start in range(0, len(units), step)]
        packed = [packer.pack(run) for run in runs]
        packed_at = time.perf_counter()
        assert [list(unpacker.unpack(data, len(run))) for data, run in zip(packed, runs, strict=True)] == runs
        unpacked_at = time.perf_counter()
        plain, size = sum(len(varint(len(unit))) + len(unit) for unit in units), sum(map(len, packed))
        shares = [(b - a) / (coded - began) for a, b in ((coded, packed_at), (packed_at, unpacked_at))]
        figures[clip] = {"plain": plain, "packed": size, "packing": shares[0], "unpacking": shares[1]}
        print(
            f"{clip}  {plain:7} {size:8} {1 - size / plain:7.1%} {shares[0]:9.1%} {shares[1]:10.1%}",
            flush=True,
        )
    save("base_stream", figures, uses_weights=False)


if __name__ == "__main__":
    main()
