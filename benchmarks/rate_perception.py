"""Rate and perception against SVT-AV1 and x265 on real clips, whole-file bytes, one keyframe at the peers' start.

    python -m benchmarks.rate_perception CLIPS OUT.json [--short-side 144] [--clips 03 10 ...]
        [--base av1|none] [--targets 0.18 ...]

Each clip's first 96 frames are read at coding size; that sequence is what every codec gets and is judged against.
Peers are counted by their packets alone, without any container: a little in their favour. Measured points are kept in
OUT.json and not measured again; the table and the BD-rates are printed at the end. What README shows, 144 lines with
the base that is chosen by itself, is kept in results/rate_perception.json too.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.clips import CLIPS, JUDGED_EVERY, Clip, decoded, read_clip, seam, write_source
from benchmarks.results import save
from codec.encoder import encode
from codec.errors import InputError
from codec.events import Finished
from codec.metrics.base import Metric
from codec.metrics.catalog import metric
from codec.peers.codecs import PEERS
from codec.priors.pocket import GEOMETRY
from codec.reproduce.bd_rate import bd_rate
from codec.settings import EncodeSettings, Quality

FRAMES = 96
HIGHEST_BPP = 0.08
README_SIDE = 144
TARGETS = (0.18, 0.15, 0.12)
AGAINST = ("svtav1", "x265")
METRICS = ("dists", "lpips", "psnr")

Judges = dict[str, Metric]
Key = tuple[str, str, float]


@dataclass(frozen=True)
class Point:
    """One codec at one setting on one clip.

    Attributes:
        seam: tOF over the frame pairs in and beside our GOPs' overlaps as a multiple of that over all others. The peers
            have no seam there, so theirs says what the clip's motion makes of it.
    """

    clip: str
    codec: str
    setting: float
    bpp: float
    dists: float
    lpips: float
    psnr: float
    base_share: float
    encode_fps: float
    decode_fps: float
    seam: float = math.nan


def ours(frames: Clip, rate: Fraction, target: float, base: str, folder: Path) -> tuple[Finished, Clip, float, float]:
    """Through real files: a lossless source, the .fgvc, a lossless decode; seconds of encode and decode."""
    source, coded = folder / "source.mkv", folder / "coded.fgvc"
    write_source(frames, rate, source)
    settings = EncodeSettings(goal=Quality(target), short_side=min(frames.shape[1:3]), base=base, audio="none")
    began = time.perf_counter()
    done = next(event for event in encode(source, coded, settings) if isinstance(event, Finished))
    coded_at = time.perf_counter()
    made = decoded(coded, folder / "out.mkv")
    return done, made, coded_at - began, time.perf_counter() - coded_at


def judge(judges: Judges, frames: Clip, made: Clip) -> dict[str, float]:
    """Means over every JUDGED_EVERY-th frame."""
    chosen = slice(1, None, JUDGED_EVERY)
    return {name: float(np.mean(judge(frames[chosen], made[chosen]))) for name, judge in judges.items()}


def near_overlaps(count: int) -> NDArray[np.bool_]:
    """Which pairs of consecutive frames lie in or beside an overlap of our GOPs, (count - 1,)."""
    pairs = np.arange(1, count)
    step = GEOMETRY.gop_frames - GEOMETRY.overlap_frames
    near: NDArray[np.bool_] = (pairs >= step) & (pairs % step <= GEOMETRY.overlap_frames)
    return near


def peer_points(clip: str, frames: Clip, rate: Fraction, known: set[Key], judges: Judges) -> Iterator[Point]:
    """The peers' points of one clip that aren't known yet."""
    for name in AGAINST:
        for crf in (crf for crf in PEERS[name].curve if (clip, name, float(crf)) not in known):
            began = time.perf_counter()
            made = PEERS[name].encode(frames, crf, rate)
            fps = len(frames) / (time.perf_counter() - began)
            bpp = 8 * made.bytes / frames[..., 0].size
            yield Point(
                clip,
                name,
                crf,
                bpp,
                **judge(judges, frames, made.frames),
                base_share=0,
                encode_fps=fps,
                decode_fps=0,
                seam=seam(frames, made.frames, near_overlaps(len(frames))),
            )


def our_points(
    clip: str,
    frames: Clip,
    rate: Fraction,
    known: set[Key],
    judges: Judges,
    base: str,
    targets: Sequence[float],
) -> Iterator[Point]:
    """Our points of one clip that aren't known yet."""
    codec = "fgvc" if base == "auto" else f"fgvc-{base}"
    for target in (target for target in targets if (clip, codec, target) not in known):
        with tempfile.TemporaryDirectory() as folder:
            done, pictures, encode_s, decode_s = ours(frames, rate, target, base, Path(folder))
        yield Point(
            clip,
            codec,
            target,
            8 * done.bytes / frames[..., 0].size,
            **judge(judges, frames, pictures),
            base_share=done.base_bytes / done.bytes,
            encode_fps=len(frames) / encode_s,
            decode_fps=len(frames) / decode_s,
            seam=seam(frames, pictures, near_overlaps(len(frames))),
        )


