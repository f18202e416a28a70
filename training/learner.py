"""A network in training: its weights, their moving average, the optimiser, and how far it is."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

Net = TypeVar("Net", bound=nn.Module)


@dataclass
class Learner(Generic[Net]):
    """What a checkpoint holds.

    Attributes:
        average: exponential moving average of the network's weights; short at first, so that it forgets where it began.
        decay: of that average.
        clip: the largest norm that a gradient is followed with.
        iteration, seconds: of all runs together.
    """

    net: Net
    average: Net
    optimiser: torch.optim.Optimizer
    decay: float
    clip: float = 1.0
    iteration: int = 0
    seconds: float = 0.0

    @classmethod
    def begin(cls, net: Net, optimiser: torch.optim.Optimizer, decay: float, clip: float = 1.0) -> Learner[Net]:
        """At iteration 0, with the weights that the network has."""
        return cls(net, copy.deepcopy(net), optimiser, decay, clip)

    def follow(self, loss: Tensor) -> Tensor:
        """One step downhill; returns the gradient's norm."""
        self.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        return self.update()

    def update(self) -> Tensor:
        """One step along the gradients that lie at the parameters; returns their norm."""
        # One overflow in bfloat16 must not end a run that nobody watches.
        for parameter in self.net.parameters():
            if parameter.grad is not None:
                parameter.grad.nan_to_num_(0.0, 0.0, 0.0)
        norm = nn.utils.clip_grad_norm_(self.net.parameters(), self.clip)
        self.optimiser.step()
        self.iteration += 1
        self._average()
        return norm

    @torch.no_grad()
    def _average(self) -> None:
        decay = min(self.decay, (1 + self.iteration) / (10 + self.iteration))
        pairs = zip(self.average.parameters(), self.net.parameters(), strict=True)
        means, values = (list(column) for column in zip(*pairs, strict=True))
        torch._foreach_lerp_(means, values, 1 - decay)
        for kept, value in zip(self.average.buffers(), self.net.buffers(), strict=True):
            kept.copy_(value)

    def take(self, metadata: Mapping[str, str], weights: Mapping[str, Tensor]) -> None:
        """Go on from exported weights, of `codec.priors.weights.read_weights`; the optimiser begins anew."""
        self.net.load_state_dict(weights)
        self.average.load_state_dict(weights)
        self.iteration, self.seconds = int(metadata["iterations"]), 60 * float(metadata["minutes"])

    def save(self, checkpoint: Path, **told: str) -> None:
        """Write all of it, and what else it takes to build the network; whole or not at all."""
        state = {
            **told,
            "net": self.net.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "iteration": self.iteration,
            "seconds": self.seconds,
        }
        partial = checkpoint.with_suffix(".part")
        torch.save(state, partial)
        partial.replace(checkpoint)

    def restore(self, saved: dict[str, Any]) -> None:
        """As `save` left it; `saved` is what `torch.load` read."""
        self.net.load_state_dict(saved["net"])
        self.average.load_state_dict(saved["average"])
        self.optimiser.load_state_dict(saved["optimiser"])
        self.iteration, self.seconds = saved["iteration"], saved["seconds"]
