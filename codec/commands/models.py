"""`freegvc models`: what is here, and getting, adding, checking and removing it: the tasks of the window."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table

from codec.commands.output import print_as_it_is, print_json
from codec.errors import PriorError
from codec.store.registry import PACKAGES, package
from codec.store.tasks import (
    AddModel,
    Checked,
    GetModel,
    ListModels,
    ModelList,
    RemoveModel,
    StoreEvent,
    StoreNoted,
    StoreTask,
    Transferred,
    VerifyModel,
    carry_out,
)

STORE_EVENT_NAMES = {ModelList: "models", Transferred: "transfer", Checked: "checked", StoreNoted: "note"}


def add_models(parser: argparse.ArgumentParser) -> None:
    """Give `parser` the subcommands."""
    commands = parser.add_subparsers(required=True, metavar="ACTION")
    listed = _action(commands.add_parser("list", help="every model: where it is, what it needs"))
    listed.set_defaults(command=_list)
    got = _named(commands.add_parser("get", help="fetch a model, or go on with it"))
    got.set_defaults(command=_get)
    got.add_argument("--text-encoder", action="store_true", help="also the text encoder, for the exact empty prompt")
    added = _named(commands.add_parser("add", help="use a folder in diffusers' layout, or a metric's file"))
    added.set_defaults(command=_add)
    added.add_argument("place", type=Path, metavar="FOLDER|FILE")
    _named(commands.add_parser("verify", help="hash a fetched model's files again")).set_defaults(command=_verify)
    removed = _named(commands.add_parser("remove", help="forget an added folder, or delete what was fetched"))
    removed.set_defaults(command=_remove)


def _action(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    return parser


def _named(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("name", choices=tuple(PACKAGES), metavar="NAME", help=", ".join(PACKAGES))
    return _action(parser)


def _list(arguments: argparse.Namespace) -> None:
    _show(ListModels(), arguments.json)


def _get(arguments: argparse.Namespace) -> None:
    notice = package(arguments.name).row().licence_notice
    if notice:
        print(notice, file=sys.stderr)
    _show(GetModel(arguments.name, arguments.text_encoder), arguments.json)


def _add(arguments: argparse.Namespace) -> None:
    _show(AddModel(arguments.name, arguments.place), arguments.json)


def _remove(arguments: argparse.Namespace) -> None:
    _show(RemoveModel(arguments.name), arguments.json)


def _verify(arguments: argparse.Namespace) -> None:
    told = _show(VerifyModel(arguments.name), arguments.json)
    damaged = [event.file for event in told if isinstance(event, Checked) and not event.intact]
    if damaged:
        raise PriorError(
            f"{len(damaged)} files of {arguments.name} are damaged; delete them and run "
            f"`freegvc models get {arguments.name}`."
        )


def _show(task: StoreTask, as_json: bool) -> list[StoreEvent]:
    """Carry out a task and print what it tells, which is returned too."""
    told = []
    for event in _with_progress(carry_out(task), shown=not as_json):
        told.append(event)
        if as_json:
            print_json(STORE_EVENT_NAMES[type(event)], event)
        elif isinstance(event, ModelList):
            _print_list(event)
        elif isinstance(event, Checked):
            print(f"{'ok      ' if event.intact else 'DAMAGED '}{event.file}")
        elif isinstance(event, StoreNoted):
            print(event.message)
    return told


def _with_progress(events: Iterator[StoreEvent], shown: bool) -> Iterator[StoreEvent]:
    """The events, with a bar that follows the transfers among them where somebody watches."""
    console = Console(stderr=True, emoji=False)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    bar = Progress(*columns, TimeRemainingColumn(), console=console, transient=True, disable=not shown)
    started = False
    try:
        for event in events:
            if isinstance(event, Transferred):
                if not started:
                    bar.start()
                    line, started = bar.add_task("", total=None), True
                bar.update(line, description=event.file, completed=event.done, total=event.total)
            yield event
    finally:
        bar.stop()


def _print_list(found: ModelList) -> None:
    table = Table(box=None, pad_edge=False)
    for title in ("model", "is", "disk", "memory", "licence", "folder"):
        table.add_column(title, overflow="fold")
    for row in found.rows:
        sizes = (f"{row.disk_bytes / 1e9:.2f} GB", f"{row.memory_bytes / 1e9:.2f} GB")
        table.add_row(row.name, row.origin, *sizes, row.licence, str(row.place or f"- ({row.title})"))
    print_as_it_is(table, width=160)
