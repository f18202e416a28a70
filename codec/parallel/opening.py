"""Which workers a command gets: this process, a pool of processes, or a cluster."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from codec.parallel.cluster import Cluster
from codec.parallel.here import Here
from codec.parallel.pool import Pool
from codec.parallel.units import Workers


@contextmanager
def open_workers(
    jobs: int, cluster: str | None, gpu: bool, home: Callable[[], Mapping[str, Path | bytes]]
) -> Generator[Workers, None, None]:
    """Workers, until the block is left.

    Args:
        jobs: processes of this machine, 1 for none beside this one.
        cluster: a Ray cluster instead: "auto" or an address.
        gpu: whether a unit wants one; only a cluster knows where they are.
        home: files that nodes of a cluster must have, by their place in the program's home.

    Raises:
        SettingsError: there is no such cluster, or no Ray.
    """
    if cluster is not None:
        with Cluster(cluster, gpu, home()) as nodes:
            yield nodes
    elif jobs > 1:
        with Pool(jobs) as pool:
            yield pool
    else:
        yield Here()
