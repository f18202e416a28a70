"""The prior that ships with the app: small enough for any CPU, conditioned on a cheap AV1 base layer.

Over a base the restorer makes the steps of the trajectory that cost nothing. What is sent beyond them is a latent that
says what the base lacks; without a base (`--base none`) it carries the whole picture. How both were trained: training/,
docs/pocket-prior.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from torch import Tensor

from codec.arrays import Frames
from codec.base.pictures import upsample
from codec.errors import PriorError, out_of_memory
from codec.format.header import Tiling
from codec.format.limits import MAX_RESTORATION
from codec.priors.base import BaseClip, Condition, Geometry
from codec.priors.computing import Computing
from codec.priors.defaults import DEFAULTS
from codec.priors.pocket_net import (
    LATENT_STRIDE,
    PAD_MULTIPLE,
    SLOT_FRAMES,
    PocketConfig,
    PocketNet,
    load_pocket_net,
    neighbours,
)
from codec.priors.restorer import Restorer, Told, load_restorer, neighbourhood
from codec.priors.schedule import NoiseSchedule

STEPS = 24
SIGMA_UNIT = 65535
FIRST_SNR, LAST_SNR = 0.02, 8.0
# Pictures made at a time, which bounds memory whatever a GOP's length.
SYNTHESIS_FRAMES = 4
RESTORED_FRAMES = 8
# (scale, CRF), coarse to fine: half size reaches below the lowest rate that AV1 has at coding size, and only there is
# it the better of both.
BASE_LEVELS = (*((2, crf) for crf in (70, 66, 63)), *((1, quarter / 4) for quarter in range(4 * 68, 4 * 12 - 1, -1)))
# A coarser base is told as this one: the networks have never been told of another.
TRAINED_CRF = 63

GEOMETRY = Geometry(
    temporal_stride=SLOT_FRAMES,
    spatial_stride=LATENT_STRIDE,
    channels=PocketConfig().latent,
    causal=False,
    gop_frames=DEFAULTS["pocket"].gop_frames,
    overlap_frames=DEFAULTS["pocket"].overlap_frames,
    pad_multiple=PAD_MULTIPLE,
)


def pocket_schedule() -> NoiseSchedule:
    """Pure noise, then STEPS levels with SNR in geometric progression."""
    snrs = np.geomspace(FIRST_SNR, LAST_SNR, STEPS)
    levels = [SIGMA_UNIT] + [round(SIGMA_UNIT / (1 + float(np.sqrt(snr)))) for snr in snrs]
    return NoiseSchedule.flow(SIGMA_UNIT, levels)


def base_info(setting: tuple[float, int] | None, rows: int) -> Tensor:
    """(crf, scale) of a base, or None for none -> (rows, 3) as `LevelEmbedding` takes it."""
    row = (0.0, 0.0, 0.0) if setting is None else (1.0, (min(setting[0], TRAINED_CRF) - 52) / 12, setting[1] - 1.0)
    return torch.tensor(row).expand(rows, 3)


def to_tensor(frames: Frames) -> Tensor:
    """uint8 (T, H, W, 3) -> float32 (T, 3, H, W) in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float() / 127.5 - 1


