"""At which size a clip looks best at the source's own size, for the same bits; and which one is chosen unasked.

    python -m benchmarks.control.coding_size CLIPS [--clips 10 17 14 06 13] > benchmarks/coding_size.txt

48 frames from the first second on are coded at every size as a base of preset 8 at four levels, its keyframe shared by
240 frames. Two frames are restored, scaled to the source's size and judged by exact DISTS on a part of 256x256 pixels
each. Results are kept after every size, and a run goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from statistics import fmean

import numpy as np

from benchmarks.clips import clip_path
from benchmarks.results import FOLDER, load, save
from codec.arrays import Frames, Picture
from codec.base.av1 import encode_segment
from codec.base.level import StreamLevels
from codec.control.coding_size import BITS_BY_PIXELS, COARSEST
from codec.metrics.base import Metric
from codec.metrics.catalog import metric
from codec.priors.base import BaseClip, Condition, VideoPrior
from codec.priors.catalog import open_prior
from codec.video import VideoReader, coding_size, probe, scaled_picture

NAME = "coding_size"
SIDES = (144, 240, 360, 480, 720)
LEVELS = (48.0, 56.0, 62.0, 68.0)
RATES = (5, 10, 15, 20, 30, 40, 60)
START, FRAMES, PRESET, SEGMENT = 1.0, 48, 8, 240
# Which frames, and where in them, as shares of width and height.
JUDGED = ((15, 0.35), (30, 0.65))
PART = 256
OLD = 240


@dataclass(frozen=True)
class Point:
    """One coding: bits a second, and DISTS at the source's size; `scaled` is that of scaling alone."""

    clip: str
    side: int
    pixels: int
    crf: float
    kbps: float
    dists: float
    scaled: float


def part(picture: Picture, share: float) -> Picture:
    """The part of a picture around a share of its width and height."""
    places = (min(max(round(share * side - PART / 2), 0), max(side - PART, 0)) for side in picture.shape[:2])
    top, left = places
    return picture[top : top + PART, left : left + PART]


def judged(metric: Metric, source: Sequence[Picture], made: Sequence[Picture]) -> float:
    """DISTS of pictures of any size, at the source's."""
    height, width = source[0].shape[:2]
    pairs = [
        (part(one, share), part(scaled_picture(other, width, height), share))
        for one, other, (_, share) in zip(source, made, JUDGED, strict=True)
    ]
    return float(metric(np.stack([one for one, _ in pairs]), np.stack([other for _, other in pairs])).mean())


def points(prior: VideoPrior[Condition], metric: Metric, path: Path, clip: str, side: int) -> Iterator[Point]:
    """One for each level."""
    info = probe(path)
    width, height = coding_size(info, side, 2)
    with VideoReader(path, start=START) as reader:
        chosen = {number for number, _ in JUDGED}
        source = [f.pixels for number, f in enumerate(islice(reader.frames(), FRAMES)) if number in chosen]
    with VideoReader(path, start=START, size=(width, height)) as reader:
        frames = np.stack([frame.pixels for frame in islice(reader.frames(), FRAMES)])
    scaled = judged(metric, source, [frames[number] for number, _ in JUDGED])
    for crf in LEVELS:
        coded = list(encode_segment(frames, StreamLevels.constant(crf), 1, info.frame_rate, PRESET))
        bits = [8 * len(frame.packet) for frame in coded]
        bases = np.stack([frame.picture for frame in coded])
        made = [restored(prior, bases[number - 1 : number + 2], crf, width, height) for number, _ in JUDGED]
        kbps = (bits[0] / SEGMENT + fmean(bits[1:])) * float(info.frame_rate) / 1000
        yield Point(clip, side, width * height, crf, kbps, judged(metric, source, made), scaled)


def restored(prior: VideoPrior[Condition], bases: Frames, crf: float, width: int, height: int) -> Picture:
    """The middle one of three pictures of a base."""
    condition = prior.prepare(BaseClip(bases, crf, 1), len(bases), height, width)
    ((picture,),) = prior.restore(condition, [1], [8])
    made: Picture = picture
    return made


