"""What exact DISTS says of a picture pair, and what its VGG16 sees on the way: the bundled metric's teacher."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch.nn import functional

from codec.metrics.base import to_unit_tensor
from codec.metrics.dists import DistsNetwork, normalise, stage_terms
from codec.metrics.pocket_dists import HEADS

Picture = NDArray[np.uint8]
CPU = torch.device("cpu")
GUIDE_STRIDE = 16


def teacher_features(teacher: DistsNetwork, x: torch.Tensor) -> list[torch.Tensor]:
    """`teacher.features`, every stage but the first in bfloat16; `training.metric_eval` prints the error."""
    h = teacher.stages[0](normalise(x))
    outputs = [x, h]
    for pool, stage in zip(teacher.pools, teacher.stages[1:], strict=True):
        h = pool(h)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            h = stage(h).float()
        outputs.append(h)
    return outputs


def guides(features: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """Local means of the stages that have a head, all on one grid: (B, C_k, ceil(H/16), ceil(W/16)) each.

    Args:
        features: of a `DistsNetwork` or `PocketNetwork`, RGB first.
    """
    sizes = [GUIDE_STRIDE >> stage for stage in HEADS]
    chosen = [features[stage + 1] for stage in HEADS]
    return [functional.avg_pool2d(f, size, ceil_mode=True) for f, size in zip(chosen, sizes, strict=True)]


def label(teacher: DistsNetwork, references: Picture, distorted: Picture) -> dict[str, torch.Tensor]:
    """What the student learns from.

    Args:
        references: uint8 (R, H, W, 3).
        distorted: uint8 (R, D, H, W, 3).

    Returns:
        terms: float32 (R, D, 6, 2), what texture and structure of each stage add to DISTS.
        guide2, guide3, guide4: float16 (R + R * D, C, h, w), see `guides`; references first.
    """
    terms, known_guides, version_guides = [], [], []
    with torch.inference_mode():
        for reference, versions in zip(references, distorted, strict=True):
            known = teacher_features(teacher, to_unit_tensor(reference[None], CPU))
            features = teacher_features(teacher, to_unit_tensor(versions, CPU))
            terms.append(stage_terms(known, features, teacher.alpha, teacher.beta))
            known_guides.append(guides(known))
            version_guides.append(guides(features))
        together = [torch.cat(maps).half() for maps in zip(*known_guides, *version_guides, strict=True)]
    return {"terms": torch.stack(terms)} | {f"guide{stage}": g for stage, g in zip(HEADS, together, strict=True)}


def write_pairs(
    target: Path, references: Picture, distorted: Picture, labels: dict[str, torch.Tensor], kinds: Sequence[str]
) -> None:
    """One file of pairs and labels; it gets its final name only when complete."""
    pictures = {"reference": references, "distorted": distorted}
    tensors = labels | {key: torch.from_numpy(np.ascontiguousarray(value)) for key, value in pictures.items()}
    partial = target.with_suffix(".part")
    save_file({key: value.contiguous() for key, value in tensors.items()}, partial, {"kinds": " ".join(kinds)})
    partial.rename(target)