def to_frames(pictures: Tensor) -> Frames:
    """(T, 3, H, W) in [-1, 1] -> uint8 (T, H, W, 3)."""
    scaled = ((pictures.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return scaled.permute(0, 2, 3, 1).contiguous().cpu().numpy()


@dataclass(frozen=True, eq=False)
class PocketCondition(Condition):
    """What both sides know of a GOP.

    Attributes:
        pictures: uint8 (T, H, W, 3), the base at coding size; None without one.
        level: the base's CRF and scale; None without one.
        frames, height, width: the GOP's own size before padding.
        device: where tensors are made.
        extract: makes the features.
    """

    pictures: Frames | None = field(repr=False)
    level: tuple[float, int] | None
    frames: int
    height: int
    width: int
    device: torch.device
    extract: Callable[[PocketCondition], Tensor] = field(repr=False)

    @cached_property
    def info(self) -> Tensor:
        """(1, 3), see `LevelEmbedding`."""
        return base_info(self.level, 1).to(self.device)

    # Nobody needs the following where nothing is sent.

    @cached_property
    def base(self) -> Tensor:
        """(T', 3, H', W') padded base frames in [-1, 1]; zeros without a base."""
        slots = GEOMETRY.slots(self.frames)
        if self.pictures is None:
            height, width = (-(-side // PAD_MULTIPLE) * PAD_MULTIPLE for side in (self.height, self.width))
            return torch.zeros(slots * SLOT_FRAMES, 3, height, width, device=self.device)
        return _pad_time(_pad(to_tensor(self.pictures).to(self.device)), slots)

    @cached_property
    def features(self) -> Tensor:
        """(t, width, h, w) of the base, for the denoiser."""
        return self.extract(self)


class PocketPrior:
    """`VideoPrior` over `Restorer` and `PocketNet`.

    Attributes:
        dtype: "float32", or "bfloat16", which only speeds up CPUs and GPUs with matrix units for it.
    """

    id = "pocket"
    geometry = GEOMETRY
    ode_evaluations = 1
    reuse = 2
    base_levels: tuple[tuple[int, float], ...] = BASE_LEVELS
    base_by_default = True
    restores = DEFAULTS["pocket"].restores
    # Measured: benchmarks/control/implicit_layer.py.
    bpp_over_base = 0.0
    notes: tuple[str, ...] = ()
    tiling: Tiling | None = None

    def __init__(self, net: PocketNet, restorer: Restorer, weights_hash: bytes, computing: Computing) -> None:
        self.schedule = pocket_schedule()
        self.weights_hash = weights_hash
        self.device = computing.device
        self.dtype = computing.dtype
        self._restoring = computing.restoring
        self._net = net.to(computing.device).eval()
        self._restorer = restorer.to(computing.device).eval()

    def prepare(self, base: BaseClip | None, frames: int, height: int, width: int) -> PocketCondition:
        """See `VideoPrior.prepare`."""
        pictures = None if base is None else upsample(base.frames, width, height)
        level = None if base is None else (base.crf, base.scale)
        return PocketCondition(pictures, level, frames, height, width, self.device, self._features)

    @torch.inference_mode()
    def _features(self, condition: PocketCondition) -> Tensor:
        slots = self.geometry.slots(condition.frames)
        with self._autocast(self.dtype):
            features: Tensor = self._net.features(_slotted(condition.base), condition.info.expand(slots, 3), slots)
        return features.float()

    def restore(self, condition: PocketCondition, frames: Sequence[int], steps: Sequence[int]) -> tuple[Frames, ...]:
        """See `VideoPrior.restore`; one call of the restorer for each step but 0."""
        if condition.pictures is None or condition.level is None:
            raise ValueError("without a base there is nothing to restore")
        if not all(0 <= step <= MAX_RESTORATION for step in steps):
            raise ValueError(f"a restoration has steps 0 to {MAX_RESTORATION}, not {steps}")
        base = condition.pictures[list(frames)]
        chunks = [frames[at : at + RESTORED_FRAMES] for at in range(0, len(frames), RESTORED_FRAMES)]
        return tuple(
            np.concatenate([self._restored(condition.pictures, chunk, step, condition.level) for chunk in chunks])
            if step
            else base
            for step in steps
        )

    @torch.inference_mode()
    def _restored(self, pictures: Frames, frames: Sequence[int], step: int, level: tuple[float, int]) -> Frames:
        height, width = pictures.shape[1:3]
        looked_at, near = neighbourhood(frames, len(pictures))
        base = _pad(to_tensor(pictures[looked_at]).to(self.device))
        rows = [torch.full((len(near),), float(value), device=self.device) for value in (step, *level)]
        with self._autocast(self._restoring):
            made = self._restorer(base, torch.tensor(near, device=self.device), Told(*rows))
        return to_frames(made[:, :, :height, :width])

    def opening(self, condition: PocketCondition) -> Tensor | None:
        """None: the base conditions the denoiser itself."""
        del condition
        return None

    @torch.inference_mode()
    def encode(self, frames: Frames, condition: PocketCondition) -> Tensor:
        """What the base lacks of `frames`, normalised to about unit variance per channel: (C, t, h, w)."""
        slots = len(condition.base) // SLOT_FRAMES
        source = _slotted(_pad_time(_pad(to_tensor(frames).to(self.device)), slots))
        base = _slotted(condition.base)
        with self._autocast(self.dtype):
            latent = self._net.analyse(source, base, condition.info.expand(slots, 3), slots)
        return latent.float().transpose(0, 1).contiguous()

    @torch.inference_mode()
    def denoise(self, x: Tensor, step: int, condition: PocketCondition) -> Tensor:
        """Posterior mean of the latent given its noisy state at `step`: (C, t, h, w) -> same."""
        slots = x.shape[1]
        sigma = torch.full((slots,), self.schedule.sigmas[step], device=self.device)
        info = condition.info.expand(slots, 3)
        with self._autocast(self.dtype):
            clean = self._net.denoise(x.transpose(0, 1), sigma, condition.features, info, slots)
        return clean.float().transpose(0, 1).contiguous()

    @torch.inference_mode()
    def decode(self, latent: Tensor, step: int, condition: PocketCondition) -> Frames:
        """Pictures from the base and a latent of which `step` steps were received: uint8 (T, H, W, 3)."""
        return self.preview(latent, step, condition, range(condition.frames))

    @torch.inference_mode()
    def preview(self, latent: Tensor, step: int, condition: PocketCondition, frames: Sequence[int]) -> Frames:
        """Some of the frames of `decode`, exactly; each costs the same."""
        bases = neighbours(condition.base)
        slots = neighbours(latent.transpose(0, 1))
        index = torch.tensor(frames, device=self.device)
        pieces = [
            self._synthesise(bases[rows], slots[rows // SLOT_FRAMES], rows % SLOT_FRAMES, step, condition.info)
            for rows in torch.split(index, SYNTHESIS_FRAMES)
        ]
        return np.concatenate([to_frames(p[:, :, : condition.height, : condition.width]) for p in pieces])

    def _synthesise(self, bases: Tensor, slots: Tensor, phases: Tensor, step: int, info: Tensor) -> Tensor:
        count = len(bases)
        sigma = torch.full((count,), self.schedule.sigmas[step], device=self.device)
        with self._autocast(self.dtype):
            return self._net.synthesise(bases, slots, phases, sigma, info.expand(count, 3))

    def _autocast(self, dtype: str) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=dtype == "bfloat16")


def load_pocket(weights: Path, restorer: Path, computing: Computing) -> PocketPrior:
    """Reads weights written by training/pocket/export.py and training/restoration/train.py.

    Raises:
        PriorError: a file is missing, damaged, or of another shape than this program expects.
    """
    digest = hashlib.sha256()
    for path in (weights, restorer):
        with _readable(path):
            digest.update(path.read_bytes())
    with _readable(weights):
        net = load_pocket_net(weights)
    with _readable(restorer):
        restoring = load_restorer(restorer)
    # Beyond that the files are whole: what fails is the device, for want of memory.
    return PocketPrior(net, restoring, digest.digest()[:8], computing)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        if out_of_memory(error) is not None:
            raise
        reason = next(iter(str(error).splitlines()), "no reason given")
        raise PriorError(
            f"The pocket prior's weights at {path} can't be read ({reason}); reinstall Free-GVC."
        ) from error


def _slotted(frames: Tensor) -> Tensor:
    """(T, ...) -> (T/4, 4, ...)."""
    return frames.reshape(-1, SLOT_FRAMES, *frames.shape[1:])


def _pad(pictures: Tensor) -> Tensor:
    """(T, 3, H, W) -> (T, 3, H', W'): the right and lower edges repeated."""
    height, width = pictures.shape[2:]
    return F.pad(pictures, (0, -width % PAD_MULTIPLE, 0, -height % PAD_MULTIPLE), mode="replicate")


def _pad_time(pictures: Tensor, slots: int) -> Tensor:
    """(T, ...) -> (slots*4, ...): the last frame repeated."""
    missing = slots * SLOT_FRAMES - len(pictures)
    return torch.cat([pictures, pictures[-1:].expand(missing, *pictures.shape[1:])])