def at_rate(curve: Sequence[Point], kbps: float) -> float | None:
    """DISTS at a rate, between measured levels; None below the coarsest."""
    known = sorted(curve, key=lambda point: point.kbps)
    if kbps < 0.93 * known[0].kbps:
        return None
    return float(np.interp(math.log(kbps), [math.log(p.kbps) for p in known], [p.dists for p in known]))


def at_level(curve: Sequence[Point], crf: float) -> float:
    """kbit/s at a level, between measured ones."""
    known = sorted(curve, key=lambda point: point.crf)
    return float(np.exp(np.interp(crf, [p.crf for p in known], [math.log(p.kbps) for p in known])))


def rule(curves: Mapping[int, Sequence[Point]], kbps: float, crf: float) -> int:
    """What `codec.control.coding_size.for_rate` chooses after a trial at 240 lines, were CRF `crf` its level."""
    trial, taken = curves[OLD][0].pixels, at_level(curves[OLD], crf)
    fits = [side for side, curve in curves.items() if taken * (curve[0].pixels / trial) ** BITS_BY_PIXELS <= kbps]
    return max(fits, default=min(curves))


def rows(clips: Mapping[str, Mapping[int, Sequence[Point]]]) -> Iterator[str]:
    """The tables."""
    yield "clip  lines  scaled     " + "  ".join(f"CRF {crf:g}: kbit/s DISTS" for crf in LEVELS)
    for clip, curves in clips.items():
        for side, curve in curves.items():
            levels = "  ".join(f"{point.kbps:14.1f} {point.dists:6.3f}" for point in curve)
            yield f"{clip:4} {side:6} {curve[0].scaled:7.3f} {levels}"
    yield ""
    yield "clip kbit/s  " + " ".join(f"{side:>6}" for side in SIDES) + "  chosen   (DISTS at the source's size)"
    for clip, curves in clips.items():
        for kbps in RATES:
            found = {side: at_rate(curve, kbps) for side, curve in curves.items()}
            if any(value is not None for value in found.values()):
                cells = (f"{value:6.3f}" if (value := found.get(side)) is not None else "     -" for side in SIDES)
                yield f"{clip:4} {kbps:6}  {' '.join(cells)}  {rule(curves, kbps, COARSEST):6}"
    yield ""
    for crf in (60.0, 62.0, 64.0, COARSEST, 68.0):
        away = list(misses(clips, lambda curves, kbps, crf=crf: rule(curves, kbps, crf)))
        yield f"largest that fits at CRF {crf:g}: {fmean(away):.4f} from the best on average, {max(away):.3f} at most"
    away = list(misses(clips, lambda *_: OLD))
    yield f"{OLD} lines always: {fmean(away):.4f} from the best on average, {max(away):.3f} at most"


def misses(clips: Mapping[str, Mapping[int, Sequence[Point]]], choose) -> Iterator[float]:  # type: ignore[no-untyped-def]
    """How much worse than the best size what `choose` takes looks, where it can be coded at that rate."""
    for curves in clips.values():
        for kbps in RATES:
            found = {side: value for side, curve in curves.items() if (value := at_rate(curve, kbps)) is not None}
            if (taken := choose(curves, kbps)) in found:
                yield found[taken] - min(found.values())


def measured(folder: Path, clips: Sequence[str]) -> list[Point]:
    """What was kept with these weights, and all that is missing."""
    kept = load(NAME) if (FOLDER / f"{NAME}.json").exists() else None
    known = [] if kept is None or kept.outdated else [Point(**point) for point in kept.figures]
    for clip in clips:
        path = clip_path(folder, clip)
        info = probe(path)
        for side in SIDES:
            done = {point.side for point in known if point.clip == clip}
            if side not in done and side <= min(info.width, info.height):
                known += points(open_prior("pocket", "cpu", "float32"), metric("dists"), path, clip, side)
                save(NAME, [asdict(point) for point in known], uses_weights=True)
    return known


def main() -> None:
    """Measure what isn't measured yet, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clips", nargs="+", default=["10", "17", "14", "06", "13"])
    arguments = parser.parse_args()
    known = measured(arguments.folder, arguments.clips)
    clips = {
        clip: {side: curve for side in SIDES if (curve := [p for p in known if (p.clip, p.side) == (clip, side)])}
        for clip in arguments.clips
    }
    print("\n".join(rows(clips)))


if __name__ == "__main__":
    main()
