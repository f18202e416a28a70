"""A Ray cluster of two nodes, one CPU each, that lives while this program does.

Run `python -m tests.support.workers.two_nodes` in a network namespace of its own (`alone`), so that nothing of the
cluster is heard or reached beyond it. It encodes the videos of a folder and prints a line of JSON about each file that
ends, or about each point that `reproduce` measures on them.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from codec.batch.events import FileDone
from codec.batch.run import Batch
from codec.batch.sources import batch_files
from codec.batch.table import Table
from codec.encoder import encode
from codec.events import GopDone
from codec.metrics.psnr import Psnr
from codec.parallel.cluster import Cluster
from codec.parallel.units import Returned, Workers
from codec.reproduce.codecs import classics
from codec.reproduce.points import Ledger, Point
from codec.reproduce.run import Experiment, RunEvent, reproduce
from codec.reproduce.sequences import find_sources
from codec.settings import EncodeSettings, Quality
from tests.support import ROOT
from tests.support.workers.work import found_at_home

SETTINGS = EncodeSettings(
    prior="gaussian", goal=Quality(0.6, "ms-ssim"), base="av1", short_side=32, gop_frames=8, channel="greedy"
)


PLACE, NETWORK = "metrics/some.safetensors", b"a network" * 1000


def alone() -> tuple[str, ...] | None:
    """The command before a command that runs it with a loopback network only; None where that is not possible."""
    if not (shutil.which("unshare") and shutil.which("ip")):
        return None
    command = ("unshare", "--map-root-user", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")
    works = subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0
    return command if works else None


def run(command: tuple[str, ...], *arguments: object) -> list[dict[str, Any]]:
    """What this program prints."""
    made = subprocess.run(
        [*command, sys.executable, "-m", "tests.support.workers.two_nodes", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr[-4000:]
    return [json.loads(line) for line in made.stdout.splitlines() if line.startswith("{")]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--lose-a-node", action="store_true", help="as soon as a GOP is done")
    parser.add_argument("--stop-after", type=int, metavar="GOPS")
    parser.add_argument("--reproduce", action="store_true", help="measure a peer instead of encoding")
    arguments = parser.parse_args()
    from ray.cluster_utils import Cluster as Nodes

    nodes = Nodes(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    second = nodes.add_node(num_cpus=1)
    try:
        with Cluster(nodes.address, gpu=False, home={PLACE: NETWORK}) as workers:
            assert workers.count == 2
            seen = [m.value for m in workers.run(found_at_home, [PLACE] * 4) if isinstance(m, Returned)]
            assert seen == [NETWORK] * 4, "a node lacks what it needs"
            lose = (lambda: nodes.remove_node(second)) if arguments.lose_a_node else (lambda: None)
            if arguments.reproduce:
                # Named as a user in this folder would; nodes work in others.
                _reproduce(Path(os.path.relpath(arguments.source)), arguments.output, workers)
            elif arguments.source.is_dir():
                _batch(arguments, workers, lose)
            else:
                _file(arguments, workers, lose)
    finally:
        nodes.shutdown()


def _batch(arguments: argparse.Namespace, workers: Cluster, lose: Callable[[], object]) -> None:
    files = batch_files([arguments.source], arguments.output)
    batch = Batch(files, SETTINGS, Table.open(arguments.output), contents_up_to=1_000_000)
    done = 0
    with closing(batch.run(workers)) as events:
        for event in events:
            if isinstance(event, FileDone):
                print(json.dumps(asdict(event.row)), flush=True)
            elif isinstance(event.event, GopDone):
                done += 1
                if done == 1:
                    lose()
                if done == arguments.stop_after:
                    return


def _reproduce(source: Path, output: Path, workers: Cluster) -> None:
    for event in measured(source, output, workers):
        if isinstance(event, Point):
            print(json.dumps({"key": event.key, "bytes": event.bytes, "metrics": event.metrics}), flush=True)


def measured(source: Path, output: Path, workers: Workers) -> Iterator[RunEvent]:
    """What `reproduce` tells of a folder of films and one peer."""
    experiment = Experiment(find_sources(source), classics(("svtav1",)), (Psnr(),), 4, 64)
    return reproduce(experiment, Ledger.open(output, {}), workers)


def _file(arguments: argparse.Namespace, workers: Cluster, lose: Callable[[], object]) -> None:
    with closing(encode(arguments.source, arguments.output, SETTINGS, workers)) as events:
        for event in events:
            if isinstance(event, GopDone) and event.index == 0:
                lose()


if __name__ == "__main__":
    main()
