"""How far a decoder elsewhere is from the encoder's own reconstruction: other processes, threads and number types.

    python -m benchmarks.portability CLIPS [--clips 03 10] > benchmarks/portability.txt

The encoder runs in float32 with one thread. Each decode is a process of its own; PSNR is over all frames of a clip, at
coding size, between its pictures and the encoder's.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

from benchmarks.clips import pictures, read_clip, write_source
from codec.encoder import encode
from codec.events import Finished, PreviewReady
from codec.settings import Bitrate, EncodeSettings, Goal, Quality

FRAMES = 48
LINES = 144
# Base, goal: no steps at all; steps over a base; the paper's own way, at an extremely low rate and at a high one.
ENCODES: tuple[tuple[str, Goal], ...] = (
    ("av1", Quality(0.15)),
    ("av1", Bitrate(30_000)),
    ("none", Bitrate(10_000)),
    ("none", Bitrate(60_000)),
)
DECODES = (("float32", 1), ("float32", 2), ("bfloat16", 1))
DECODE = """
import sys
from pathlib import Path
import torch
from codec.decoder import decode
from codec.settings import DecodeSettings
torch.set_num_threads(int(sys.argv[4]))
for event in decode(Path(sys.argv[1]), Path(sys.argv[2]), DecodeSettings(dtype=sys.argv[3])):
    pass
"""


def encoded(source: Path, output: Path, base: str, goal: Goal) -> tuple[Finished, np.ndarray]:
    """An encode's result and what it would show, uint8 (T, H, W, 3)."""
    settings = EncodeSettings(goal=goal, base=base, short_side=LINES, audio="none", preview=True)
    shown = dict[int, np.ndarray]()
    for event in encode(source, output, settings):
        if isinstance(event, PreviewReady):
            shown |= {event.start_frame + place: picture for place, picture in enumerate(event.frames)}
        if isinstance(event, Finished):
            return event, np.stack([shown[number] for number in sorted(shown)])
    raise RuntimeError("an encode ended without a result")


def decoded(path: Path, output: Path, dtype: str, threads: int) -> np.ndarray:
    """A file's pictures as another process makes them, through a lossless file of coding size."""
    subprocess.run([sys.executable, "-c", DECODE, path, output, dtype, str(threads)], check=True)
    return pictures(output)


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    """In dB over all frames; infinite where they are equal."""
    error = float(np.mean((one.astype(np.float64) - other) ** 2))
    return float(10 * np.log10(255**2 / error)) if error else float("inf")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clips", nargs="*", default=["03", "10"])
    args = parser.parse_args()
    torch.set_num_threads(1)
    print("clip base     bpp  mean t* | PSNR in dB against the encoder's pictures: " + ", ".join(map(str, DECODES)))
    for clip in args.clips:
        frames, rate = read_clip(args.folder, clip, LINES, FRAMES)
        for base, goal in ENCODES:
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                write_source(frames, rate, folder / "source.mkv")
                done, shown = encoded(folder / "source.mkv", folder / "coded.fgvc", base, goal)
                values = [psnr(shown, decoded(done.path, folder / f"{d}-{n}.mkv", d, n)) for d, n in DECODES]
            depth = float(np.mean([gop.t_star for gop in done.gops]))
            figures = " ".join(f"{value:8.1f}" for value in values)
            print(f"{clip:4} {base:5} {done.bpp:7.4f} {depth:6.1f}  | {figures}", flush=True)


if __name__ == "__main__":
    main()
