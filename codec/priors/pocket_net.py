"""The pocket prior's three networks: analysis, denoiser and synthesis, all plain 2-D convolutions.

Latent cells cover 4 frames of 8x8 pixels. Conv3d runs 5-9 times slower than the same arithmetic in conv2d on a CPU,
so time lives in channels: a slot's 4 frames are stacked, and neighbouring slots are mixed by a 1x1 convolution.
Norms act on one pixel's channels only; so a crop, a tile and a whole picture see the same network.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from codec.priors.weights import read_weights

SLOT_FRAMES = 4
LATENT_STRIDE = 8
PAD_MULTIPLE = 16
SIGMA_FLOOR = 1e-3
# Full-size pictures pass through the pyramid a few at a time, which bounds memory whatever a GOP's length.
PYRAMID_SLOTS = 8


@dataclass(frozen=True)
class PocketConfig:
    """Widths of the networks; saved beside the weights, so that a file of weights describes its own shape.

    Attributes:
        latent: channels of a latent cell.
        analysis, synthesis: widths at 1/2, 1/4 and 1/8 of the picture's size.
        denoiser: widths at the latent grid and at half of it.
        embedding: width of the vector that says how noisy the latent and how coarse the base is.
    """

    latent: int = 32
    analysis: tuple[int, int, int] = (32, 64, 128)
    synthesis: tuple[int, int, int] = (64, 128, 192)
    denoiser: tuple[int, int] = (192, 256)
    embedding: int = 128

    def to_json(self) -> str:
        """As text."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> PocketConfig:
        """From `to_json`'s text; raises ValueError, KeyError or TypeError where it is none."""
        values = json.loads(text)
        a, b, c = values["analysis"]
        d, e, f = values["synthesis"]
        g, h = values["denoiser"]
        return cls(values["latent"], (a, b, c), (d, e, f), (g, h), values["embedding"])


def silence(layer: nn.Conv2d | nn.Linear) -> None:
    """Start a layer at zero, so that the block it closes begins as the identity."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)


class ChannelNorm(nn.Module):
    """Normalise each pixel over its channels: (N, C, H, W) -> same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H, W)."""
        last = x.permute(0, 2, 3, 1)
        weight, bias = self.weight.to(x.dtype), self.bias.to(x.dtype)
        return F.layer_norm(last, last.shape[-1:], weight, bias).permute(0, 3, 1, 2)


class ResBlock(nn.Module):
    """x + conv(silu(film(conv(norm(x))))), with a zero-initialised last convolution."""

    def __init__(self, channels: int, embedding: int) -> None:
        super().__init__()
        self.norm = ChannelNorm(channels)
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.film = nn.Linear(embedding, 2 * channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        silence(self.film)
        silence(self.second)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """x (N, C, H, W), embedding (N, E) -> (N, C, H, W)."""
        scale, shift = self.film(embedding)[:, :, None, None].chunk(2, 1)
        inner: Tensor = self.first(self.norm(x)) * (1 + scale) + shift
        return x + cast(Tensor, self.second(F.silu(inner)))


class SlotMix(nn.Module):
    """Let each slot see its two neighbours in time: x + conv1x1([previous, own, next])."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = ChannelNorm(channels)
        self.mix = nn.Conv2d(3 * channels, channels, 1)
        silence(self.mix)

    def forward(self, x: Tensor, slots: int) -> Tensor:
        """x (B*slots, C, H, W), slots of one video adjacent -> same shape."""
        rows = cast(Tensor, self.norm(x)).reshape(-1, slots, *x.shape[1:])
        edge = torch.zeros_like(rows[:, :1])
        before = torch.cat([edge, rows[:, :-1]], 1)
        after = torch.cat([rows[:, 1:], edge], 1)
        return x + cast(Tensor, self.mix(torch.cat([before, rows, after], 2).flatten(0, 1)))


