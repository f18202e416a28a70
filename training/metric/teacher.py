"""The bundled metric's teacher, exact DISTS, and the files that keep what it says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from codec.metrics.base import to_unit_tensor
from codec.metrics.dists import DistsNetwork, moments, stage_terms

Picture = NDArray[np.uint8]
CPU = torch.device("cpu")


def label(teacher: DistsNetwork, references: Picture, distorted: Picture) -> torch.Tensor:
    """What texture and structure of each of DISTS's six stages add to the score: float32 (R, D, 6, 2).

    Args:
        references: uint8 (R, H, W, 3); the moments of each are computed once.
        distorted: uint8 (R, D, H, W, 3).
    """
    terms = []
    with torch.inference_mode():
        for reference, versions in zip(references, distorted, strict=True):
            known = moments(teacher.features(to_unit_tensor(reference[None], CPU)))
            rows = [moments(teacher.features(to_unit_tensor(version[None], CPU))) for version in versions]
            terms.append(torch.cat([stage_terms(known, row, teacher.alpha, teacher.beta) for row in rows]))
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
