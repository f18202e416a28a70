"""DISTS and LPIPS as losses: the networks that judge, in `codec.metrics`, run under bfloat16 autocast on crops."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from codec.metrics.dists import load_dists_network, moments
from codec.metrics.networks import SHIPPED, VGG16, alexnet_stages, load_weights

VGG_CHANNELS = [3, *(stage[-1] for stage in VGG16)]
"""Of RGB itself and of the five stages that DISTS compares."""
THIN_ABOVE = 64
FLOOR = 1e-6
"""Under the root of the pooling."""


class Dists(nn.Module):
    """DISTS of RGB pictures in [0, 1] (`codec.metrics.dists`) on the VGG16 that ships, frozen; gradients reach the
    pictures.

    Its pooling's root stands on a higher floor than the metric's: where VGG16 sees next to nothing the metric's is
    steep, and gradients there would be of noise. That moves a score by some 0.0003.

    Of what VGG16 sees at large sizes every second row and column is compared, from a random one on. DISTS is made of
    means over the picture and hardly notices, and a training step spends much of its time here.
    """

    def __init__(self) -> None:
        super().__init__()
        self.network = load_dists_network(folders=(), floor=FLOOR)

    def features(self, x: Tensor) -> list[Tensor]:
        """RGB (N, 3, H, W) -> the picture itself and five VGG stages."""
        return self.network.features(x)

    def distance(self, first: list[Tensor], second: list[Tensor]) -> Tensor:
        """DISTS per picture (N,) from two lists of features."""
        pairs = [_thinned(x, y) for x, y in zip(first, second, strict=True)]
        # The channels' weighted sum is a product of matrices, which autocast would round to bfloat16.
        with torch.autocast(first[0].device.type, enabled=False):
            return self.network.compare(moments([x for x, _ in pairs]), moments([y for _, y in pairs]))


def _thinned(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Every second row and column of large maps, from a random one on, the same of both; float32."""
    if x.shape[2] < THIN_ABOVE:
        return x.float(), y.float()
    row, column = (int(v) for v in torch.randint(0, 2, (2,)))
    return x[:, :, row::2, column::2].float(), y[:, :, row::2, column::2].float()


class LpipsAlex(nn.Module):
    """LPIPS v0.1, AlexNet (Zhang et al. 2018, arXiv 1801.03924) of RGB pictures in [-1, 1], on what ships, frozen.

    Not `codec.metrics.lpips`, whose unit length has no gradient where a stage sees nothing at all, and a boundless one
    where it sees little: there this one adds under the root.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        alex = load_weights(SHIPPED / "alexnet_features.safetensors")
        heads = load_weights(SHIPPED / "lpips_lin_alex.safetensors")
        self.stages = nn.ModuleList(alexnet_stages(alex))
        self.heads = [heads[f"lin{i}.model.1.weight"] for i in range(5)]
        self.register_buffer("shift", torch.tensor([-0.030, -0.088, -0.188]).view(1, 3, 1, 1))
        self.register_buffer("scale", torch.tensor([0.458, 0.448, 0.450]).view(1, 3, 1, 1))
        self.requires_grad_(False)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def features(self, x: Tensor) -> list[Tensor]:
        """(N, 3, H, W) -> five ReLU stages, each normalised to unit length over channels."""
        h = ((x - self.shift) / self.scale).contiguous(memory_format=torch.channels_last)
        out = []
        for stage in self.stages:
            h = stage(h)
            full = h.float()
            out.append(full / (full.square().sum(1, keepdim=True) + 1e-8).sqrt())
        return out

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Distance per picture (N,)."""
        total = torch.zeros(())
        for a, b, head in zip(self.features(x), self.features(y), self.heads, strict=True):
            total = total + F.conv2d((a - b) ** 2, head).mean((1, 2, 3))
        return total
