"""What a transform over the whole GOP could save of the bits that are sent over a base: Gaussian bounds.

    python -m benchmarks.coding.implicit_bound CLIPS [--clips 03 10 14] [--short-side 144] [--crf 64]

The residual of one GOP over its base is coded, in theory, as Gaussian coefficients whose variances the decoder knows:
reverse water filling (Cover & Thomas, theorem 10.3.3), with the rate that a mismatched variance costs on top. Printed
are its bits for the mean square error that each finer AV1 base has, as a multiple of what that base takes more. Below 1
a perfect denoiser over such a latent would earn its bits.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.clips import Clip, read_clip
from benchmarks.results import save
from codec.base.av1 import encode_clip
from codec.priors.pocket import GEOMETRY

Array = NDArray[np.float64]
BLOCK = 8
FINER = (2.0, 4.0, 6.0, 9.0)
"""CRF below the base's, of the bases that are compared with."""
NEIGHBOURHOOD = 5
_HALVINGS = 50
_LEAST_VARIANCE = 1e-3


def dct(values: Array, axis: int) -> Array:
    """Orthonormal DCT-II along an axis."""
    count = values.shape[axis]
    places = (np.arange(count) + 0.5) * np.pi / count
    matrix = np.cos(np.outer(np.arange(count), places)) * np.sqrt(2 / count)
    matrix[0] /= np.sqrt(2)
    return np.moveaxis(np.tensordot(values, matrix, axes=(axis, 1)), -1, axis)


