"""Train the restorer on a CPU or a GPU; goes on from OUT/restorer.pt, else from exported weights, else from nothing.

    python -m training.restoration.train ITEMS OUT --minutes 60 [--adversarial-minutes 30]
        [--device cuda] [--start WEIGHTS]

ITEMS is what training/restoration/make_items.py made. A first stage knows the original of every picture; the second
goes on from it against a discriminator as well. Writes OUT/restorer.pt (network, its average, optimiser),
OUT/restorer.safetensors and OUT/adversarial.safetensors (the averages that each stage ends with), and OUT/log.jsonl,
one line of minutes, iterations and terms for every so many iterations.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from codec.format.limits import WHOLE_RESTORATION
from codec.priors.restorer import Restorer, RestorerConfig, multiplications
from codec.priors.weights import read_weights
from training.learner import Learner
from training.learning_rate import learning_rate
from training.restoration.crops import Batch, Crops, Pool
from training.restoration.losses import Discriminator, Judge, TermWeights, VggJudge, pixel_terms
from training.restoration.teacher import Teacher

LOG_EVERY, SAVE_EVERY = 50, 60.0
# Iterations between those whose log says what the network makes better than the base, on the very same pictures, and
# between those that weigh the discriminator's gradient against the others'.
RATIO_EVERY, BALANCE_EVERY = 10, 10
# Of the discriminator alone, before the restorer listens to it.
LISTENS_AFTER = 200
LARGEST_BALANCE = 10.0


@dataclass(frozen=True)
class Recipe:
    """Everything that shapes a stage; kept in its log.

    Attributes:
        rows, length, crop: clips a batch, consecutive pictures of each, their side.
        peak_rate, warm_up, flat: learning rate, iterations until it is reached, share of the stage before it falls.
        last_rate: what it falls to, of `peak_rate`.
        average: decay of the weights' moving average.
        adversarial: the discriminator's gradient at the last layer, as a share of that of all other terms.
    """

    rows: int = 8
    length: int = 2
    crop: int = 128
    peak_rate: float = 1e-3
    warm_up: int = 100
    flat: float = 0.3
    last_rate: float = 0.02
    average: float = 0.999
    adversarial: float = 0.0
    seed: int = 1
    weights: TermWeights = field(default_factory=TermWeights)

    def rate(self, updates: int, done: float) -> float:
        """Learning rate after `updates` iterations, with the share `done` of the stage's time over."""
        return learning_rate(updates, done, self.peak_rate, self.warm_up, self.flat, self.last_rate)


def begin(config: RestorerConfig, recipe: Recipe, device: torch.device) -> Learner[Restorer]:
    """Random weights."""
    torch.manual_seed(recipe.seed)
    net = Restorer(config).to(device)
    decayed = [p for p in net.parameters() if p.ndim > 1]
    others = [p for p in net.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, recipe.peak_rate, betas=(0.9, 0.98), fused=device.type == "cuda")
    return Learner.begin(net, optimiser, recipe.average)


def resume(checkpoint: Path, recipe: Recipe, device: torch.device) -> Learner[Restorer]:
    """As `save` left it."""
    saved = torch.load(checkpoint, map_location=device, weights_only=True)
    learner = begin(RestorerConfig.from_json(saved["config"]), recipe, device)
    learner.restore(saved)
    return learner


def from_weights(weights: Path, recipe: Recipe, device: torch.device) -> Learner[Restorer]:
    """From what `export` wrote; the optimiser begins anew."""
    metadata, state = read_weights(weights)
    learner = begin(RestorerConfig.from_json(metadata["config"]), recipe, device)
    learner.take(metadata, state)
    return learner


def save(learner: Learner[Restorer], checkpoint: Path, exported: Path) -> None:
    """The checkpoint, and beside it the averaged network as `export` writes it."""
    learner.save(checkpoint, config=learner.net.config.to_json())
    export(learner, exported)


def export(learner: Learner[Restorer], output: Path) -> None:
    """The averaged network as fp16 safetensors, with what it takes to build and to go on training it."""
    state = {name: value.half().contiguous().cpu() for name, value in learner.average.state_dict().items()}
    metadata = {
        "config": learner.net.config.to_json(),
        "iterations": str(learner.iteration),
        "minutes": f"{learner.seconds / 60:.1f}",
    }
    save_file(state, output, metadata)


