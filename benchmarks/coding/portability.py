"""How far a decoder elsewhere is from the encoder's own pictures: other processes, threads, number types, processors.

    python -m benchmarks.coding.portability [CLIPS] [--clips scene portrait]

The encoder runs with one thread. Each decode is a process of its own; the last two are told to use nothing that a
processor of 2013 lacks (AVX2, neither AVX-512 nor units for bfloat16). PSNR is over all frames of a clip, at coding
size, between its pictures and the encoder's. Without CLIPS, the synthetic clips of tests/data.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks.clips import pictures, read_clip, write_source
from benchmarks.results import ROOT, save
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
OLD_PROCESSOR = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "DNNL_MAX_CPU_ISA": "AVX2"}


@dataclass(frozen=True)
class Elsewhere:
    """One way to decode."""

    dtype: str
    threads: int
    old: bool = False

    def __str__(self) -> str:
        return f"{self.dtype}, {self.threads} threads" + (", AVX2" if self.old else "")


DECODES = (
    *(Elsewhere(dtype, threads) for dtype in ("float32", "bfloat16") for threads in (1, 2, 3, 4)),
    Elsewhere("float32", 1, old=True),
    Elsewhere("bfloat16", 1, old=True),
)
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


def encoded(source: Path, output: Path, base: str, goal: Goal, lines: int) -> tuple[Finished, np.ndarray]:
    """An encode's result and what it would show, uint8 (T, H, W, 3)."""
    settings = EncodeSettings(goal=goal, base=base, short_side=lines, audio="none", preview=True)
    shown = dict[int, np.ndarray]()
    for event in encode(source, output, settings):
        if isinstance(event, PreviewReady):
            shown |= {event.start_frame + place: picture for place, picture in enumerate(event.frames)}
        if isinstance(event, Finished):
            return event, np.stack([shown[number] for number in sorted(shown)])
    raise RuntimeError("an encode ended without a result")


def decoded(path: Path, output: Path, where: Elsewhere) -> np.ndarray:
    """A file's pictures as another process makes them, through a lossless file of coding size."""
    given = os.environ | (OLD_PROCESSOR if where.old else {})
    given.pop("OMP_NUM_THREADS", None)
    subprocess.run([sys.executable, "-c", DECODE, path, output, where.dtype, str(where.threads)], check=True, env=given)
    return pictures(output)


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    """In dB over all frames; infinite where they are equal."""
    error = float(np.mean((one.astype(np.float64) - other) ** 2))
    return float(10 * np.log10(255**2 / error)) if error else float("inf")


def main() -> None:
    """Print the table, and keep it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "tests" / "data")
    parser.add_argument("--clips", nargs="*", default=["scene", "portrait"])
    parser.add_argument("--lines", type=int, default=LINES)
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for clip in args.clips:
        frames, rate = read_clip(args.folder, clip, args.lines, FRAMES)
        for base, goal in ENCODES:
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                write_source(frames, rate, folder / "source.mkv")
                done, shown = encoded(folder / "source.mkv", folder / "coded.fgvc", base, goal, args.lines)
                values = {str(d): psnr(shown, decoded(done.path, folder / f"{d}.mkv", d)) for d in DECODES}
            depth = float(np.mean([gop.t_star for gop in done.gops]))
            # JSON knows no infinity.
            kept = {name: None if value == float("inf") else value for name, value in values.items()}
            rows.append({"clip": clip, "base": base, "bpp": done.bpp, "t_star": depth, "psnr": kept})
            print(f"{clip} {base} {done.bpp:.4f} bpp, mean t* {depth:.1f}", flush=True)
            print("\n".join(f"    {name:24} {value:6.1f} dB" for name, value in values.items()), flush=True)
            save("portability", {"lines": args.lines, "frames": FRAMES, "rows": rows}, uses_weights=True)


if __name__ == "__main__":
    main()
