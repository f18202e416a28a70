"""`freegvc models`: what is here, and getting, adding, checking and removing it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table

from codec.errors import PriorError
from codec.store import installed as store
from codec.store.fetch import Transfer, get_model, licence_notice
from codec.store.manifest import MODELS
from codec.store.packs import PACKS, add_pack, get_pack, place_of, remove_pack, verify_pack


def add_models(parser: argparse.ArgumentParser) -> None:
    """Give `parser` the subcommands."""
    commands = parser.add_subparsers(required=True, metavar="ACTION")
    listed = commands.add_parser("list", help="every model: where it is, what it needs")
    listed.set_defaults(command=_list)
    listed.add_argument("--json", action="store_true")
    got = _named(commands.add_parser("get", help="fetch a model, or go on with it"))
    got.set_defaults(command=_get)
    got.add_argument("--text-encoder", action="store_true", help="also the text encoder, for the exact empty prompt")
    got.add_argument("--json", action="store_true", help="one JSON object a line")
    added = _named(commands.add_parser("add", help="use a folder in diffusers' layout, or a metric's file"))
    added.set_defaults(command=_add)
    added.add_argument("folder", type=Path)
    _named(commands.add_parser("verify", help="hash a fetched model's files again")).set_defaults(command=_verify)
    _named(commands.add_parser("remove", help="forget an added folder, or delete what was fetched")).set_defaults(
        command=_remove
    )


def _named(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    names = (*MODELS, *PACKS)
    parser.add_argument("name", choices=names, metavar="NAME", help=", ".join(names))
    return parser


def _list(arguments: argparse.Namespace) -> None:
    found = store.installed()
    if arguments.json:
        rows = [{**vars(m.spec), "origin": m.origin, "folder": m.folder and str(m.folder)} for m in found]
        packs = [{**vars(p), "origin": "fetched" if place_of(p) else "absent"} for p in PACKS.values()]
        print(json.dumps(rows + packs))
        return
    table = Table(box=None, pad_edge=False)
    for title in ("model", "is", "disk", "memory", "licence", "folder"):
        table.add_column(title, overflow="fold")
    for m in found:
        sizes = (f"{m.spec.disk_bytes / 1e9:.1f} GB", f"{m.spec.memory_bytes / 1e9:.1f} GB")
        table.add_row(m.spec.name, m.origin, *sizes, m.spec.licence, str(m.folder or "-"))
    for p in PACKS.values():
        place = place_of(p)
        table.add_row(p.name, "fetched" if place else "absent", "-", "-", p.licence, str(place or f"for {p.serves}"))
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def _get(arguments: argparse.Namespace) -> None:
    if arguments.name in PACKS:
        transfers = get_pack(PACKS[arguments.name])
    else:
        notice = licence_notice(arguments.name)
        if notice:
            print(notice, file=sys.stderr)
        transfers = get_model(arguments.name, text_encoder=arguments.text_encoder)
    if arguments.json:
        for transfer in transfers:
            print(json.dumps({"event": "transfer", **vars(transfer)}), flush=True)
    else:
        _draw(transfers)
    print(f"{arguments.name} is ready.", file=sys.stderr)


def _draw(transfers: Iterator[Transfer]) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("asking the hub", total=None)
        for transfer in transfers:
            progress.update(task, description=transfer.file, completed=transfer.done, total=transfer.total)


def _add(arguments: argparse.Namespace) -> None:
    if arguments.name in PACKS:
        print(f"{arguments.name} is kept in {add_pack(PACKS[arguments.name], arguments.folder)}.")
    else:
        print(f"{arguments.name} is used from {store.add(arguments.name, arguments.folder)}.")


def _verify(arguments: argparse.Namespace) -> None:
    damaged = []
    pack = PACKS.get(arguments.name)
    for path, intact in verify_pack(pack) if pack else store.verify(arguments.name):
        print(f"{'ok      ' if intact else 'DAMAGED '}{path}")
        damaged += [] if intact else [path]
    if damaged:
        raise PriorError(
            f"{len(damaged)} files of {arguments.name} are damaged; delete them and run "
            f"`freegvc models get {arguments.name}`."
        )


def _remove(arguments: argparse.Namespace) -> None:
    pack = PACKS.get(arguments.name)
    print(remove_pack(pack) if pack else store.remove(arguments.name))