def curve(rows: list[Point], clip: str, codec: str, name: str) -> list[tuple[float, float]]:
    """(bpp, quality) below HIGHEST_BPP."""
    return [(p.bpp, getattr(p, name)) for p in rows if (p.clip, p.codec) == (clip, codec) and p.bpp < HIGHEST_BPP]


def report(rows: list[Point]) -> Iterator[str]:
    """The table, then BD-rates per clip and their mean."""
    yield "clip codec setting | bpp | DISTS | LPIPS-Alex | PSNR | base share | encode fps | decode fps | seam"
    for p in sorted(rows, key=lambda p: (p.clip, p.codec, p.bpp)):
        speed = f"{p.encode_fps:.1f} | {p.decode_fps:.1f} | {p.seam:.2f}"
        quality = f"{p.bpp:.4f} | {p.dists:.4f} | {p.lpips:.4f} | {p.psnr:.2f}"
        yield f"{p.clip} {p.codec} {p.setting:g} | {quality} | {p.base_share:.2f} | {speed}"
    codecs = sorted({p.codec for p in rows} - set(AGAINST))
    for codec in codecs:
        for name in ("dists", "lpips", "psnr"):
            for anchor in AGAINST:
                yield bd_line(rows, codec, anchor, name)


def bd_rates(rows: list[Point], codec: str, anchor: str, name: str) -> dict[str, float | None]:
    """BD-rates of one metric against one peer by clip, in percent; None where the curves have no common range."""
    rates: dict[str, float | None] = {}
    for clip in sorted({p.clip for p in rows if p.codec == codec}):
        try:
            rates[clip] = bd_rate(curve(rows, clip, anchor, name), curve(rows, clip, codec, name), name != "psnr")
        except InputError:
            rates[clip] = None
    return rates


def bd_line(rows: list[Point], codec: str, anchor: str, name: str) -> str:
    """`bd_rates` for people."""
    rates = bd_rates(rows, codec, anchor, name)
    texts = [f"{clip} no overlap" if rate is None else f"{clip} {rate:+.1f}" for clip, rate in rates.items()]
    known = [rate for rate in rates.values() if rate is not None]
    mean = f"{np.mean(known):+.1f} %" if known else "none"
    return f"BD-rate {name} {codec} vs {anchor}: mean {mean} ({', '.join(texts)})"


def figures(rows: list[Point], codec: str) -> dict[str, Any]:
    """What is kept: every point, and the BD-rates of `codec` where the curves meet."""
    rates = {name: {anchor: bd_rates(rows, codec, anchor, name) for anchor in AGAINST} for name in METRICS}
    return {"points": [asdict(p) for p in rows], "bd_rates": rates}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--clips", nargs="*", default=CLIPS)
    parser.add_argument("--short-side", type=int, default=144)
    parser.add_argument("--base", default="auto")
    parser.add_argument("--targets", type=float, nargs="+", default=TARGETS)
    parser.add_argument("--only", choices=("peers", "ours"))
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    rows = [Point(**row) for row in json.loads(args.results.read_text())] if args.results.exists() else []
    judges = {name: metric(name) for name in METRICS}
    for clip in args.clips:
        frames, rate = read_clip(args.folder, clip, args.short_side, FRAMES)
        known = {(p.clip, p.codec, p.setting) for p in rows}
        theirs = peer_points(clip, frames, rate, known, judges) if args.only != "ours" else iter(())
        mine: Iterator[Point] = iter(())
        if args.only != "peers":
            mine = our_points(clip, frames, rate, known, judges, args.base, args.targets)
        for point in chain(theirs, mine):
            rows.append(point)
            args.results.write_text(json.dumps([asdict(p) for p in rows], indent=0))
    for line in report(rows):
        print(line)
    if (args.short_side, args.base) == (README_SIDE, "auto"):
        save("rate_perception", figures(rows, "fgvc"), uses_weights=True)


if __name__ == "__main__":
    main()