class LevelEmbedding(nn.Module):
    """Vector for (log SNR of the latent, CRF and scale of the base, whether there is a base at all)."""

    frequencies: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("frequencies", torch.tensor([2.0**k for k in range(-2, 4)]))
        self.layers = nn.Sequential(nn.Linear(12 + 4, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())

    def forward(self, sigma: Tensor, base: Tensor) -> Tensor:
        """sigma (N,) flow noise level in (0, 1], base (N, 3) = (present, (crf-52)/12, scale-1) -> (N, width)."""
        level = torch.log(sigma.clamp(SIGMA_FLOOR, 1.0)) - torch.log((1 - sigma).clamp(0.02, 1.0))
        angle = level[:, None] * self.frequencies * (math.pi / 8)
        inputs = torch.cat([angle.sin(), angle.cos(), base, (sigma >= 1.0).float()[:, None]], 1)
        return cast(Tensor, self.layers(inputs))


def _down(source: int, target: int) -> nn.Conv2d:
    return nn.Conv2d(source, target, 2, stride=2)


def _up(source: int, target: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(source, 4 * target, 1), nn.PixelShuffle(2))


class FramePyramid(nn.Module):
    """Frames to features at 1/8 of their size, one frame at a time, then stacked into slots."""

    def __init__(self, channels: int, widths: tuple[int, int, int], out: int, embedding: int) -> None:
        super().__init__()
        half, quarter, eighth = widths
        self.stem = nn.Conv2d(4 * channels, half, 3, padding=1)
        self.at_half = ResBlock(half, embedding)
        self.to_quarter = _down(half, quarter)
        self.at_quarter = ResBlock(quarter, embedding)
        self.to_eighth = _down(quarter, eighth)
        self.stack = nn.Conv2d(SLOT_FRAMES * eighth, out, 1)

    def forward(self, frames: Tensor, embedding: Tensor) -> Tensor:
        """frames (N, 4, C, H, W), embedding (N, E) -> (N, out, H/8, W/8)."""
        pieces = zip(torch.split(frames, PYRAMID_SLOTS), torch.split(embedding, PYRAMID_SLOTS), strict=True)
        return torch.cat([self._piece(*piece) for piece in pieces])

    def _piece(self, frames: Tensor, embedding: Tensor) -> Tensor:
        per_frame = embedding.repeat_interleave(SLOT_FRAMES, 0)
        x = self.stem(F.pixel_unshuffle(frames.flatten(0, 1), 2).contiguous(memory_format=torch.channels_last))
        x = self.at_quarter(self.to_quarter(self.at_half(x, per_frame)), per_frame)
        low: Tensor = self.to_eighth(x)
        return cast(Tensor, self.stack(low.reshape(-1, SLOT_FRAMES * low.shape[1], *low.shape[2:])))


class LinearTransform(nn.Module):
    """The latent's fixed core: principal components of 4x8x8 blocks of what the base lacks, of all if there is none.

    Both bases are orthonormal, so equal noise on every channel is equal noise in pixels, and a channel that carries
    little gets few bits by itself (reverse water-filling). The learned networks only correct it: the latent can't
    collapse, and every bit buys something from the first iteration on.
    """

    basis: Tensor
    gain: Tensor
    spread: Tensor

    def __init__(self, latent: int) -> None:
        super().__init__()
        size = 3 * SLOT_FRAMES * LATENT_STRIDE**2
        # Index 0: without a base, 1: with one. `gain` makes the mean power of the latent's channels 1, `spread` is
        # their standard deviation then. Fitted by training/pocket/fit_transform.py.
        self.register_buffer("basis", torch.zeros(2, latent, size))
        self.register_buffer("gain", torch.ones(2))
        self.register_buffer("spread", torch.ones(2, latent))

    def forward(self, residual: Tensor, based: Tensor) -> Tensor:
        """residual (N, 4, 3, H, W) in units of [-1, 1], based (N,) 0 or 1 -> (N, latent, H/8, W/8)."""
        blocks = F.pixel_unshuffle(residual.flatten(1, 2), LATENT_STRIDE)
        return torch.einsum("nlk,nkhw->nlhw", self.basis[based], blocks) * self.gain[based][:, None, None, None]

    def inverse(self, latent: Tensor, based: Tensor, phase: Tensor) -> Tensor:
        """latent (N, latent, h, w), phase (N,) the frame wanted of each slot -> its residual (N, 3, 8h, 8w)."""
        of_frame = self.basis.view(2, -1, SLOT_FRAMES, 3 * LATENT_STRIDE**2)[based, :, phase]
        blocks = torch.einsum("nlk,nlhw->nkhw", of_frame, latent / self.gain[based][:, None, None, None])
        return F.pixel_shuffle(blocks, LATENT_STRIDE)


class Analysis(nn.Module):
    """Source and base frames to what is added to the linear latent: what the synthesis is better told than that."""

    def __init__(self, config: PocketConfig) -> None:
        super().__init__()
        width = config.denoiser[0]
        self.level = LevelEmbedding(config.embedding)
        self.pyramid = FramePyramid(6, config.analysis, width, config.embedding)
        self.blocks = nn.ModuleList([ResBlock(width, config.embedding) for _ in range(2)])
        self.mix = SlotMix(width)
        self.out = nn.Conv2d(width, config.latent, 1)
        silence(self.out)

    def forward(self, source: Tensor, base: Tensor, base_info: Tensor, slots: int) -> Tensor:
        """source, base (N, 4, 3, H, W) in [-1, 1] -> correction (N, latent, H/8, W/8)."""
        embedding = self.level(torch.ones_like(base_info[:, 0]), base_info)
        x = self.pyramid(torch.cat([source - base, base], 2), embedding)
        x = self.mix(self.blocks[0](x, embedding), slots)
        return cast(Tensor, self.out(self.blocks[1](x, embedding))).float()


class BaseFeatures(nn.Module):
    """What the denoiser needs to know of the base, computed once per GOP."""

    def __init__(self, config: PocketConfig) -> None:
        super().__init__()
        width = config.denoiser[0]
        self.level = LevelEmbedding(config.embedding)
        self.pyramid = FramePyramid(3, config.analysis, width, config.embedding)
        self.block = ResBlock(width, config.embedding)
        self.mix = SlotMix(width)

    def forward(self, base: Tensor, base_info: Tensor, slots: int) -> Tensor:
        """base (N, 4, 3, H, W) -> (N, width, H/8, W/8)."""
        embedding = self.level(torch.ones_like(base_info[:, 0]), base_info)
        return cast(Tensor, self.mix(self.block(self.pyramid(base, embedding), embedding), slots))


class Denoiser(nn.Module):
    """x_sigma and the base's features to the posterior mean of the clean latent.

    Preconditioned as EDM (Karras et al. 2022, eq. 7) with each channel's own spread s, for flow's (alpha, sigma):
    x0_hat = alpha s^2/p x + sigma s/sqrt(p) F, p = alpha^2 s^2 + sigma^2. The input is scaled by alpha as well, so
    that pure noise (alpha = 0), which says nothing of the picture, doesn't reach the network at all.
    """

    def __init__(self, config: PocketConfig) -> None:
        super().__init__()
        wide, deep = config.denoiser
        self.level = LevelEmbedding(config.embedding)
        self.stem = nn.Conv2d(config.latent + wide, wide, 3, padding=1)
        self.before = ResBlock(wide, config.embedding)
        self.down = _down(wide, deep)
        self.deep = nn.ModuleList([ResBlock(deep, config.embedding) for _ in range(2)])
        self.mixes = nn.ModuleList([SlotMix(deep) for _ in range(2)])
        self.up = _up(deep, wide)
        self.after = ResBlock(wide, config.embedding)
        self.norm = ChannelNorm(wide)
        self.out = nn.Conv2d(wide, config.latent, 3, padding=1)
        silence(self.out)

    def forward(
        self, x: Tensor, sigma: Tensor, features: Tensor, base_info: Tensor, spread: Tensor, slots: int
    ) -> Tensor:
        """x (N, latent, h, w), sigma (N,), features (N, width, h, w), spread (N, latent), h and w even -> as x."""
        alpha, noise = (1 - sigma)[:, None, None, None], sigma[:, None, None, None]
        spread = spread[:, :, None, None]
        power = (alpha * spread) ** 2 + noise**2
        embedding = self.level(sigma, base_info)
        h = self.stem(torch.cat([alpha / power.sqrt() * x, features], 1).contiguous(memory_format=torch.channels_last))
        h = self.before(h, embedding)
        low = self.down(h)
        for block, mix in zip(self.deep, self.mixes, strict=True):
            low = mix(block(low, embedding), slots)
        h = self.after(h + self.up(low), embedding)
        correction = cast(Tensor, self.out(F.silu(self.norm(h)))).float()
        return alpha * spread**2 / power * x + noise * spread / power.sqrt() * correction


class Synthesis(nn.Module):
    """Base frames and the latent to pictures, one frame at a time.

    Each frame is built from its own base picture, its two neighbours and its slot's latent; the residual is added to
    the base and the linear latent's share, so that well-coded pictures pass through untouched.
    """

    def __init__(self, config: PocketConfig) -> None:
        super().__init__()
        half, quarter, eighth = config.synthesis
        width = config.embedding
        self.level = LevelEmbedding(width)
        self.phase = nn.Embedding(SLOT_FRAMES, width)
        self.stem = nn.Conv2d(12 * 4, half, 3, padding=1)
        self.half_in = ResBlock(half, width)
        self.to_quarter = _down(half, quarter)
        self.quarter_in = ResBlock(quarter, width)
        self.to_eighth = _down(quarter, eighth)
        self.latent = nn.Conv2d(3 * config.latent, eighth, 1)
        self.eighth = nn.ModuleList([ResBlock(eighth, width) for _ in range(3)])
        self.up_quarter = _up(eighth, quarter)
        self.quarter_out = nn.ModuleList([ResBlock(quarter, width) for _ in range(2)])
        self.up_half = _up(quarter, half)
        self.half_out = ResBlock(half, width)
        self.norm = ChannelNorm(half)
        self.out = nn.Conv2d(half, 12, 3, padding=1)
        silence(self.out)

    def forward(
        self, base: Tensor, linear: Tensor, latent: Tensor, phase: Tensor, sigma: Tensor, base_info: Tensor
    ) -> Tensor:
        """One frame per row.

        Args:
            base: (N, 3, 3, H, W) previous, own and next base frame in [-1, 1].
            linear: (N, 3, H, W) what `LinearTransform.inverse` adds to the own base frame.
            latent: (N, 3, latent, H/8, W/8) of the previous, own and next slot.
            phase: (N,) position of the frame in its slot, 0-3.
            sigma: (N,) noise level at which the trajectory stopped.
            base_info: (N, 3) as in `LevelEmbedding`.

        Returns:
            (N, 3, H, W) float32, about [-1, 1].
        """
        embedding = self.level(sigma, base_info) + self.phase(phase)
        frames = torch.cat([base.flatten(1, 2), linear], 1).contiguous(memory_format=torch.channels_last)
        half = self.half_in(self.stem(F.pixel_unshuffle(frames, 2)), embedding)
        quarter = self.quarter_in(self.to_quarter(half), embedding)
        low = self.to_eighth(quarter) + self.latent(latent.flatten(1, 2))
        for block in self.eighth:
            low = block(low, embedding)
        quarter = quarter + self.up_quarter(low)
        for block in self.quarter_out:
            quarter = block(quarter, embedding)
        half = self.half_out(half + self.up_half(quarter), embedding)
        residual: Tensor = F.pixel_shuffle(self.out(F.silu(self.norm(half))), 2)
        return base[:, 1] + linear + residual.float()


class PocketNet(nn.Module):
    """All parts of the pocket prior under one state dict."""

    def __init__(self, config: PocketConfig) -> None:
        super().__init__()
        self.config = config
        self.transform = LinearTransform(config.latent)
        self.analysis = Analysis(config)
        self.features = BaseFeatures(config)
        self.denoiser = Denoiser(config)
        self.synthesis = Synthesis(config)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def analyse(self, source: Tensor, base: Tensor, base_info: Tensor, slots: int) -> Tensor:
        """Clean latent (N, latent, H/8, W/8) of slots (N, 4, 3, H, W); see the parts."""
        linear = self.transform(source - base, present(base_info))
        return cast(Tensor, linear + self.analysis(source, base, base_info, slots))

    def denoise(self, x: Tensor, sigma: Tensor, features: Tensor, base_info: Tensor, slots: int) -> Tensor:
        """Posterior mean of the clean latent; see `Denoiser`."""
        spread = self.transform.spread[present(base_info)]
        return cast(Tensor, self.denoiser(x, sigma, features, base_info, spread, slots))

    def synthesise(self, base: Tensor, latent: Tensor, phase: Tensor, sigma: Tensor, base_info: Tensor) -> Tensor:
        """Pictures (N, 3, H, W); see `Synthesis`."""
        linear = self.transform.inverse(latent[:, 1], present(base_info), phase)
        return cast(Tensor, self.synthesis(base, linear, latent, phase, sigma, base_info))


def load_pocket_net(path: Path) -> PocketNet:
    """The networks of a file that training/pocket/export.py wrote, in float32.

    Raises:
        OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError: it is missing, damaged or of another
            shape.
    """
    metadata, state = read_weights(path)
    net = PocketNet(PocketConfig.from_json(metadata["config"]))
    net.load_state_dict(state)
    return net


def present(base_info: Tensor) -> Tensor:
    """(N, 3) as `LevelEmbedding` takes it -> (N,) 1 where there is a base, else 0."""
    return base_info[:, 0].long()


def neighbours(rows: Tensor) -> Tensor:
    """(T, ...) -> (T, 3, ...): previous, own and next row, the ends repeated."""
    return torch.stack([torch.cat([rows[:1], rows[:-1]]), rows, torch.cat([rows[1:], rows[-1:]])], 1)
