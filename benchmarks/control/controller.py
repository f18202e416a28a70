"""One controller against another state of the program: bits at equal quality, how exactly targets are met, and time.

    python -m benchmarks.control.controller CLIPS --against CHECKOUT [--clips 03 10] [--targets 0.18 0.15 0.12]
        [--lines 144]

Both states encode the same lossless file, each in a process of its own with its own code and one thread, one after the
other, so that times compare within one run. Every third frame of what they decode to is then judged by exact DISTS (an
odd stride: AV1 codes every second and fourth frame better). Results are kept after every encode, and a run goes on
where it was stopped.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.clips import pictures, read_clip, write_source
from benchmarks.results import FOLDER, ROOT, load, save
from codec.errors import FreeGvcError
from codec.metrics.catalog import metric
from codec.reproduce.bd_rate import bd_rate

NAME = "controller"
TOLERANCE = 0.01
FRAMES = 192
JUDGED_FROM, JUDGED_EVERY = 1, 3


@dataclass(frozen=True)
class Encode:
    """One encode by one state.

    Attributes:
        state: "this" or "other".
        bytes: of the whole file.
        seconds, cpu: of the encode by command, start-up included; wall clock and both of the processor's shares.
        first: seconds until the first GOP was finished.
        gops: exact DISTS of each GOP's own frames, as decoded.
        looked: measurements of each GOP over the base that was kept; `tried` those on the way to it.
        crfs, steps: what was chosen, where the state tells.
        frames: of the clip's first so many.
    """

    state: str
    clip: str
    lines: int
    target: float
    bytes: int
    seconds: float
    cpu: float
    first: float
    gops: list[float]
    looked: list[int]
    tried: list[int]
    crfs: list[float]
    steps: list[int]
    frames: int = FRAMES

    @property
    def key(self) -> tuple[str, str, int, float, int]:
        """What makes it one of its kind."""
        return self.state, self.clip, self.lines, self.target, self.frames


def run(
    checkout: Path, arguments: Sequence[str], threads: int = 1
) -> tuple[list[tuple[float, dict[str, Any]]], float, float]:
    """The events that a command of a checkout prints, each with its time; wall and CPU seconds."""
    environment = {**os.environ, "PYTHONPATH": str(checkout), "OMP_NUM_THREADS": f"{threads}"}
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "codec.cli", *arguments, "--json"]
    with subprocess.Popen(command, cwd=checkout, env=environment, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        told = [(time.monotonic() - began, json.loads(line)) for line in child.stdout]
    if child.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {child.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return told, time.monotonic() - began, cpu


def encode(
    key: tuple[str, str, int, float, int], checkout: Path, source: Path, frames: np.ndarray, folder: Path
) -> Encode:
    """Encode, decode and judge; `key` is what comes of it."""
    state, clip, lines, target, asked = key
    coded, out = folder / "a.fgvc", folder / "a.mkv"
    goal = ["--target", f"{target}", "--short-side", f"{lines}", "--audio", "none"]
    told, seconds, cpu = run(checkout, ["encode", str(source), "-o", str(coded), *goal])
    run(checkout, ["decode", str(coded), "-o", str(out)])
    places = np.arange(JUDGED_FROM, len(frames), JUDGED_EVERY)
    values = metric("dists")(frames[places], pictures(out)[places])
    gops = [(at, event) for at, event in told if event["event"] == "gop"]
    ends = [event["frames_done"] for _, event in gops]
    parts = np.split(values, np.searchsorted(places, ends[:-1]))
    points = [event["points"] for _, event in gops]
    return Encode(
        state=state,
        clip=clip,
        lines=lines,
        target=target,
        bytes=coded.stat().st_size,
        seconds=seconds,
        cpu=cpu,
        first=gops[0][0],
        gops=[float(part.mean()) for part in parts],
        looked=[sum(point.get("crf") is None for point in row) for row in points],
        tried=[sum(point.get("crf") is not None for point in row) for row in points],
        crfs=[event["crf"] for _, event in gops if event.get("crf") is not None],
        steps=[event["t_star"] for _, event in gops],
        frames=asked,
    )


def saved(rows: Sequence[Encode]) -> dict[str, dict[str, float | None]]:
    """Bits of this state against the other at equal mean and at equal worst GOP, in percent, and speed, by clip.

    Only of clips that both have encoded at the same targets.
    """
    found: dict[str, dict[str, float | None]] = {}
    for clip, size in sorted({(row.clip, row.lines) for row in rows}):
        theirs, ours = (
            [row for row in rows if (row.clip, row.lines, row.state) == (clip, size, state)]
            for state in ("other", "this")
        )
        if {row.target for row in theirs} != {row.target for row in ours}:
            continue
        found[f"{clip}, {size} lines"] = {
            "mean": _bd_rate(theirs, ours, np.mean),
            "worst": _bd_rate(theirs, ours, np.max),
            "faster": sum(row.cpu for row in theirs) / sum(row.cpu for row in ours),
        }
    return found


def _bd_rate(theirs: Sequence[Encode], ours: Sequence[Encode], statistic: Callable[[list[float]], Any]) -> float | None:
    before, now = ([(float(row.bytes), float(statistic(row.gops))) for row in side] for side in (theirs, ours))
    try:
        return bd_rate(before, now, lower_is_better=True)
    except FreeGvcError:
        return None


def exactness(rows: Sequence[Encode], state: str) -> dict[str, float]:
    """How near GOPs come to their targets, and how often they are measured."""
    chosen = [row for row in rows if row.state == state]
    misses = np.concatenate([np.asarray(row.gops) - row.target for row in chosen])
    return {
        "gops": len(misses),
        "within": float(np.mean(np.abs(misses) <= TOLERANCE)),
        "worse": float(np.mean(misses > TOLERANCE)),
        "better": float(np.mean(misses < -TOLERANCE)),
        "looked": float(np.mean(np.concatenate([row.looked for row in chosen]))),
        "tried": float(np.mean(np.concatenate([row.tried for row in chosen]))),
    }


def figures(rows: Sequence[Encode]) -> dict[str, Any]:
    """Everything that is kept."""
    states = {row.state for row in rows}
    return {
        "encodes": [asdict(row) for row in rows],
        "saved": saved(rows) if len(states) == 2 else {},
        "exactness": {state: exactness(rows, state) for state in sorted(states)},
    }


def kept() -> list[Encode]:
    """What an earlier run has measured; of this state only what it measured with today's weights."""
    if not (FOLDER / f"{NAME}.json").exists():
        return []
    found = load(NAME)
    rows = [Encode(**row) for row in found.figures["encodes"]]
    return [row for row in rows if not (found.outdated and row.state == "this")]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--against", type=Path, required=True, help="a checkout of the other state")
    parser.add_argument("--clips", nargs="+", default=["03", "10", "14", "17"])
    parser.add_argument("--targets", nargs="+", type=float, default=[0.18, 0.15, 0.12])
    parser.add_argument("--lines", nargs="+", type=int, default=[144])
    parser.add_argument("--frames", type=int, default=FRAMES)
    parser.add_argument("--fresh", action="store_true", help="measure everything anew")
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows = [] if args.fresh else [row for row in kept() if row.frames == args.frames]
    for clip, lines in ((clip, lines) for lines in args.lines for clip in args.clips):
        frames, rate = read_clip(args.folder, clip, lines, args.frames)
        with tempfile.TemporaryDirectory() as name:
            source = Path(name) / "source.mkv"
            write_source(frames, rate, source)
            for target in args.targets:
                for state, checkout in (("this", ROOT), ("other", args.against)):
                    key = (state, clip, lines, target, args.frames)
                    if key in {row.key for row in rows}:
                        continue
                    row = encode(key, checkout, source, frames, Path(name))
                    rows.append(row)
                    save(NAME, figures(rows), uses_weights=True)
                    print(
                        f"{row.key}: {row.bytes} bytes, {row.cpu:.1f} s CPU, mean {np.mean(row.gops):.4f}", flush=True
                    )
    kept_figures = figures(rows)
    print(json.dumps({name: kept_figures[name] for name in ("saved", "exactness")}, indent=1))


if __name__ == "__main__":
    main()
