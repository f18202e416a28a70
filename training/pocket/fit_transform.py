"""Fit the pocket prior's linear transform to prepared items: principal components with and without a base.

python -m training.pocket.fit_transform WORK        writes WORK/transform.safetensors
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from codec.base.pictures import upsample
from codec.priors.pocket import to_tensor
from codec.priors.pocket_net import LATENT_STRIDE, SLOT_FRAMES, PocketConfig
from training.pocket.dataset import items

ITEMS = 400


def blocks(residual: Tensor) -> Tensor:
    """(T, 3, H, W) -> (positions, 768), the order of `LinearTransform`."""
    rows, columns = (side // LATENT_STRIDE * LATENT_STRIDE for side in residual.shape[2:])
    slots = residual[: len(residual) // SLOT_FRAMES * SLOT_FRAMES, :, :rows, :columns].unflatten(0, (-1, SLOT_FRAMES))
    return F.pixel_unshuffle(slots.flatten(1, 2), LATENT_STRIDE).permute(0, 2, 3, 1).flatten(0, 2)


def covariances(work: Path) -> Tensor:
    """(2, 768, 768) second moments of blocks: of the source itself, and of what its bases lack. Items weigh alike."""
    size = 3 * SLOT_FRAMES * LATENT_STRIDE**2
    total = torch.zeros(2, size, size, dtype=torch.float64)
    chosen = items(work, "train")
    for item in chosen[:: max(1, len(chosen) // ITEMS)]:
        source = np.load(item / "source.npy")[:8]
        height, width = source.shape[1:3]
        bases = json.loads((item / "item.json").read_text())["bases"]
        for index, base in enumerate(bases):
            seen = np.load(item / f"base{index}.npy")[:8]
            full = (seen if base["scale"] == 1 else upsample(seen, width, height))[:, :height, :width]
            for which, picture in enumerate((to_tensor(source), to_tensor(source) - to_tensor(full))):
                rows = blocks(picture)
                total[which] += (rows.T @ rows).double() / len(rows)
    return total / (len(chosen[:: max(1, len(chosen) // ITEMS)]) * 2)


def fit(covariance: Tensor, latent: int) -> tuple[Tensor, Tensor, Tensor]:
    """(basis (latent, 768), gain, spread (latent,)) of one covariance."""
    powers, vectors = torch.linalg.eigh(covariance)
    powers, basis = powers.flip(0)[:latent], vectors.flip(1)[:, :latent].T
    gain = powers.mean().rsqrt()
    return basis.float(), gain.float(), (powers.sqrt() * gain).float()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("work", type=Path)
    args = parser.parse_args()
    moments = covariances(args.work)
    fitted = [fit(covariance, PocketConfig().latent) for covariance in moments]
    basis, gain, spread = (torch.stack(column) for column in zip(*fitted, strict=True))
    save_file({"basis": basis.contiguous(), "gain": gain, "spread": spread}, args.work / "transform.safetensors")
    shares = [float((s / g).square().sum() / m.trace()) for s, g, m in zip(spread, gain, moments, strict=True)]
    print(f"share of the power kept: {shares[0]:.4f} of pictures, {shares[1]:.4f} of what bases lack")
    print(f"gain {gain.tolist()}, spread {spread[:, ::8].tolist()}")


if __name__ == "__main__":
    main()
