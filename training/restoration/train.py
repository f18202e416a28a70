"""Train the restorer on a CPU or a GPU; goes on from OUT/restorer.pt, else from exported weights, else from nothing.

    python -m training.restoration.train ITEMS OUT --networks NETWORKS --minutes 60 [--device cuda] [--start WEIGHTS]

ITEMS is what training/restoration/make_items.py made, NETWORKS holds VGG16 and the heads of LPIPS over it. Writes
OUT/restorer.pt (network, its average, optimiser), OUT/restorer.safetensors (what `export` says) and OUT/log.jsonl, one
line of minutes, iterations and terms for every so many iterations.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from training.learning_rate import learning_rate
from training.restoration.crops import Batch, Pool, Sequences
from training.restoration.losses import TermWeights, VggJudge, pixel_terms
from training.restoration.restorer import CONTEXTS, WHOLE_STEP, Restorer, RestorerConfig, multiplications

LOG_EVERY, SAVE_EVERY = 50, 120.0
# Iterations between those whose log says what the network makes better than the base, on the very same pictures.
RATIO_EVERY = 5


@dataclass(frozen=True)
class Recipe:
    """Everything that shapes a run; kept in its log.

    Attributes:
        rows, length, crop: clips a batch, consecutive pictures of each, their side.
        peak_rate, warm_up, flat: learning rate, iterations until it is reached, share of the run before it falls.
        last_rate: what it falls to, of `peak_rate`.
        average: decay of the weights' moving average.
    """

    rows: int = 4
    length: int = 5
    crop: int = 112
    peak_rate: float = 1e-3
    warm_up: int = 50
    flat: float = 0.3
    last_rate: float = 0.02
    average: float = 0.998
    seed: int = 1
    weights: TermWeights = field(default_factory=TermWeights)

    def rate(self, updates: int, done: float) -> float:
        """Learning rate after `updates` iterations, with the share `done` of the run's time over."""
        return learning_rate(updates, done, self.peak_rate, self.warm_up, self.flat, self.last_rate)


@dataclass
class Run:
    """What a checkpoint holds."""

    net: Restorer
    average: Restorer
    optimiser: torch.optim.Optimizer
    iteration: int = 0
    seconds: float = 0.0
    restarts: int = 0

    @classmethod
    def begin(cls, config: RestorerConfig, recipe: Recipe, device: torch.device) -> Run:
        """Random weights."""
        torch.manual_seed(recipe.seed)
        net = Restorer(config).to(device)
        decayed = [p for p in net.parameters() if p.ndim > 1]
        others = [p for p in net.parameters() if p.ndim <= 1]
        groups = [{"params": decayed, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}]
        fused = device.type == "cuda"
        optimiser = torch.optim.AdamW(groups, recipe.peak_rate, betas=(0.9, 0.98), fused=fused)
        return cls(net, copy.deepcopy(net), optimiser)

    @classmethod
    def resume(cls, checkpoint: Path, recipe: Recipe, device: torch.device) -> Run:
        """As `save` left it."""
        saved = torch.load(checkpoint, map_location=device, weights_only=True)
        run = cls.begin(RestorerConfig.from_json(saved["config"]), recipe, device)
        run.net.load_state_dict(saved["net"])
        run.average.load_state_dict(saved["average"])
        run.optimiser.load_state_dict(saved["optimiser"])
        run.iteration, run.seconds, run.restarts = saved["iteration"], saved["seconds"], saved["restarts"] + 1
        return run

    @classmethod
    def from_weights(cls, weights: Path, recipe: Recipe, device: torch.device) -> Run:
        """From what `export` wrote; the optimiser begins anew."""
        with safe_open(weights, "pt") as file:
            metadata = file.metadata()
        run = cls.begin(RestorerConfig.from_json(metadata["config"]), recipe, device)
        state = load_file(weights)
        for name, net in (("net", run.net), ("average", run.average)):
            net.load_state_dict({k.removeprefix(f"{name}."): v for k, v in state.items() if k.startswith(f"{name}.")})
        run.iteration, run.seconds = int(metadata["iterations"]), 60 * float(metadata["minutes"])
        run.restarts = run.iteration
        return run

    def save(self, checkpoint: Path) -> None:
        """Write all of it, whole or not at all."""
        state = {
            "config": self.net.config.to_json(),
            "net": self.net.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "iteration": self.iteration,
            "seconds": self.seconds,
            "restarts": self.restarts,
        }
        partial = checkpoint.with_suffix(".part")
        torch.save(state, partial)
        partial.replace(checkpoint)

    def export(self, output: Path) -> None:
        """The network and its average as fp16 safetensors, with what it takes to build and to go on training them."""
        state = {
            f"{name}.{key}": value.half().contiguous().cpu()
            for name, net in (("net", self.net), ("average", self.average))
            for key, value in net.state_dict().items()
        }
        metadata = {
            "config": self.net.config.to_json(),
            "iterations": str(self.iteration),
            "minutes": f"{self.seconds / 60:.1f}",
        }
        save_file(state, output, metadata)

    def follow(self, loss: Tensor, recipe: Recipe) -> float:
        """One step downhill; returns the gradient's norm."""
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimiser.step()
        self.iteration += 1
        decay = min(recipe.average, self.iteration / (self.iteration + 20))
        with torch.no_grad():
            pairs = zip(self.average.parameters(), self.net.parameters(), strict=True)
            means, values = (list(column) for column in zip(*pairs, strict=True))
            torch._foreach_lerp_(means, values, 1 - decay)
        return float(norm)