@dataclass
class Rival:
    """A discriminator in training, and how much the restorer listens to it."""

    net: Discriminator
    optimiser: torch.optim.Optimizer
    balance: Tensor
    updates: int = 0

    @classmethod
    def begin(cls, device: torch.device) -> Rival:
        """Knows nothing yet."""
        net = Discriminator().to(device)
        optimiser = torch.optim.AdamW(net.parameters(), 3e-4, betas=(0.0, 0.99), fused=device.type == "cuda")
        return cls(net, optimiser, torch.zeros((), device=device))

    def learn(self, made: list[Tensor], wanted: list[Tensor]) -> Tensor:
        """One update; returns the loss, 1 where it knows nothing."""
        loss = self.net.loss([x.detach().float() for x in made], [x.float() for x in wanted])
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        self.updates += 1
        return loss.detach()

    def term(self, made: list[Tensor]) -> Tensor:
        """What the restorer is to lower, (N,)."""
        return -torch.stack([score.mean((1, 2, 3)) for score in self.net([x.float() for x in made])]).mean(0)

    def weigh(self, others: Tensor, term: Tensor, layer: Tensor) -> Tensor:
        """Weight that makes the term's gradient at `layer` as large as that of the `others` (VQGAN, 2012.09841, eq. 7).

        Measured now and then, and smoothed.
        """
        since = self.updates - LISTENS_AFTER
        if since >= 0 and since % BALANCE_EVERY == 0:
            strengths = [torch.autograd.grad(x, layer, retain_graph=True)[0].norm() for x in (others, term)]
            found = (strengths[0] / (strengths[1] + 1e-6)).clamp(max=LARGEST_BALANCE)
            self.balance = found if since == 0 else 0.9 * self.balance + 0.1 * found
        return self.balance


def restored(net: Restorer, batch: Batch) -> Tensor:
    """All pictures of a batch, (N, T, 3, H, W)."""
    rows, length = batch.source.shape[:2]
    row, time = (x.flatten() for x in torch.meshgrid(torch.arange(rows), torch.arange(length), indexing="ij"))
    near = (row * (length + 2) + time)[:, None] + torch.arange(3)
    told = type(batch.told)(*(x[row] for x in (batch.told.step, batch.told.crf, batch.told.scale)))
    made: Tensor = net(batch.base.flatten(0, 1), near.to(batch.base.device, non_blocking=True), told)
    return made.unflatten(0, (rows, length))


@dataclass
class Trainer:
    """Crops in, updates out.

    Attributes:
        judge: DISTS and LPIPS.
        rival: of the adversarial stage.
        teacher: whose pictures count beside the sources.
    """

    learner: Learner[Restorer]
    judge: Judge
    crops: Crops
    recipe: Recipe
    device: torch.device
    bfloat16: bool = True
    rival: Rival | None = None
    teacher: Teacher | None = None

    def step(self) -> dict[str, Tensor]:
        """One update; returns the terms' means, and now and then what they are as multiples of the base's own."""
        batch = self.crops.next()
        # The networks judge one picture of each row.
        which = torch.randint(0, batch.source.shape[1], (len(batch.source),))
        seen = torch.arange(len(which)), which
        more: dict[str, Tensor] = {}
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16):
            made = restored(self.learner.net, batch)
            terms = pixel_terms(made, batch.source, batch.kind)
            with torch.no_grad():
                wanted = self.judge.features(batch.source[seen])
            features = self.judge.features(made[seen])
            terms |= self.judge.terms(features, wanted)
            if self.teacher is not None:
                terms |= self._taught(self.teacher.restored(batch), made, features, seen)
            if self.learner.iteration % RATIO_EVERY == 0:
                more = self._against_base(batch, seen, wanted, terms)
        place = batch.told.step / WHOLE_RESTORATION
        loss = torch.stack([self.recipe.weights.of(name, place) * term for name, term in terms.items()]).sum(0).mean()
        if self.rival is not None:
            more["discriminator"] = self.rival.learn(features, wanted)
            term = (place * self.rival.term(features)).mean()
            balance = self.rival.weigh(loss, term, self.learner.net.tail.out.weight)
            more |= {"adversarial": term.detach(), "balance": balance}
            loss = loss + self.recipe.adversarial * balance * term
        norm = self.learner.follow(loss)
        return {name: term.detach().mean() for name, term in terms.items()} | more | {"norm": norm}

    def _taught(
        self, shown: Tensor, made: Tensor, features: list[Tensor], seen: tuple[Tensor, Tensor]
    ) -> dict[str, Tensor]:
        with torch.no_grad():
            wanted = self.judge.features(shown[seen])
        terms = {"l1": (made - shown).abs().mean((1, 2, 3, 4)), **self.judge.terms(features, wanted)}
        return {f"taught_{name}": term for name, term in terms.items()}

    @torch.no_grad()
    def _against_base(
        self, batch: Batch, seen: tuple[Tensor, Tensor], wanted: list[Tensor], terms: dict[str, Tensor]
    ) -> dict[str, Tensor]:
        base = batch.base[:, 1:-1]
        own = pixel_terms(base, batch.source, batch.kind) | self.judge.terms(self.judge.features(base[seen]), wanted)
        return {f"{name}_ratio": terms[name].mean() / term.mean().clamp(min=1e-6) for name, term in own.items()}