def block_transform(residual: Array) -> Array:
    """(T, H, W, 3) -> 8x8 DCT of decorrelated colours, (T, H/8, W/8, 192)."""
    colours = np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]], np.float64)
    colours /= np.linalg.norm(colours, axis=1, keepdims=True)
    count, height, width, _ = residual.shape
    blocks = (residual @ colours.T).reshape(count, height // BLOCK, BLOCK, width // BLOCK, BLOCK, 3)
    spectrum = dct(dct(blocks, 2), 4)
    return spectrum.transpose(0, 1, 3, 5, 2, 4).reshape(count, height // BLOCK, width // BLOCK, -1)


@dataclass(frozen=True)
class Motion:
    """Where each pixel of a GOP's middle picture lies in every picture: float32 (T, H, W, 2), from the base alone."""

    places: NDArray[np.float32]

    @classmethod
    def of(cls, base: Clip) -> Motion:
        """DIS flow from picture to picture, chained from the middle outwards."""
        grey = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in base]
        finder = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        height, width = grey[0].shape
        rows, columns = np.mgrid[:height, :width].astype(np.float32)
        middle = len(base) // 2
        places = np.zeros((len(base), height, width, 2), np.float32)
        places[middle] = np.stack([columns, rows], -1)
        for way in (1, -1):
            for time in range(middle + way, len(base) if way > 0 else -1, way):
                step = finder.calc(grey[time - way], grey[time], np.zeros((height, width, 2), np.float32))
                before = places[time - way]
                moved = cv2.remap(step, before[..., 0], before[..., 1], cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE)
                places[time] = before + moved
        return cls(places)

    def align(self, pictures: Array) -> Array:
        """(T, H, W, 3), each picture as seen from the middle one."""
        moved = [
            cv2.remap(picture, place[..., 0], place[..., 1], cv2.INTER_CUBIC, None, cv2.BORDER_REFLECT)
            for picture, place in zip(pictures.astype(np.float32), self.places, strict=True)
        ]
        return np.stack(moved).astype(np.float64)


def following_neighbours(energy: Array, variances: Array) -> Array:
    """Variances scaled by how much more energy the blocks around a place have than all have on average."""
    blocks = energy.mean(-1)
    kernel = np.ones((NEIGHBOURHOOD, NEIGHBOURHOOD))
    kernel[NEIGHBOURHOOD // 2, NEIGHBOURHOOD // 2] = 0  # a decoder doesn't know the place itself
    kernel /= kernel.sum()
    around = np.stack([cv2.filter2D(plane, -1, kernel, borderType=cv2.BORDER_REFLECT) for plane in blocks])
    scale = around / (blocks.mean((1, 2), keepdims=True) + 1e-9)
    scaled: Array = np.maximum(variances * scale[..., None], _LEAST_VARIANCE)
    return scaled


def rate(energy: Array, variances: Array, distortion: float) -> float:
    """Bits for coefficients of these energies, coded as if of these variances, so that `distortion` is left in all."""
    low, high = _LEAST_VARIANCE, 1e5
    for _ in range(_HALVINGS):
        level = float(np.sqrt(low * high))
        left = np.where(variances > level, level, energy).sum()
        low, high = (low, level) if left > distortion else (level, high)
    coded = variances > level
    known, true = variances[coded], energy[coded]
    mismatch = (true - known) / known * (1 - level / known)
    return max(0.0, float(0.5 * np.log2(known / level).sum() + 0.5 / np.log(2) * mismatch.sum()))


def latents(residual: Array, base: Clip) -> Iterator[tuple[str, Array, Array]]:
    """(name, energies, variances) of each kind of latent."""
    still = block_transform(residual)
    moving = dct(block_transform(Motion.of(base).align(residual)), 0)
    for name, spectrum in (("per frame", still), ("DCT over the GOP", dct(still, 0)), ("along the motion", moving)):
        energy = spectrum**2
        variances = np.broadcast_to(energy.mean((1, 2), keepdims=True), energy.shape)
        yield name, energy, variances
    yield "and as its neighbours", energy, following_neighbours(energy, variances)


def multiples(frames: Clip, frame_rate: Fraction, crf: float) -> tuple[dict[float, float], dict[str, list[float]]]:
    """Decibels that each finer base gains, and for every latent its bits for each of them, as multiples."""
    size, base = encode_clip(frames, crf, 1, frame_rate)
    finer = [encode_clip(frames, crf - less, 1, frame_rate) for less in FINER]
    lost = [float(((frames.astype(np.float64) - pictures) ** 2).sum()) for pictures in (base, *(p for _, p in finer))]
    gains = {less: float(10 * np.log10(lost[0] / left)) for less, left in zip(FINER, lost[1:], strict=True)}
    found = {
        name: [
            rate(energy, variances, left) / (8 * (bytes_ - size))
            for left, (bytes_, _) in zip(lost[1:], finer, strict=True)
        ]
        for name, energy, variances in latents(frames.astype(np.float64) - base, base)
    }
    return gains, found


def whole_blocks(frames: Clip) -> Clip:
    """Without what is left over at the right and at the bottom."""
    height, width = (side // BLOCK * BLOCK for side in frames.shape[1:3])
    return np.ascontiguousarray(frames[:, :height, :width])


def lines(clip: str, gains: Mapping[float, float], found: Mapping[str, list[float]]) -> Iterator[str]:
    """One clip in print."""
    yield f"{clip}  {'':22}" + "".join(f"   +{gain:.1f} dB" for gain in gains.values())
    for name, values in found.items():
        yield f"    {name:22}" + "".join(f"  {value:6.2f}x" for value in values)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clips", nargs="+", default=["03", "10", "14"])
    parser.add_argument("--short-side", type=int, default=144)
    parser.add_argument("--crf", type=float, default=64.0)
    args = parser.parse_args()
    figures = {}
    for clip in args.clips:
        frames, frame_rate = read_clip(args.folder, clip, args.short_side, GEOMETRY.gop_frames)
        gains, found = multiples(whole_blocks(frames), frame_rate, args.crf)
        figures[clip] = {"decibels": list(gains.values()), "multiples": found}
        print("\n".join(lines(clip, gains, found)), flush=True)
    save("implicit_bound", {"lines": args.short_side, "crf": args.crf, "clips": figures}, uses_weights=False)


if __name__ == "__main__":
    main()
