"""How well Adaptive Quality Control holds its target on real clips, and what it asks for.

    python -m benchmarks.control.quality_control CLIPS [--clips 03 10 ...] [--targets 0.15 0.12] [--base none]

A GOP is out of reach where it looks better than the target by more than the tolerance though nothing cheaper is left
(its base is the coarsest of its size; without one, no step is sent), or worse though nothing better is (its base is the
finest; without one, no prefix reaches it). "held" is what the controller itself measured at t*, on its probe frames;
"decoded" is DISTS over every fifth frame of what the decoder makes of the file.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks.clips import CLIPS, JUDGED_EVERY, Clip, decoded, read_clip, write_source
from benchmarks.results import save
from codec.control.base_levels.base_level import Ladder
from codec.encoder import encode
from codec.events import Finished, GopDone
from codec.metrics.catalog import metric
from codec.priors.pocket import BASE_LEVELS
from codec.settings import EncodeSettings, Quality

FRAMES = 192
TOLERANCE = 0.01
LADDER = Ladder.of(BASE_LEVELS)


@dataclass(frozen=True)
class Held:
    """One GOP.

    Attributes:
        state: "held", "missed", or out of reach: "better" or "worse" than the target.
        decoded: DISTS of the decoded file over the GOP's own frames.
    """

    state: str
    t_star: int
    quality: float
    decoded: float
    probes: int
    first: bool


def state(gop: GopDone, target: float) -> str:
    """Where a GOP ended, and whether it could have done better."""
    assert gop.quality is not None
    if abs(gop.quality - target) <= TOLERANCE:
        return "held"
    if gop.crf is None:
        at_end = gop.missed if gop.quality > target else gop.t_star == 0
    else:
        finest, _ = LADDER.ends[gop.scale]
        at_end = gop.crf <= finest if gop.quality > target else LADDER.is_coarsest(gop.crf, gop.scale)
    if not at_end:
        return "missed"
    return "worse" if gop.quality > target else "better"


def encoded(source: Path, output: Path, target: float, short_side: int, base: str) -> Finished:
    """The result of an encode."""
    settings = EncodeSettings(goal=Quality(target), short_side=short_side, base=base, audio="none")
    return next(event for event in encode(source, output, settings) if isinstance(event, Finished))


def gops(done: Finished, original: Clip, made: Clip, target: float) -> Iterator[Held]:
    """Every GOP of a finished file, judged on its own decoded frames."""
    dists, begin = metric("dists"), 0
    for gop in done.gops:
        own = slice(begin, gop.frames_done, JUDGED_EVERY)
        value = float(np.mean(dists(original[own], made[own])))
        assert gop.quality is not None
        yield Held(state(gop, target), gop.t_star, gop.quality, value, len(gop.probes), begin == 0)
        begin = gop.frames_done


def summary(rows: list[Held], target: float) -> str:
    """One line over all GOPs."""
    states = Counter(row.state for row in rows)
    inside = states["held"] + states["missed"]
    later = [row.probes for row in rows if not row.first]
    off = [abs(row.decoded - row.quality) for row in rows]
    share = f"{states['held']} of {inside} within {TOLERANCE} ({100 * states['held'] / max(1, inside):.0f} %)"
    return (
        f"target {target:g}: {share}, out of reach {states['better']} better, {states['worse']} worse; "
        f"probes a GOP after a file's first {np.mean(later) if later else 0:.2f}; "
        f"decoded against held: {np.mean(off):.4f} apart on average"
    )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clips", nargs="*", default=CLIPS)
    parser.add_argument("--targets", nargs="*", type=float, default=[0.15, 0.12])
    parser.add_argument("--short-side", type=int, default=144)
    parser.add_argument("--base", choices=("auto", "none"), default="auto")
    args = parser.parse_args()
    torch.set_num_threads(1)
    print("clip target | GOP: t*, held, decoded, probes, state")
    kept: list[dict[str, object]] = []
    for target in args.targets:
        rows: list[Held] = []
        for clip in args.clips:
            frames, rate = read_clip(args.folder, clip, args.short_side, FRAMES)
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                write_source(frames, rate, folder / "source.mkv")
                done = encoded(folder / "source.mkv", folder / "coded.fgvc", target, args.short_side, args.base)
                found = list(gops(done, frames, decoded(done.path, folder / "out.mkv"), target))
            rows += found
            kept += [{"clip": clip, "target": target, "gop": index, **asdict(row)} for index, row in enumerate(found)]
            for index, row in enumerate(found):
                print(
                    f"{clip} {target:g} | {index}: {row.t_star}, {row.quality:.4f}, {row.decoded:.4f}, {row.probes}, "
                    f"{row.state}",
                    flush=True,
                )
        print(summary(rows, target), flush=True)
    name = "quality_control" if args.base == "auto" else f"quality_control_{args.base}"
    save(name, {"lines": args.short_side, "rows": kept}, uses_weights=True)


if __name__ == "__main__":
    main()
