"""The options that commands share, and what they become: settings of an encode, a goal, a machine."""

from __future__ import annotations

import argparse
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

from codec.errors import SettingsError
from codec.goals import QUALITY_METRICS
from codec.parallel.opening import open_workers
from codec.parallel.units import Workers
from codec.priors.defaults import defaults_of
from codec.settings import (
    AUDIO_MODES,
    BASES,
    CHANNELS,
    DEINTERLACING,
    DEVICES,
    DTYPES,
    MOST,
    OVERLAPS,
    STATISTICS,
    Bitrate,
    EncodeSettings,
    Goal,
    Quality,
    Size,
)
from codec.store.manifest import MODELS
from codec.store.needed import needed_files

SUFFIXES = {"": 1, "k": 1_000, "m": 1_000_000, "g": 1_000_000_000}


def add_encode_settings(parser: argparse.ArgumentParser) -> None:
    """What shapes an encode, whichever command asks for it."""
    parser.add_argument("--prior", default="pocket")
    _add_goal(parser)
    parser.add_argument("--start", type=float, default=0.0, metavar="S")
    parser.add_argument("--duration", type=float, metavar="S")
    parser.add_argument(
        "--short-side", type=short_side, metavar="N", help="coding size, or auto: what suits source and goal (default)"
    )
    parser.add_argument("--gop", type=int, metavar="FRAMES", help="GOP length (default: the prior's own)")
    parser.add_argument("--base", choices=BASES, default="auto")
    _add_sent_steps(parser)
    _add_sound(parser)
    parser.add_argument(
        "--deinterlace", choices=DEINTERLACING, default="auto", help="join the fields of interlaced video"
    )
    parser.add_argument("--seed", type=int, default=0)


def _add_goal(parser: argparse.ArgumentParser) -> None:
    goal = parser.add_mutually_exclusive_group()
    goal.add_argument(
        "--target", type=float, help=f"quality to hold, in the units of --metric (default: dists {Quality.value})"
    )
    goal.add_argument("--bitrate", type=bits, help="bits a second of the pictures, sound not counted, such as 20k")
    goal.add_argument("--size", type=bits, help="bytes of the whole file, such as 200k")
    parser.add_argument("--metric", choices=QUALITY_METRICS, help="of --target (default: dists)")
    parser.add_argument(
        "--statistic",
        choices=STATISTICS,
        help="of --target: hold every GOP there (gop, the default), or only a scene's mean",
    )


def _add_sent_steps(parser: argparse.ArgumentParser) -> None:
    sent = parser.add_argument_group(
        "steps that are sent", "by large priors, and with --base none; over its base the pocket prior sends none"
    )
    sent.add_argument(
        "--channel", choices=tuple(CHANNELS), help=f"how they are coded (default: {EncodeSettings.channel})"
    )
    sent.add_argument(
        "--overlap", choices=OVERLAPS, help=f"what the next GOP takes over (default: {EncodeSettings.overlap})"
    )
    sent.add_argument(
        "--keep-steps", type=int, metavar="N", help="steps stored beyond t*, for decode and retarget (default: 0)"
    )


