"""The bundled metric's teacher: exact DISTS, nearly all of it in bfloat16, and the files that keep what it says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from codec.metrics.base import to_unit_tensor
from codec.metrics.dists import DistsNetwork, normalise, stage_terms

Picture = NDArray[np.uint8]
CPU = torch.device("cpu")


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


def label(teacher: DistsNetwork, references: Picture, distorted: Picture) -> torch.Tensor:
    """What texture and structure of each of DISTS's six stages add to the score: float32 (R, D, 6, 2).

    Args:
        references: uint8 (R, H, W, 3); the features of each are computed once.
        distorted: uint8 (R, D, H, W, 3).
    """
    terms = []
    with torch.inference_mode():
        for reference, versions in zip(references, distorted, strict=True):
            known = teacher_features(teacher, to_unit_tensor(reference[None], CPU))
            features = teacher_features(teacher, to_unit_tensor(versions, CPU))
            terms.append(stage_terms(known, features, teacher.alpha, teacher.beta))
    return torch.stack(terms)


def write_pairs(
    target: Path, references: Picture, distorted: Picture, terms: torch.Tensor, kinds: Sequence[str]
) -> None:
    """One file of pairs and labels; it gets its final name only when complete."""
    pictures = {"reference": references, "distorted": distorted}
    tensors = {key: torch.from_numpy(np.ascontiguousarray(value)) for key, value in pictures.items()}
    partial = target.with_suffix(".part")
    save_file(tensors | {"terms": terms.contiguous()}, partial, {"kinds": " ".join(kinds)})
    partial.rename(target)
