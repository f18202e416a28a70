"""Weights of this program's own networks, as training exports them: fp16 tensors, and what it takes to build them."""

from __future__ import annotations

from pathlib import Path

from safetensors import safe_open
from torch import Tensor


def read_weights(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """(metadata, tensors in float32); the metadata's "config" tells the network's shape.

    Raises:
        OSError, SafetensorError: the file is missing or damaged.
    """
    with safe_open(path, "pt") as file:
        return file.metadata(), {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
