"""How long whole commands take, start-up included, and against another state of the program.

    python -m benchmarks.speed.command_time CLIPS [--against CHECKOUT] [--clips 10 17] [--lines 144 240] [--threads 1 2]

Each state encodes the same frames (files name their weights) and decodes its own file to lossless video, one state
after the other at every number of threads, `--repeat` times; the quickest run counts, as a busy machine only ever adds
time. Encodes use the largest number of threads alone.
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
FRAMES = 192


@dataclass(frozen=True)
class Timed:
    """One command of one state.

    Attributes:
        state: "this" or "other".
        command: "encode" or "decode".
        seconds: by the clock.
        first: of an encode, until its first GOP is finished.
    """

    state: str
    command: str
    clip: str
    lines: int
    threads: int
    frames: int
    seconds: float
    first: float | None = None

    @property
    def key(self) -> tuple[str, str, str, int, int]:
        """What is repeated."""
        return self.state, self.command, self.clip, self.lines, self.threads


def commands(
    state: str, checkout: Path, clip: str, frames: int, lines: int, source: Path, args: argparse.Namespace
) -> Iterator[Timed]:
    """Encode, then decode with each number of threads."""
    coded, out = source.with_suffix(f".{state}.fgvc"), source.with_suffix(f".{state}.mkv")
    coded.unlink(missing_ok=True)
    goal = ["--target", f"{TARGET}", "--short-side", f"{lines}", "--audio", "none"]
    most = max(args.threads)
    told, seconds, _ = run(checkout, ["encode", str(source), "-o", str(coded), *goal], threads=most)
    first = next(at for at, event in told if event["event"] == "gop")
    yield Timed(state, "encode", clip, lines, most, frames, seconds, first)
    for threads in args.threads:
        _, seconds, _ = run(checkout, ["decode", str(coded), "-o", str(out)], threads=threads)
        yield Timed(state, "decode", clip, lines, threads, frames, seconds)


def main() -> None:
    """Print the table, and keep it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--against", type=Path, help="a checkout of the other state")
    parser.add_argument("--clips", nargs="+", default=["10", "17"])
    parser.add_argument("--lines", nargs="+", type=int, default=[144, 240])
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--frames", type=int, default=FRAMES)
    parser.add_argument("--repeat", type=int, default=1)
    args = parser.parse_args()
    states = {"this": ROOT} | ({"other": args.against} if args.against else {})
    best: dict[tuple[str, str, str, int, int], Timed] = {}
    for clip, lines in ((clip, lines) for lines in args.lines for clip in args.clips):
        frames, rate = read_clip(args.folder, clip, lines, args.frames)
        with tempfile.TemporaryDirectory() as name:
            source = Path(name) / "source.mkv"
            write_source(frames, rate, source)
            for _ in range(args.repeat):
                for state, checkout in states.items():
                    for row in commands(state, checkout, clip, len(frames), lines, source, args):
                        best[row.key] = min(best.get(row.key, row), row, key=lambda one: one.seconds)
                        print(row, flush=True)
    print("command  clip  lines  threads  state  frames/s")
    for row in best.values():
        speed = row.frames / row.seconds
        print(f"{row.command:7}  {row.clip:4} {row.lines:6} {row.threads:8}  {row.state:5} {speed:9.2f}")
    save("command_time", {"target": TARGET, "rows": [asdict(row) for row in best.values()]}, uses_weights=True)


if __name__ == "__main__":
    main()
