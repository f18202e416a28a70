"""The `freegvc` command: the same generators as the window, drawn as text or as JSON lines.

Exit codes: 0 done, 1 refused or failed (one sentence on stderr), 2 usage, 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from io import TextIOWrapper
from multiprocessing import freeze_support
from pathlib import Path
from typing import TYPE_CHECKING

from codec import log
from codec.commands import output as cli_output
from codec.commands.batch import add_batch
from codec.commands.models import add_models
from codec.commands.reproduce import add_reproduce
from codec.commands.settings import (
    add_encode_settings,
    add_jobs,
    add_machine,
    add_workers,
    bits,
    encode_settings,
    lower_goal_of,
    use_threads,
    workers_of,
)
from codec.errors import FreeGvcError, refusal
from codec.events import Warned
from codec.goals import QUALITY_METRICS
from codec.parallel.opening import open_workers
from codec.peers.codecs import PEERS, QUICK
from codec.settings import DEINTERLACING, DecodeSettings
from codec.version import program_version

if TYPE_CHECKING:
    from codec.peers.events import Compared, PeerRow, PeerTrial

INTERRUPTED = 130
_VERBOSE = ("-v", "--verbose")
PEER_METRICS = ("dists", "lpips", "ms-ssim", "psnr")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    _print_any_name()
    arguments = build_parser().parse_args(argv)
    if arguments.verbose:
        log.to_stderr(arguments.verbose)
    command: Callable[[argparse.Namespace], None] = arguments.command
    try:
        command(arguments)
        # What is still buffered may meet a full disk or a reader that has gone.
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has gone; what was promised on disk is there or not, as always. Nor may Python find
        # the pipe broken again when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        told = refusal(error)
        if told is None:
            raise
        print(told, file=sys.stderr)
        return 1
    return 0


def _print_any_name() -> None:
    """Let names that the output's encoding lacks be printed with escapes, as Python does on stderr.

    Else one file from a system of another language would end the work of all.
    """
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def build_parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    parser = argparse.ArgumentParser(prog="freegvc", description="Compress video to extremely low bitrates.")
    parser.add_argument("--version", action="version", version=f"freegvc {program_version()}")
    parser.add_argument(*_VERBOSE, action="count", default=0, help="tell what happens inside; twice for more")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_encode(commands.add_parser("encode", help="video -> .fgvc"))
    add_batch(commands.add_parser("batch", help="many videos -> .fgvc files in a folder, on one machine or many"))
    _add_decode(commands.add_parser("decode", help=".fgvc -> video"))
    _add_retarget(commands.add_parser("retarget", help=".fgvc -> a smaller .fgvc, without coding again"))
    _add_info(commands.add_parser("info", help="what a .fgvc file holds"))
    _add_measure(commands.add_parser("measure", help="quality of a video against its original"))
    add_models(commands.add_parser("models", help="the priors' weights: list, get, add, verify, remove"))
    _add_compare(commands.add_parser("compare", help="a .fgvc file beside x265, AV1 and VVC of the same size"))
    add_reproduce(commands.add_parser("reproduce", help="rate-perception curves and BD-rates on test sequences"))
    tested = commands.add_parser("selftest", help="whether this installation is whole: a tiny run of every part")
    tested.set_defaults(command=_selftest)
    for command in commands.choices.values():
        # Behind the command too, where most people would put it.
        command.add_argument(*_VERBOSE, action="count", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    return parser


def _add_encode(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_encode)
    parser.add_argument("input", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    add_encode_settings(parser)
    parser.add_argument("--resume", action="store_true", help="go on with an interrupted encode")
    add_workers(parser, "scenes", by_itself=True)
    add_machine(parser)


def _add_less(parser: argparse.ArgumentParser) -> None:
    """What a file may be taken down to without coding it again."""
    goal = parser.add_mutually_exclusive_group()
    goal.add_argument("--target", type=float, help="quality to go down to, in the units of --metric")
    goal.add_argument("--bitrate", type=bits, help="bits a second of the pictures, sound not counted, such as 20k")
    parser.add_argument("--metric", choices=QUALITY_METRICS, help="of --target (default: dists)")
    parser.add_argument("--no-audio", action="store_true", help="leave out the sound")


def _add_decode(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_decode)
    parser.add_argument("input", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    _add_less(parser)
    add_jobs(parser, "scenes", by_itself=True)
    add_machine(parser)


def _add_retarget(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_retarget)
    parser.add_argument("input", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    _add_less(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def _add_info(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_info)
    parser.add_argument("input", type=Path)
    parser.add_argument("--json", action="store_true")


def _add_measure(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_measure)
    parser.add_argument("reference", type=Path)
    parser.add_argument("test", type=Path)
    parser.add_argument("--metrics", nargs="+", metavar="NAME", help="such as psnr ms-ssim dists; all by default")
    parser.add_argument("--frames", type=int, metavar="N", help="of the first N frames only")
    parser.add_argument("--deinterlace", choices=DEINTERLACING, default="auto", help="of an interlaced reference")
    parser.add_argument("--json", action="store_true")


def _add_compare(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_compare)
    parser.add_argument("source", type=Path)
    parser.add_argument("coded", type=Path, help="the .fgvc file made from it")
    parser.add_argument(
        "--peers",
        nargs="+",
        choices=tuple(PEERS),
        default=QUICK,
        help=f"codecs to compare with (default: {' '.join(QUICK)})",
    )
    parser.add_argument("--start", type=float, default=0.0, metavar="S", help="as it was given to encode")
    parser.add_argument("--deinterlace", choices=DEINTERLACING, default="auto", help="as it was given to encode")
    parser.add_argument("--json", action="store_true")


def _encode(arguments: argparse.Namespace) -> None:
    settings = replace(encode_settings(arguments), resume=arguments.resume)
    # torch takes seconds to import: never before a usage error could be told.
    from codec.encoder import encode
    from codec.encoding.elsewhere import own_workers

    use_threads(arguments.threads)
    by_itself = arguments.jobs is None and not arguments.cluster
    with own_workers(arguments.input, settings) if by_itself else workers_of(arguments, settings) as workers:
        elsewhere = None if arguments.jobs == 1 and not arguments.cluster else workers
        cli_output.show(encode(arguments.input, arguments.output, settings, elsewhere), arguments.json)


def _decode(arguments: argparse.Namespace) -> None:
    goal = lower_goal_of(arguments)
    settings = DecodeSettings(goal=goal, device=arguments.device, dtype=arguments.dtype, audio=not arguments.no_audio)
    from codec.decoder import decode
    from codec.decoding.elsewhere import own_workers

    use_threads(arguments.threads)
    jobs: int | None = arguments.jobs
    with own_workers(arguments.input, settings) if jobs is None else open_workers(jobs, None, False, dict) as workers:
        elsewhere = None if jobs == 1 else workers
        cli_output.show(decode(arguments.input, arguments.output, settings, elsewhere), arguments.json)


def _retarget(arguments: argparse.Namespace) -> None:
    from codec.decoding.smaller import save_smaller

    settings = DecodeSettings(goal=lower_goal_of(arguments), audio=not arguments.no_audio)
    cli_output.show(save_smaller(arguments.input, arguments.output, settings), arguments.json)


def _info(arguments: argparse.Namespace) -> None:
    from codec.format.info import describe

    cli_output.show_info(describe(arguments.input), arguments.json)


def _measure(arguments: argparse.Namespace) -> None:
    from codec.metrics.catalog import NAMES, metric, ready
    from codec.metrics.measure import measure

    metrics, absent = ([metric(name) for name in arguments.metrics], {}) if arguments.metrics else ready(NAMES)
    with cli_output.counting("compared") as on_frames:
        found = measure(
            arguments.reference,
            arguments.test,
            metrics,
            limit=arguments.frames,
            deinterlace=arguments.deinterlace,
            on_frames=on_frames,
        )
    cli_output.show_measurement(found, absent, arguments.json)


def _compare(arguments: argparse.Namespace) -> None:
    from codec.metrics.catalog import ready
    from codec.peers.compare import compare

    metrics, _ = ready(PEER_METRICS)
    events = compare(
        arguments.source,
        arguments.coded,
        arguments.peers,
        metrics,
        arguments.start,
        deinterlace=arguments.deinterlace,
    )
    cli_output.show_comparison(_compared(events), [metric.name for metric in metrics], arguments.json)


def _compared(events: Iterable[PeerTrial | Compared | Warned]) -> Iterator[PeerRow]:
    """The results; what is amiss is told on the way."""
    from codec.peers.events import Compared

    for event in events:
        if isinstance(event, Warned):
            print(event.message, file=sys.stderr)
        elif isinstance(event, Compared):
            yield event.row


def _selftest(_: argparse.Namespace) -> None:
    from codec.commands.selftest import run

    with tempfile.TemporaryDirectory(prefix="freegvc-") as folder:
        failed = cli_output.show_parts(run(Path(folder)))
    if failed:
        raise FreeGvcError(f"This installation is not whole ({', '.join(failed)}); install Free-GVC again.")


if __name__ == "__main__":
    # A packaged application is also the program that its children run.
    freeze_support()
    sys.exit(main())
