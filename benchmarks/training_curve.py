"""What training has bought: BD-rate of restored bases against SVT-AV1 for weights of different age.

    python -m benchmarks.training_curve CLIPS PEERS.json WEIGHTS.safetensors ... [--clips 03 10]

PEERS.json is the results file of `rate_perception.py`. Each clip's base is coded at several CRFs; "none" judges it as
it is, and each file of weights restores it at t* = 0. The base's packets alone are counted, as the peers' are.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch

from benchmarks.clips import JUDGED_EVERY, Clip, read_clip
from benchmarks.rate_perception import FRAMES, HIGHEST_BPP
from benchmarks.results import save
from codec.base.av1 import encode_clip
from codec.errors import InputError
from codec.metrics.base import Metric
from codec.metrics.catalog import metric
from codec.priors.base import BaseClip
from codec.priors.computing import Computing
from codec.priors.pocket import PocketPrior, load_pocket
from codec.reproduce.bd_rate import bd_rate

CRFS = (66, 62, 58)
JUDGED = slice(1, None, JUDGED_EVERY)
Curve = list[tuple[float, float]]


def restored(prior: PocketPrior | None, base: BaseClip, shape: tuple[int, int, int]) -> Clip:
    """The judged frames as a prior makes them of the base alone, or as they are there."""
    if prior is None:
        return base.frames[JUDGED]
    condition = prior.prepare(base, *shape)
    latent = torch.zeros(prior.geometry.latent_shape(*shape))
    clean = prior.denoise(latent, 0, condition)
    return prior.preview(clean, 0, condition, range(shape[0])[JUDGED])


def curves(
    frames: Clip, rate: object, priors: Mapping[str, PocketPrior | None], judges: Mapping[str, Metric]
) -> dict[tuple[str, str], Curve]:
    """(bpp, value) at every CRF, by (weights, metric)."""
    points: dict[tuple[str, str], Curve] = {(name, judge): [] for name in priors for judge in judges}
    for crf in CRFS:
        size, pictures = encode_clip(frames, crf, 1, rate)  # type: ignore[arg-type]
        for name, prior in priors.items():
            made = restored(prior, BaseClip(pictures, crf, 1), frames.shape[:3])  # type: ignore[arg-type]
            for judge, measure in judges.items():
                bpp = 8 * size / frames[..., 0].size
                points[name, judge].append((bpp, float(np.mean(measure(frames[JUDGED], made)))))
    return points


def peer_curve(rows: list[dict[str, object]], clip: str, judge: str) -> Curve:
    """SVT-AV1's points of a clip."""
    chosen = [(float(row["bpp"]), float(row[judge])) for row in rows if (row["clip"], row["codec"]) == (clip, "svtav1")]  # type: ignore[arg-type]
    return [(bpp, value) for bpp, value in chosen if bpp < HIGHEST_BPP]


def lines(found: list[dict[str, object]]) -> Iterator[str]:
    """One line for weights, metric and clip."""
    for row in found:
        rate = "no overlap" if row["bd_rate"] is None else f"{row['bd_rate']:+.1f} %"
        yield f"{row['weights']:40} {row['metric']:6} {row['clip']} {rate}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("peers", type=Path)
    parser.add_argument("weights", type=Path, nargs="+")
    parser.add_argument("--clips", nargs="+", default=["03", "10"])
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows = json.loads(args.peers.read_text())
    priors: dict[str, PocketPrior | None] = {"none": None}
    priors |= {path.stem: load_pocket(path, Computing.choose("cpu", "float32")) for path in args.weights}
    judges = {name: metric(name) for name in ("dists", "lpips")}
    found: list[dict[str, object]] = []
    for clip in args.clips:
        for (name, judge), curve in curves(*read_clip(args.folder, clip, 144, FRAMES), priors, judges).items():
            try:
                rate = bd_rate(peer_curve(rows, clip, judge), curve, True)
            except InputError:
                rate = None
            found.append({"weights": name, "metric": judge, "clip": clip, "bd_rate": rate})
    print("\n".join(lines(found)))
    save("training_curve", found, uses_weights=False)


if __name__ == "__main__":
    main()