def load_average(weights: Path) -> Restorer:
    """The averaged network of an exported file, ready to restore."""
    with safe_open(weights, "pt") as file:
        net = Restorer(RestorerConfig.from_json(file.metadata()["config"]))
        names = [name for name in file.keys() if name.startswith("average.")]  # noqa: SIM118
        net.load_state_dict({name.removeprefix("average."): file.get_tensor(name).float() for name in names})
    return net.eval()


@dataclass
class Trainer:
    """Sequences in, updates out; holds the states that rows carry from batch to batch.

    Attributes:
        judge: `VggJudge`, or None to train for what needs no network.
    """

    run: Run
    judge: Callable[[Tensor, Tensor], dict[str, Tensor]] | None
    sequences: Sequences
    recipe: Recipe
    device: torch.device
    bfloat16: bool = True
    _state: Tensor | None = None

    def step(self) -> dict[str, float]:
        """One update; returns the terms' means, and now and then what they are as multiples of the base's own."""
        batch = self.sequences.next()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16):
            made = self._made(batch)
            # The networks judge one picture of each row.
            which = torch.randint(0, made.shape[1], (len(made),), device=self.device)
            terms = self._terms(made, batch.source, which)
            means = {name: float(term.detach().mean()) for name, term in terms.items()}
            if self.run.iteration % RATIO_EVERY == 0:
                with torch.no_grad():
                    margin = self.sequences.margin
                    base = self._terms(batch.base[:, margin : margin + made.shape[1]], batch.source, which)
                means |= {f"{name}_ratio": means[name] / max(1e-6, float(term.mean())) for name, term in base.items()}
        place = batch.step / WHOLE_STEP
        weighed = [self.recipe.weights.of(name, place) * term for name, term in terms.items()]
        norm = self.run.follow(torch.stack(weighed).sum(0).mean(), self.recipe)
        return {**means, "norm": norm}

    def _terms(self, made: Tensor, wanted: Tensor, which: Tensor) -> dict[str, Tensor]:
        terms = pixel_terms(made, wanted)
        if self.judge is not None:
            rows = torch.arange(len(made), device=self.device)
            terms |= self.judge(made[rows, which], wanted[rows, which])
        return terms

    def _made(self, batch: Batch) -> Tensor:
        """Restored pictures (N, T, 3, H, W); what they leave behind is kept for the next batch."""
        state = self._state
        if state is not None:
            state = state * (~batch.fresh)[:, None, None, None]
        told = batch.step, batch.crf, batch.scale
        made = []
        for picture, left in self.run.net.sequence(batch.base, *told, state, self.sequences.margin):
            made.append(picture)
            state = left
        self._state = None if state is None else state.detach()
        return torch.stack(made, 1)


