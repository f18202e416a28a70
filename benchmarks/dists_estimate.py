"""How well MS-SSIM stands in for DISTS where VGG16 is missing: fits DISTS = sqrt((1 - MS-SSIM) / k).

    python benchmarks/dists_estimate.py CLIPS

AV1 bases and x265 of several clips at several quantisers; prints k and the error that is left.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch

from codec.metrics.catalog import metric
from codec.peers import PEERS
from codec.video import VideoReader, coding_size, probe

CLIPS = ("03", "06", "08", "13", "17")
QUANTISERS = {"svtav1": (45, 54, 63), "x265": (36, 44)}


def main() -> None:
    """Print one line per point, then the fit."""
    torch.set_num_threads(1)
    dists, ssim = metric("dists"), metric("ms-ssim")
    points = []
    for clip in CLIPS:
        path = next(Path(sys.argv[1]).glob(f"{clip}_*"))
        with VideoReader(path, size=coding_size(probe(path), 176, 2)) as reader:
            frames = np.stack([frame.pixels for _, frame in zip(range(16), reader.frames(), strict=False)])
        rate = probe(path).frame_rate
        for name, quantisers in QUANTISERS.items():
            for quantiser in quantisers:
                made = PEERS[name].encode(frames, quantiser, rate).frames[::5]
                pair = float(dists(frames[::5], made).mean()), float(ssim(frames[::5], made).mean())
                points.append(pair)
                print(clip, name, quantiser, *(f"{value:.4f}" for value in pair), flush=True)
    d, s = np.array(points).T
    k = float(np.exp(np.mean(np.log(1 - s) - 2 * np.log(d))))
    estimate = np.sqrt((1 - s) / k)
    print(f"k {k:.3f}, mean absolute error {np.abs(estimate - d).mean():.4f}, r {np.corrcoef(estimate, d)[0, 1]:.3f}")


if __name__ == "__main__":
    main()
