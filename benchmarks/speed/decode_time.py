"""How many frames a second the whole command decodes, start-up included, and against another state of the program.

    python -m benchmarks.speed.decode_time CLIPS [--against CHECKOUT] [--clips 10] [--lines 240 480] [--threads 1 2]

Each state encodes the same frames by itself (files name their weights) and decodes its own file to lossless video,
one state after the other at every number of threads, `--repeat` times; the quickest run counts, as a busy machine only
ever adds time.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.clips import read_clip, write_source
from benchmarks.control.controller import run
from benchmarks.results import ROOT, save

TARGET = 0.18
FRAMES = 96


@dataclass(frozen=True)
class Decoded:
    """One file decoded by one state."""

    state: str
    clip: str
    lines: int
    threads: int
    frames: int
    seconds: float


def decodes(
    state: str, checkout: Path, clip: str, lines: int, source: Path, args: argparse.Namespace
) -> Iterator[Decoded]:
    """Encode once, then decode with each number of threads."""
    coded, out = source.with_suffix(f".{state}.fgvc"), source.with_suffix(f".{state}.mkv")
    goal = ["--target", f"{TARGET}", "--short-side", f"{lines}", "--audio", "none"]
    if not coded.exists():
        run(checkout, ["encode", str(source), "-o", str(coded), *goal], threads=max(args.threads))
    for threads in args.threads:
        _, seconds, _ = run(checkout, ["decode", str(coded), "-o", str(out)], threads=threads)
        yield Decoded(state, clip, lines, threads, args.frames, seconds)


def main() -> None:
    """Print the table, and keep it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--against", type=Path, help="a checkout of the other state")
    parser.add_argument("--clips", nargs="+", default=["10"])
    parser.add_argument("--lines", nargs="+", type=int, default=[240, 480])
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--frames", type=int, default=FRAMES)
    parser.add_argument("--repeat", type=int, default=2)
    args = parser.parse_args()
    states = {"this": ROOT} | ({"other": args.against} if args.against else {})
    best: dict[tuple[str, str, int, int], Decoded] = {}
    for clip, lines in ((clip, lines) for lines in args.lines for clip in args.clips):
        frames, rate = read_clip(args.folder, clip, lines, args.frames)
        with tempfile.TemporaryDirectory() as name:
            source = Path(name) / "source.mkv"
            write_source(frames, rate, source)
            for _ in range(args.repeat):
                for state, checkout in states.items():
                    for row in decodes(state, checkout, clip, lines, source, args):
                        key = row.state, row.clip, row.lines, row.threads
                        best[key] = min(best.get(key, row), row, key=lambda one: one.seconds)
    print("clip  lines  threads  state  frames/s")
    for row in best.values():
        print(f"{row.clip:4} {row.lines:6} {row.threads:8}  {row.state:5} {row.frames / row.seconds:9.2f}")
    save("decode_time", {"target": TARGET, "rows": [asdict(row) for row in best.values()]}, uses_weights=True)


if __name__ == "__main__":
    main()
