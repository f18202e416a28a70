"""What a decoder checks its latent state against: an exact hash, and a fingerprint that tells the drift."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

HASH_BYTES = 4
FINGERPRINT_BYTES = 8
_BLOCK = 1 << 16
_UNIT = 4096.0
_STEPS_PER_SIGMA = 64.0


def state_hash(latent: NDArray[np.float32]) -> bytes:
    """Four bytes that differ when any bit of the latent does (BLAKE2s of its little-endian float32 values)."""
    values = np.ascontiguousarray(latent, dtype="<f4")
    return hashlib.blake2s(values.tobytes(), digest_size=HASH_BYTES).digest()


def fingerprint(latent: NDArray[np.float32]) -> bytes:
    """Eight random projections of the latent, one byte each, equal on every machine for equal latents.

    Projection i is p_i = sum(s_i[n] * z[n]) / sqrt(N) with fixed signs s_i; its byte is round(64 * p_i) mod 256. Sums
    are of integers (z in units of 1/4096), so neither the order of summation nor the processor changes a bit of it.
    """
    flat = np.ravel(latent)
    total = np.zeros(FINGERPRINT_BYTES, dtype=np.int64)
    for start in range(0, flat.size, _BLOCK):
        block = _integers(flat[start : start + _BLOCK])
        total += _signs(start, block.size) @ block
    projection = total / (_UNIT * np.sqrt(max(flat.size, 1)))
    return bytes(np.rint(projection * _STEPS_PER_SIGMA).astype(np.int64).astype(np.uint8))


def drift(one: bytes, other: bytes) -> float:
    """Estimated RMS difference of two latents, from their fingerprints alone.

    Good to about a quarter of itself between 0.01 and 0.5 for latents of about unit variance; below it reads 0, above
    it stays near 1, since the bytes wrap around.
    """
    a, b = np.frombuffer(one, np.uint8), np.frombuffer(other, np.uint8)
    steps = (a - b).view(np.int8).astype(np.float64)
    return float(np.sqrt(np.mean(steps**2)) / _STEPS_PER_SIGMA)


def _integers(values: NDArray[np.float32]) -> NDArray[np.int64]:
    bounded = np.clip(np.nan_to_num(values, posinf=0.0, neginf=0.0), -32768.0, 32767.0)
    units: NDArray[np.int64] = np.rint(bounded * np.float32(_UNIT)).astype(np.int64)
    return units


def _signs(start: int, count: int) -> NDArray[np.int64]:
    """(8, count) of +-1: bit i of SplitMix64's finaliser over the value's position (Steele et al. 2014)."""
    x = (np.arange(start, start + count, dtype=np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    x ^= x >> np.uint64(31)
    bits = (x[None, :] >> np.arange(FINGERPRINT_BYTES, dtype=np.uint64)[:, None]) & np.uint64(1)
    return 1 - 2 * bits.astype(np.int64)
