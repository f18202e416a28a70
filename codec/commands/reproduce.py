"""`freegvc reproduce`: the paper's experiment on a folder of test sequences."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codec.commands.settings import add_workers, use_threads, workers_of
from codec.errors import FreeGvcError, SettingsError
from codec.goals import QUALITY_METRICS
from codec.peers.codecs import PEERS
from codec.priors.defaults import defaults_of
from codec.settings import BASES, DEVICES, DTYPES, EncodeSettings, Quality

if TYPE_CHECKING:
    from codec.metrics.base import Metric
    from codec.reproduce.codecs import Ours
    from codec.reproduce.points import Ledger
    from codec.reproduce.run import Experiment, RunEvent

DEFAULT_METRICS = ("dists", "lpips", "psnr", "ms-ssim", "tof", "tlp")
OPTIONAL_METRICS = ("lpips-vgg", "vmaf", "pocket-dists")
DISTS_TARGETS = (0.24, 0.2, 0.16, 0.12)


def add_reproduce(parser: argparse.ArgumentParser) -> None:
    """Give `parser` its options."""
    parser.set_defaults(command=_reproduce)
    parser.add_argument("folder", type=Path, help="of .y4m, .yuv (size in its name) or other videos, also in folders")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER", help="for results; goes on there")
    parser.add_argument("--prior", default="pocket")
    parser.add_argument("--targets", type=float, nargs="+", default=DISTS_TARGETS, metavar="X", help="of --metric")
    parser.add_argument("--metric", choices=QUALITY_METRICS, default="dists", help="that the encoder aims at")
    parser.add_argument("--frames", type=int, default=96, metavar="N", help="first N of each sequence (default: 96)")
    parser.add_argument("--lines", type=int, metavar="N", help="scale sequences to N lines for all codecs")
    parser.add_argument("--short-side", type=int, metavar="N", help="our coding size (default: the prior's own)")
    parser.add_argument("--base", choices=BASES, default="auto")
    parser.add_argument("--gop", type=int, metavar="FRAMES")
    peers = tuple(PEERS)
    parser.add_argument("--peers", nargs="*", choices=peers, default=peers, metavar="PEER", help=", ".join(peers))
    parser.add_argument("--learned", type=Path, metavar="TOML", help="DCVC-RT, DCVC-FM, GLC-Video; docs/reproduce.md")
    parser.add_argument("--metrics", nargs="+", choices=(*DEFAULT_METRICS, *OPTIONAL_METRICS), metavar="METRIC")
    parser.add_argument("--device", choices=DEVICES, default="auto")
    parser.add_argument("--dtype", choices=DTYPES, default="auto")
    add_workers(parser, "measurements")
    parser.add_argument("--threads", type=int, metavar="N")


def _reproduce(arguments: argparse.Namespace) -> None:
    _check(arguments)
    # torch takes seconds to import: never before a usage error could be told.
    from codec.reproduce.codecs import Candidate, Ours, classics
    from codec.reproduce.learned import read_learned
    from codec.reproduce.points import Ledger
    from codec.reproduce.report import Results, write_report
    from codec.reproduce.run import Experiment, PointsMissing, reproduce
    from codec.reproduce.sequences import find_sources

    use_threads(arguments.threads)
    metrics, notes = _metrics(arguments)
    ours = Ours(arguments.metric, tuple(dict.fromkeys(arguments.targets)), _encode_settings(arguments))
    peers = classics(arguments.peers)
    learned = read_learned(arguments.learned) if arguments.learned else ()
    sources = find_sources(arguments.folder)
    candidates: tuple[Candidate, ...] = (ours, *peers, *learned)
    experiment = Experiment(sources, candidates, metrics, arguments.frames, arguments.lines, arguments.device)
    ledger = Ledger.open(arguments.output, _conditions(experiment))
    about = [*_about(experiment, arguments.peers), *_prior_notes(ours, ledger), *notes]
    failures: list[PointsMissing] = []
    try:
        with (
            workers_of(arguments, ours.encode_settings) as workers,
            closing(reproduce(experiment, ledger, workers)) as events,
        ):
            for event in events:
                failures += [event] if isinstance(event, PointsMissing) else []
                print(_line(event), file=sys.stderr, flush=True)
    finally:
        # Also after an interruption: what is there can be looked at.
        if ledger.points:
            lower = {metric.name: metric.lower_is_better for metric in metrics}
            print(write_report(arguments.output, Results(ledger.points, lower, failures, about)))
    if failures:
        raise FreeGvcError(f"{len(failures)} measurements failed, see above; run this again to try only those.")


def _check(arguments: argparse.Namespace) -> None:
    """Refuse what no sequence could be coded with."""
    for name in ("frames", "lines", "threads"):
        value = getattr(arguments, name)
        if value is not None and value < 1:
            raise SettingsError(f"--{name} must be at least 1, not {value}.")
    for target in arguments.targets:
        Quality(target, arguments.metric)


def _encode_settings(arguments: argparse.Namespace) -> EncodeSettings:
    return EncodeSettings(
        prior=arguments.prior,
        # The paper codes at its model's own size, whatever the clip.
        short_side=arguments.short_side or defaults_of(arguments.prior).short_side,
        gop_frames=arguments.gop,
        base=arguments.base,
        audio="none",
        device=arguments.device,
        dtype=arguments.dtype,
    )


def _metrics(arguments: argparse.Namespace) -> tuple[tuple[Metric, ...], list[str]]:
    """Those asked for, or all of the paper's that can run here; and why others can't."""
    from codec.metrics.catalog import metric, ready
    from codec.priors.computing import choose_device

    device = choose_device(arguments.device)
    if arguments.metrics:
        return tuple(metric(name, device=device) for name in dict.fromkeys(arguments.metrics)), []
    there, absent = ready(DEFAULT_METRICS, device=device)
    return tuple(there), [f"Not measured: {name}. {reason}" for name, reason in absent.items()]


def _conditions(experiment: Experiment) -> dict[str, Any]:
    return {
        "frames": experiment.frames,
        "lines": experiment.lines,
        "metrics": [metric.name for metric in experiment.metrics],
    }


def _about(experiment: Experiment, peers: Sequence[str]) -> list[str]:
    size = "at their own size" if experiment.lines is None else f"scaled to {experiment.lines} lines for every codec"
    names = [codec.name for codec in experiment.candidates]
    sentences = [
        f"{len(experiment.sources)} sequences, first {experiment.frames} frames, {size}; judged there, on every frame.",
        "Our rate is that of the whole file; the peers' that of their packets or streams, without a container.",
    ]
    if "glc-video" in names:
        sentences.append("GLC-Video writes no stream; its rate is its own estimate.")
    return sentences + [f"{name} isn't on this machine and is left out." for name in peers if name not in names]


def _prior_notes(ours: Ours, ledger: Ledger) -> list[str]:
    """Load the prior once: whether it can be is worth knowing before an hour of peers."""
    from codec.priors.catalog import open_prior

    chosen = ours.encode_settings
    prior = open_prior(chosen.prior, chosen.device, chosen.dtype)
    ledger.check(ours.name, prior.weights_hash.hex())
    return [
        f"Ours: prior {prior.id}, weights {prior.weights_hash.hex()}, {prior.dtype} on {prior.device}.",
        *prior.notes,
    ]


def _line(event: RunEvent) -> str:
    """For people who look on."""
    from codec.reproduce.points import Point
    from codec.reproduce.run import PointsMissing

    if isinstance(event, Point):
        values = ", ".join(f"{name} {value:.4g}" for name, value in event.metrics.items())
        # Named in full: of several measured at a time the last that began need not be the next that ends.
        point = f"{event.sequence}, {event.codec}, {event.setting}"
        return f"  {point}: {event.bpp:.5f} bit per pixel, {values}"
    if isinstance(event, PointsMissing):
        return f"  FAILED {event.sequence}, {event.codec}: {event.reason}"
    return f"{event.sequence}, {event.codec}: {', '.join(event.settings)}"
