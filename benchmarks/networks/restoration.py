"""What restoring a base adds to it: the base as it is, the weights that ship, and any others.

    python -m benchmarks.networks.restoration CLIPS OUT.json WEIGHTS.safetensors ... [--networks NETWORKS] [--steps 8]
        [--crfs 66 60 54] [--halves 56 48] [--clips 03 08 10 14 17] [--lines 144] [--metrics dists lpips]

Each clip's base is coded at every CRF, full size (and at half size with every CRF of --halves). "base" judges it as it
is, then the shipped weights and each other file (of training/restoration/train.py) at each step.
DISTS and LPIPS (AlexNet), or the --metrics named, PSNR over all judged pixels, block edges and
checkerboards relative to the source.
Prints means, and keeps every row in OUT.json with commit, weights and machine. LPIPS over AlexNet and temporal metrics
were not trained for.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch

from benchmarks.clips import JUDGED_EVERY, Clip, read_clip
from benchmarks.evidence.judging import shares
from benchmarks.results import save
from codec.base.av1 import encode_clip
from codec.base.pictures import upsample
from codec.metrics.base import Metric
from codec.metrics.catalog import metric
from codec.priors.base import BaseClip
from codec.priors.catalog import POCKET_WEIGHTS, RESTORER_WEIGHTS
from codec.priors.computing import Computing
from codec.priors.pocket import PocketPrior, load_pocket

JUDGED = slice(1, None, JUDGED_EVERY)


@dataclass(frozen=True)
class RestorationRow:
    """One way to show one base.

    Attributes:
        name: "base", or the file and its folder.
        crf, scale, size: of the base; bytes of its packets as a file holds them.
        step: of the trajectory.
        seconds: of one core, to make one picture.
        values: metric to mean.
    """

    name: str
    clip: str
    crf: float
    scale: int
    size: int
    step: int
    seconds: float
    values: dict[str, float]


Way = Callable[[BaseClip, Clip], Clip]
"""A base at coding size, all frames, and the source for its shape -> what is shown."""


def judged(source: Clip, made: Clip, judges: dict[str, Metric]) -> dict[str, float]:
    """All figures of what is shown; temporal metrics see every frame."""
    few, wanted = made[JUDGED], source[JUDGED]
    error = np.square(wanted.astype(np.float64) - few).mean()
    values = {"psnr": float(10 * np.log10(255**2 / max(error, 1e-9)))}
    values |= shares(source, made)
    for name, judge in judges.items():
        whole = judge.context > 0 or name == "vmaf"
        values[name] = float(np.mean(judge(source, made) if whole else judge(wanted, few)))
    return values


def way(prior: PocketPrior, step: int) -> Way:
    """A prior's restoration at one step."""

    def restore(base: BaseClip, source: Clip) -> Clip:
        condition = prior.prepare(base, *source.shape[:3])
        return prior.restore(condition, range(len(source)), [step])[0]

    return restore


def with_restorer(weights: Path) -> PocketPrior:
    """The pocket prior with other weights of the restorer; bfloat16 where the CPU has units for it."""
    return load_pocket(Path("resources") / POCKET_WEIGHTS, weights, Computing.choose("cpu", "auto"))


def as_it_is(base: BaseClip, source: Clip) -> Clip:
    """The base at coding size."""
    return upsample(base.frames, source.shape[2], source.shape[1])


def bases(source: Clip, rate: Fraction, args: argparse.Namespace, cache: Path) -> Iterator[tuple[int, BaseClip]]:
    """(bytes, base) of every wanted setting; coded once, then kept in `cache`."""
    for crf, scale in [(crf, 1) for crf in args.crfs] + [(crf, 2) for crf in args.halves]:
        path = cache / f"{source.shape[1]}-{len(source)}-{crf:g}-{scale}.npz"
        if not path.exists():
            size, pictures = encode_clip(source, crf, scale, rate)
            path.parent.mkdir(parents=True, exist_ok=True)
            np.savez(path, size=size, pictures=pictures)
        with np.load(path) as kept:
            yield int(kept["size"]), BaseClip(kept["pictures"], crf, scale)


def rows(
    args: argparse.Namespace, ways: list[tuple[str, int, Way]], judges: dict[str, Metric]
) -> Iterator[RestorationRow]:
    """Every clip, base and way, judged."""
    for clip in args.clips:
        source, rate = read_clip(args.folder, clip, args.lines, args.frames)
        for size, base in bases(source, rate, args, args.out.parent / "bases" / clip):
            for name, step, way in ways:
                began = time.process_time()
                made = way(base, source)
                seconds = (time.process_time() - began) / len(source)
                values = judged(source, made, judges)
                yield RestorationRow(name, clip, base.crf, base.scale, size, step, seconds, values)


def table(found: list[RestorationRow]) -> Iterator[str]:
    """Means over clips and CRFs by way and base's scale, then each CRF by itself."""
    widths = {name: max(9, len(name) + 2) for name in found[0].values}
    heads = "".join(f"{name:>{width}}" for name, width in widths.items())
    yield f"{'':34}{'scale':>6}{'crf':>5}{'step':>5}{heads}{'ms':>8}"
    for crf in (None, *dict.fromkeys((row.crf, row.scale) for row in found)):
        for key in dict.fromkeys((row.name, row.scale, row.step) for row in found):
            chosen = [r for r in found if (r.name, r.scale, r.step) == key and crf in (None, (r.crf, r.scale))]
            if chosen:
                means = {name: float(np.mean([row.values[name] for row in chosen])) for name in widths}
                text = "".join(
                    f"{means[name]:{width}.{2 if means[name] > 5 else 4}f}" for name, width in widths.items()
                )
                level = "all" if crf is None else f"{crf[0]:g}"
                spent = 1000 * float(np.mean([row.seconds for row in chosen]))
                yield f"{key[0]:34}{key[1]:6}{level:>5}{key[2]:5}{text}{spent:8.1f}"


def parsed() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("weights", type=Path, nargs="*")
    parser.add_argument("--networks", type=Path, help="folder with VGG16 and AlexNet")
    parser.add_argument("--steps", type=int, nargs="+", default=[8])
    parser.add_argument("--crfs", type=float, nargs="*", default=[66.0, 60.0, 54.0])
    parser.add_argument("--halves", type=float, nargs="*", default=[])
    parser.add_argument("--clips", nargs="+", default=["03", "08", "10", "14", "17"])
    parser.add_argument("--lines", type=int, default=144)
    parser.add_argument("--frames", type=int, default=48)
    parser.add_argument("--metrics", nargs="*", default=["dists", "lpips"])
    parser.add_argument("--only-new", action="store_true", help="leave out the base and the shipped weights")
    return parser.parse_args()


def main() -> None:
    """Print the table."""
    args = parsed()
    torch.set_num_threads(1)
    folders = [args.networks] if args.networks else None
    judges = {name: metric(name, folders) for name in args.metrics}
    ways: list[tuple[str, int, Way]] = [] if args.only_new else [("base", 0, as_it_is)]
    for weights in [*([] if args.only_new else [Path("resources") / RESTORER_WEIGHTS]), *args.weights]:
        prior = with_restorer(weights)
        ways += [("/".join(weights.parts[-2:]), step, way(prior, step)) for step in args.steps]
    found = []
    for row in rows(args, ways, judges):
        found.append(row)
        save("restoration", {"lines": args.lines, "rows": [asdict(row) for row in found]}, True, args.out)
    print("\n".join(table(found)))


if __name__ == "__main__":
    main()
