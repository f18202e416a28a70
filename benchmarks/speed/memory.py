"""Peak memory of the engine for a one-minute and a ten-minute video: it must not grow with length.

Each encode and decode runs in a process of its own, whose peak resident set the system reports. Tiny pictures and the
prior without weights: what is measured is what the engine holds, not what a network needs.

    python -m benchmarks.speed.memory > benchmarks/memory.txt
"""

from __future__ import annotations

import resource
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction
from multiprocessing import get_context
from pathlib import Path

import av
import numpy as np
import torch

from benchmarks.results import save
from codec.decoder import decode
from codec.encoder import encode
from codec.settings import Bitrate, DecodeSettings, EncodeSettings

FRAME_RATE = 4
WIDTH, HEIGHT = 64, 48
MINUTES = (1, 10)
ALLOWED = 1.10


def make_video(path: Path, minutes: int) -> None:
    """A drifting pattern, H.264."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", FRAME_RATE, options={"preset": "ultrafast", "crf": "20"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        wide = np.random.default_rng(0).integers(0, 256, (HEIGHT // 8, WIDTH // 4, 3), dtype=np.uint8)
        pattern = np.kron(wide, np.ones((8, 8, 1), np.uint8))
        for number in range(minutes * 60 * FRAME_RATE):
            picture = np.ascontiguousarray(np.roll(pattern, number, 1)[:, :WIDTH])
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FRAME_RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def run_encode(source: Path, output: Path) -> None:
    """Greedy coder: the fastest, and memory is the question."""
    settings = EncodeSettings(prior="gaussian", base="none", channel="greedy", goal=Bitrate(1000), short_side=48)
    for _ in encode(source, output, settings):
        pass


def run_decode(source: Path, output: Path) -> None:
    """See run_encode."""
    for _ in decode(source, output, DecodeSettings()):
        pass


def _own_peak(task: Callable[[Path, Path], None], source: Path, output: Path) -> int:
    torch.set_num_threads(1)
    task(source, output)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def peak_kilobytes(task: Callable[[Path, Path], None], source: Path, output: Path) -> int:
    """Peak resident set of `task` in a process of its own (raises what it does, BrokenProcessPool where it dies)."""
    with ProcessPoolExecutor(1, get_context("spawn")) as fresh:
        return fresh.submit(_own_peak, task, source, output).result()


def main() -> int:
    """Print the table; exit code 1 where memory grew beyond ALLOWED."""
    peaks: dict[str, list[int]] = {"encode": [], "decode": []}
    with tempfile.TemporaryDirectory() as name:
        for minutes in MINUTES:
            video = Path(name) / f"{minutes}.mp4"
            make_video(video, minutes)
            peaks["encode"].append(peak_kilobytes(run_encode, video, video.with_suffix(".fgvc")))
            peaks["decode"].append(peak_kilobytes(run_decode, video.with_suffix(".fgvc"), video.with_suffix(".mkv")))
    print(f"Peak resident memory, gaussian prior, {WIDTH}x{HEIGHT}, {FRAME_RATE} fps")
    print(f"{'':8}" + "".join(f"{minutes:>5} min (MiB)" for minutes in MINUTES) + "   ratio")
    for task, (short, long) in peaks.items():
        print(f"{task:8}{short / 1024:15.1f}{long / 1024:15.1f}{long / short:8.3f}")
    save("memory", {task: dict(zip(map(str, MINUTES), sizes, strict=True)) for task, sizes in peaks.items()}, False)
    return 0 if all(long <= ALLOWED * short for short, long in peaks.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
