"""Pictures without any file: smooth noise that moves."""

from __future__ import annotations

import numpy as np
import torch


def moving_noise(frames: int, height: int, width: int, seed: int = 0) -> np.ndarray:
    """Smooth noise that moves: uint8 (T, H, W, 3)."""
    rng = np.random.default_rng(seed)
    coarse = torch.from_numpy(rng.random((1, 3, height // 8 + 4, width // 8 + 4), np.float32))
    fine = torch.nn.functional.interpolate(coarse, scale_factor=8, mode="bilinear")[0].permute(1, 2, 0).numpy()
    return np.stack([(255 * fine[2 * t : 2 * t + height, t : t + width]).astype(np.uint8) for t in range(frames)])