def train(trainer: Trainer, out: Path, seconds: float, iterations: int) -> None:
    """For so many seconds or iterations, whichever end first.

    The log gets a line every LOG_EVERY iterations; a checkpoint is written every SAVE_EVERY seconds.
    """
    run, began, before = trainer.run, time.monotonic(), trainer.run.seconds
    saved, mean, first = began, dict[str, float](), run.iteration
    while (done := max((time.monotonic() - began) / seconds, (run.iteration - first) / iterations)) < 1:
        for group in run.optimiser.param_groups:
            group["lr"] = trainer.recipe.rate(run.iteration - first, done)
        terms = trainer.step()
        mean |= {name: 0.98 * mean.get(name, value) + 0.02 * value for name, value in terms.items()}
        run.seconds = before + time.monotonic() - began
        if run.iteration % LOG_EVERY == 0:
            rounded = {name: round(value, 5) for name, value in mean.items()}
            line = {"minutes": round(run.seconds / 60, 2), "iteration": run.iteration, **rounded}
            with (out / "log.jsonl").open("a") as log:
                log.write(json.dumps(line) + "\n")
            print(line, flush=True)
        if time.monotonic() - saved > SAVE_EVERY:
            saved = time.monotonic()
            run.save(out / "restorer.pt")
            run.export(out / "restorer.safetensors")
    run.save(out / "restorer.pt")
    run.export(out / "restorer.safetensors")


def opened(args: argparse.Namespace, recipe: Recipe, device: torch.device) -> Run:
    """The run that the arguments ask for."""
    if (args.out / "restorer.pt").exists():
        return Run.resume(args.out / "restorer.pt", recipe, device)
    if args.start is not None:
        return Run.from_weights(args.start, recipe, device)
    return Run.begin(RestorerConfig(context=args.context), recipe, device)


def parsed() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("items", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--networks", type=Path, required=True)
    parser.add_argument("--dists", type=Path, default=Path("resources/metrics/dists_weights.safetensors"))
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--iterations", type=int, default=10**9, help="if fewer than the minutes allow")
    parser.add_argument("--pixels-only", action="store_true", help="no DISTS and LPIPS: to compare shapes quickly")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--start", type=Path, help="exported weights to go on from where there is no checkpoint")
    parser.add_argument("--context", choices=CONTEXTS, default=RestorerConfig.context)
    parser.add_argument("--rows", type=int, default=Recipe.rows)
    parser.add_argument("--length", type=int, default=Recipe.length)
    parser.add_argument("--crop", type=int, default=Recipe.crop)
    parser.add_argument("--peak-rate", type=float, default=Recipe.peak_rate)
    parser.add_argument("--flat", type=float, default=Recipe.flat)
    parser.add_argument("--threads", type=int, default=1, help="on a CPU")
    return parser.parse_args()


def main() -> None:
    """Command line."""
    args = parsed()
    torch.set_num_threads(args.threads)
    torch.backends.cudnn.benchmark = True
    device = torch.device(args.device)
    args.out.mkdir(parents=True, exist_ok=True)
    names = ("rows", "length", "crop", "peak_rate", "flat")
    recipe = replace(Recipe(), **{name: getattr(args, name) for name in names})
    run = opened(args, recipe, device)
    config = run.net.config
    judge = None if args.pixels_only else VggJudge(args.networks, args.dists).to(device)
    pool = Pool(args.items, device, recipe.crop)
    rng = np.random.default_rng(recipe.seed + run.iteration)
    margin = max((0, *config.neighbours))
    sequences = Sequences(pool, recipe.rows, recipe.length, margin, recipe.crop, rng)
    told = {"items": len(pool), "multiplications": round(multiplications(config)), **asdict(config), **asdict(recipe)}
    print(json.dumps(told), flush=True)
    train(Trainer(run, judge, sequences, recipe, device), args.out, 60 * args.minutes, args.iterations)


if __name__ == "__main__":
    main()