@dataclass
class Log:
    """Means of what was logged since the last line; made on the device, read only once a line."""

    path: Path
    sums: dict[str, Tensor] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, terms: dict[str, Tensor]) -> None:
        """One iteration's."""
        for name, value in terms.items():
            self.sums[name] = self.sums[name] + value if name in self.sums else value
            self.counts[name] = self.counts.get(name, 0) + 1

    def write(self, learner: Learner[Restorer]) -> None:
        """A line; then begin anew."""
        means = {name: round(float(total) / self.counts[name], 5) for name, total in self.sums.items()}
        line = {"minutes": round(learner.seconds / 60, 2), "iteration": learner.iteration, **means}
        with self.path.open("a") as log:
            log.write(json.dumps(line) + "\n")
        print(line, flush=True)
        self.sums, self.counts = {}, {}


def train(trainer: Trainer, out: Path, name: str, seconds: float, iterations: int) -> None:
    """One stage, for so many seconds or iterations, whichever end first; ends with OUT/NAME.safetensors.

    The log gets a line every LOG_EVERY iterations; a checkpoint is written every SAVE_EVERY seconds.
    """
    learner, began, before = trainer.learner, time.monotonic(), trainer.learner.seconds
    saved, first, log = began, learner.iteration, Log(out / "log.jsonl")
    checkpoint, exported = out / "restorer.pt", out / f"{name}.safetensors"
    while (done := max((time.monotonic() - began) / seconds, (learner.iteration - first) / iterations)) < 1:
        for group in learner.optimiser.param_groups:
            group["lr"] = trainer.recipe.rate(learner.iteration - first, done)
        log.add(trainer.step())
        learner.seconds = before + time.monotonic() - began
        if learner.iteration % LOG_EVERY == 0:
            log.write(learner)
        if time.monotonic() - saved > SAVE_EVERY:
            saved = time.monotonic()
            save(learner, checkpoint, exported)
    save(learner, checkpoint, exported)


def opened(args: argparse.Namespace, recipe: Recipe, device: torch.device) -> Learner[Restorer]:
    """The network that the arguments ask for."""
    if (args.out / "restorer.pt").exists():
        return resume(args.out / "restorer.pt", recipe, device)
    if args.start is not None:
        return from_weights(args.start, recipe, device)
    return begin(RestorerConfig(), recipe, device)


def parsed() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("items", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--adversarial-minutes", type=float, default=0)
    parser.add_argument("--adversarial", type=float, default=0.3, help="share of the gradient in the second stage")
    parser.add_argument("--teacher", type=Path, help="weights of the pocket prior to learn from as well")
    parser.add_argument("--iterations", type=int, default=10**9, help="of a stage, if fewer than the minutes allow")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--start", type=Path, help="exported weights to go on from where there is no checkpoint")
    parser.add_argument("--rows", type=int, default=Recipe.rows)
    parser.add_argument("--length", type=int, default=Recipe.length)
    parser.add_argument("--crop", type=int, default=Recipe.crop)
    parser.add_argument("--peak-rate", type=float, default=Recipe.peak_rate)
    parser.add_argument("--flat", type=float, default=Recipe.flat)
    parser.add_argument("--average", type=float, default=Recipe.average)
    parser.add_argument("--threads", type=int, default=1, help="on a CPU")
    return parser.parse_args()


def main() -> None:
    """Command line."""
    args = parsed()
    torch.set_num_threads(args.threads)
    torch.backends.cudnn.benchmark = True
    device = torch.device(args.device)
    args.out.mkdir(parents=True, exist_ok=True)
    names = ("rows", "length", "crop", "peak_rate", "flat", "average")
    recipe = replace(Recipe(), **{name: getattr(args, name) for name in names})
    learner = opened(args, recipe, device)
    judge = VggJudge().to(device)
    pool = Pool(args.items, device, recipe.crop, recipe.length)
    crops = Crops(pool, recipe.rows, recipe.length, recipe.crop, np.random.default_rng(recipe.seed + learner.iteration))
    told = {"items": len(pool), "multiplications": round(multiplications(learner.net.config)), **asdict(recipe)}
    print(json.dumps(told | asdict(learner.net.config)), flush=True)
    teacher = None if args.teacher is None else Teacher(args.teacher, device)
    if args.minutes:
        train(
            Trainer(learner, judge, crops, recipe, device, teacher=teacher),
            args.out,
            "restorer",
            60 * args.minutes,
            args.iterations,
        )
    if args.adversarial_minutes:
        last = replace(recipe, adversarial=args.adversarial, peak_rate=recipe.peak_rate * 0.3)
        trainer = Trainer(learner, judge, crops, last, device, rival=Rival.begin(device), teacher=teacher)
        train(trainer, args.out, "adversarial", 60 * args.adversarial_minutes, args.iterations)


if __name__ == "__main__":
    main()
