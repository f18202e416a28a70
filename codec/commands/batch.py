"""`freegvc batch`: many files into a folder, with a table of what came of each."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from codec.batch.events import BatchEvent, FileDone
from codec.batch.sources import batch_files
from codec.batch.table import FILE, BatchRow, FileStatus, Table
from codec.commands.output import event_to_json, print_table, size_in_words
from codec.commands.settings import (
    add_encode_settings,
    add_machine,
    add_workers,
    encode_settings,
    use_threads,
    workers_of,
)
from codec.errors import FreeGvcError
from codec.events import Phase, PreviewReady, Warned

# Of one source, to nodes that don't see its disk: what a machine's memory and network easily carry.
SMALL_FILE = 256_000_000


def add_batch(parser: argparse.ArgumentParser) -> None:
    """Give `parser` its arguments."""
    parser.set_defaults(command=_batch)
    parser.add_argument(
        "sources",
        type=Path,
        nargs="+",
        metavar="SOURCE",
        help="a video, a folder (all videos below it), or a list (.txt: a path a line, # for comments)",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="FOLDER",
        help=f"for the files and {FILE}; what is finished there with the same settings is kept, parts are gone on with",
    )
    add_encode_settings(parser)
    add_workers(parser, "files, or scenes where fewer files are left,")
    add_machine(parser)


def _batch(arguments: argparse.Namespace) -> None:
    settings = encode_settings(arguments)
    files = batch_files(arguments.sources, arguments.output)
    table = Table.open(arguments.output)
    # torch takes seconds to import: never before a usage error could be told.
    from codec.batch.run import Batch

    use_threads(arguments.threads)
    batch = Batch(files, settings, table, SMALL_FILE if arguments.cluster else 0)
    rows: list[BatchRow] = []

    def ended(events: Iterable[BatchEvent]) -> Iterable[BatchEvent]:
        for event in events:
            rows.extend([event.row] if isinstance(event, FileDone) else [])
            yield event

    try:
        with (
            workers_of(arguments, settings) as workers,
            closing(batch.run(workers)) as events,
        ):
            (_tell if arguments.json else _draw)(ended(events), len(files))
    finally:
        # Also after an interruption: what is there can be looked at.
        if rows and not arguments.json:
            _summarise(rows)
    failed = [row for row in rows if row.status == FileStatus.FAILED]
    if failed:
        raise FreeGvcError(f"{len(failed)} of {len(files)} files failed, see above; run this again to try only those.")


def _tell(events: Iterable[BatchEvent], _: int) -> None:
    """A JSON object a line: the events of each file with its source, and its row at the end."""
    for event in events:
        if isinstance(event, FileDone):
            print(json.dumps({"event": "file", **asdict(event.row)}), flush=True)
        elif not isinstance(event.event, PreviewReady):
            print(json.dumps({"source": str(event.file.source), **event_to_json(event.event)}), flush=True)


def _draw(events: Iterable[BatchEvent], total: int) -> None:
    """How far the batch is, and a line for each file that ends."""
    console = Console(stderr=True, emoji=False)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    shares: dict[Path, float] = {}
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("files", total=total)
        for event in events:
            source = event.file.source
            if isinstance(event, FileDone):
                shares[source] = 1.0
                progress.console.print(line_of(event.row), markup=False, highlight=False, soft_wrap=True)
            elif isinstance(event.event, Phase) and event.event.done is not None:
                shares[source] = event.event.done
            elif isinstance(event.event, Warned):
                note = f"Note: {source.name}: {event.event.message}"
                progress.console.print(note, style="yellow", markup=False, highlight=False, soft_wrap=True)
            progress.update(task, completed=sum(shares.values()))


def line_of(row: BatchRow) -> str:
    """A row, for people."""
    if row.status == FileStatus.FAILED:
        return f"FAILED {row.source}: {row.reason}"
    quality = "" if row.quality is None else f", quality {row.quality:.4f}"
    missed = f", {row.missed} GOPs outside the goal" if row.missed else ""
    kept = " (kept)" if row.status == FileStatus.KEPT else ""
    return (
        f"{row.output}{kept}: {size_in_words(row.bytes)}, {row.frames} frames, {row.kbps:.1f} kbit/s{quality}{missed}"
    )


def _summarise(rows: Sequence[BatchRow]) -> None:
    """A table of all files, and a line about them."""
    print_table(
        ("file", "", "bytes", "frames", "kbit/s", "quality", "s"),
        [
            (
                row.output,
                str(row.status),
                *((str(row.bytes), str(row.frames), f"{row.kbps:.1f}") if row.bytes else ("-", "-", "-")),
                "-" if row.quality is None else f"{row.quality:.4f}",
                f"{row.seconds:.1f}",
            )
            for row in rows
        ],
    )
    counts = [f"{sum(row.status == status for row in rows)} {status}" for status in FileStatus]
    print(f"{', '.join(counts)}; {size_in_words(sum(row.bytes for row in rows))}")