def _add_sound(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--audio", choices=AUDIO_MODES, default="opus")
    parser.add_argument("--audio-track", type=int, metavar="N", help="1 is the first (default: the file's default one)")
    parser.add_argument("--audio-bitrate", type=bits, metavar="RATE", help="of Opus (default: follows the pictures)")


def short_side(text: str) -> int | None:
    """A number of pixels, or "auto" for None."""
    if text == "auto":
        return None
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number of pixels nor auto")
    return int(text)


def encode_settings(arguments: argparse.Namespace) -> EncodeSettings:
    """What `add_encode_settings` and `add_machine` took.

    Raises:
        SettingsError: they don't fit each other.
    """
    _refuse_idle(arguments)
    return EncodeSettings(
        prior=arguments.prior,
        goal=goal_of(arguments) or _usual_quality(arguments),
        start=arguments.start,
        duration=arguments.duration,
        short_side=arguments.short_side,
        gop_frames=arguments.gop,
        channel=arguments.channel or EncodeSettings.channel,
        overlap=arguments.overlap or EncodeSettings.overlap,
        base=arguments.base,
        audio=arguments.audio,
        audio_track=arguments.audio_track,
        audio_bitrate=arguments.audio_bitrate,
        deinterlace=arguments.deinterlace,
        seed=arguments.seed,
        keep_steps=arguments.keep_steps or 0,
        device=arguments.device,
        dtype=arguments.dtype,
    )


def _usual_quality(arguments: argparse.Namespace) -> Quality:
    measured = _measured(arguments)
    if measured.get("metric", Quality.metric) != Quality.metric:
        raise SettingsError(f"Only {Quality.metric} has a usual target; give a --target for {measured['metric']}.")
    return Quality(**measured)


def _refuse_idle(arguments: argparse.Namespace) -> None:
    """Refuse what says how steps are sent where none are."""
    if arguments.base == "none" or not defaults_of(arguments.prior).restores:
        return
    for option in ("channel", "overlap", "keep_steps"):
        if getattr(arguments, option):
            raise SettingsError(
                f"Over a base the prior {arguments.prior} sends no steps, so --{option.replace('_', '-')} would do "
                "nothing; leave it out, or choose --base none."
            )


def _wants_gpu(settings: EncodeSettings) -> bool:
    """Whether a cluster's node should have one for it: the pocket prior needs none."""
    return settings.device == "cuda" or (settings.device == "auto" and settings.prior in MODELS)


def add_machine(parser: argparse.ArgumentParser) -> None:
    """Where it runs, and how it is told."""
    parser.add_argument("--device", choices=DEVICES, default="auto")
    parser.add_argument("--dtype", choices=DTYPES, default="auto")
    parser.add_argument("--threads", type=count, metavar="N")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def add_workers(parser: argparse.ArgumentParser, unit: str, by_itself: bool = False) -> None:
    """How much is done at a time, and where.

    Args:
        unit: what one worker does.
        by_itself: see `add_jobs`.
    """
    add_jobs(parser, unit, by_itself)
    parser.add_argument(
        "--cluster",
        metavar="auto|ADDRESS",
        help="work on a Ray cluster instead (pip install 'freegvc[cluster]', on every node): the one that this machine "
        "belongs to, or that at an address such as 10.0.0.1:6379",
    )


def add_jobs(parser: argparse.ArgumentParser, unit: str, by_itself: bool = False) -> None:
    """How much is done at a time on this machine.

    Args:
        unit: what one process does.
        by_itself: unless somebody says how many, as many as suit the machine and the work: None then. Else 1.
    """
    default = "what suits cores, memory and length" if by_itself else "1"
    parser.add_argument(
        "--jobs",
        type=count,
        default=None if by_itself else 1,
        metavar="N",
        help=f"{unit} at a time (default: {default}), each by a process of its own; what comes of it is the same for "
        "any N. It needs the prior, and a scene's pictures (at most 240 frames at coding size) a few times over: with "
        "the pocket prior at 240 lines about 0.8 GB, and 1.3 for the longest scene",
    )


def workers_of(arguments: argparse.Namespace, settings: EncodeSettings) -> AbstractContextManager[Workers]:
    """What `add_workers` took, open until the block is left.

    Raises:
        SettingsError: there is no such cluster, or no Ray.
    """
    home = partial(needed_files, settings.prior)
    return open_workers(arguments.jobs or 1, arguments.cluster, _wants_gpu(settings), home)


def goal_of(arguments: argparse.Namespace) -> Goal | None:
    """What was asked for, or None.

    Raises:
        SettingsError: it is out of range, or a bitrate or a size is to be measured in a metric.
    """
    measured = _measured(arguments)
    size = getattr(arguments, "size", None)
    if measured and not (arguments.bitrate is None and size is None):
        other = "--size" if arguments.bitrate is None else "--bitrate"
        raise SettingsError(f"--{next(iter(measured))} tells how --target is measured; leave it out beside {other}.")
    if arguments.bitrate is not None:
        return Bitrate(arguments.bitrate)
    if size is not None:
        return Size(int(size))
    return None if arguments.target is None else Quality(arguments.target, **measured)


def lower_goal_of(arguments: argparse.Namespace) -> Quality | Bitrate | None:
    """What a file is to be taken down to, or None for all of it.

    Raises:
        SettingsError: as `goal_of`, or there is a metric and nothing measured in it.
    """
    goal = goal_of(arguments)
    assert not isinstance(goal, Size), "no command asks for one here"
    if goal is None and _measured(arguments):
        raise SettingsError("--metric tells how --target is measured; give a --target too.")
    return goal


def _measured(arguments: argparse.Namespace) -> dict[str, Any]:
    """What was said of how a quality is measured: fields of `Quality`."""
    said = {name: getattr(arguments, name, None) for name in ("metric", "statistic")}
    return {name: value for name, value in said.items() if value is not None}


def bits(text: str) -> float:
    """A number of bits (or bytes), below `MOST`, with an optional k, M or G: "20k" -> 20000.0."""
    digits = text.rstrip("kKmMgG")
    factor = SUFFIXES.get(text[len(digits) :].lower())
    try:
        value = float(digits)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no number such as 800 or 20k") from error
    if factor is None or not 0 < value * factor < MOST:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above zero such as 800 or 20k")
    return value * factor


def count(text: str) -> int:
    """A number of threads or processes."""
    if not text.isdigit() or not 1 <= int(text) <= 1024:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to 1024")
    return int(text)


def use_threads(threads: int | None) -> None:
    """Let torch compute with so many threads; None leaves it."""
    if threads is not None:
        import torch

        torch.set_num_threads(threads)
