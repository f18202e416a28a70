"""Make training pairs from the codec's own output: what the pocket prior decodes from prefixes of its trajectory.

    python -m training.metric_decodes WORK/items PAIRS resources/pocket.safetensors [--models FOLDER]

Files are of the kind that `training.metric_data` writes, so both folders train together. A prefix is simulated as the
channel delivers it: the latent with exactly the noise of its level.
"""

from __future__ import annotations

import argparse
import json
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from codec.metrics.dists import load_dists_network
from codec.metrics.networks import default_folders
from codec.priors.base import BaseClip
from codec.priors.pocket import PocketPrior, load_pocket
from training.metric_data import DISTORTIONS, REFERENCES, item_folders
from training.metric_distortions import Picture, Rng
from training.metric_teacher import CPU, label, write_pairs


def decode_prefixes(
    prior: PocketPrior, frames: Picture, base: BaseClip | None, steps: Sequence[int], wanted: Sequence[int], rng: Rng
) -> Picture:
    """Frames `wanted` of the clip (T, H, W, 3), decoded after each of `steps`: (len(wanted), len(steps), H, W, 3)."""
    condition = prior.prepare(base, *frames.shape[:3])
    latent = prior.encode(frames, condition)
    versions = []
    for step in steps:
        noise = torch.from_numpy(rng.standard_normal(latent.shape, np.float32))
        state = prior.schedule.alphas[step] * latent + prior.schedule.sigmas[step] * noise
        clean = prior.denoise(state, step, condition)
        versions.append(prior.preview(clean, step, condition, wanted))
    return np.stack(versions, axis=1)


def random_base(folder: Path, rng: Rng) -> BaseClip | None:
    """One of the item's bases; none at all one time in ten."""
    bases = json.loads((folder / "item.json").read_text())["bases"]
    if rng.random() < 0.1:
        return None
    index = int(rng.integers(len(bases)))
    return BaseClip(np.load(folder / f"base{index}.npy"), bases[index]["crf"], bases[index]["scale"])


def make_decodes(folder: Path, prior: PocketPrior, rng: Rng) -> tuple[Picture, Picture]:
    """References (R, H, W, 3) and what was decoded in their place (R, D, H, W, 3)."""
    frames: Picture = np.load(folder / "source.npy")
    wanted = sorted(int(index) for index in rng.choice(len(frames), size=REFERENCES, replace=False))
    steps = sorted(int(step) for step in rng.choice(prior.schedule.steps + 1, size=DISTORTIONS, replace=False))
    return frames[wanted], decode_prefixes(prior, frames, random_base(folder, rng), steps, wanted, rng)


def main() -> None:
    """Make every item's pairs that aren't there yet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("items", type=Path)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("prior", type=Path)
    parser.add_argument("--models", type=Path, action="append", help="folder with vgg16_features.safetensors")
    parser.add_argument("--count", type=int, default=400)
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.pairs.mkdir(parents=True, exist_ok=True)
    teacher, prior = load_dists_network(args.models or default_folders()), load_pocket(args.prior, CPU, "float32")
    for number, folder in enumerate(item_folders(args.items)[: args.count]):
        target = args.pairs / f"{folder.name}.safetensors"
        if not target.exists():
            references, decoded = make_decodes(folder, prior, np.random.default_rng(zlib.crc32(folder.name.encode())))
            write_pairs(target, references, decoded, label(teacher, references, decoded), ["codec"])
        if number % 50 == 0:
            print(f"{number} of {args.count}", flush=True)


if __name__ == "__main__":
    main()
