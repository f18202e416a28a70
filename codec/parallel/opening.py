"""Which workers a command gets: this process, a pool of processes, or a cluster."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

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


@contextmanager
def suited_workers(units: int, threads: int, memory: int | None) -> Generator[Workers | None, None, None]:
    """As many processes of this machine as suit it and the work, until the block is left; None where this one will do.

    Args:
        units: how many there will be, at least.
        threads: of torch that a unit keeps busy.
        memory: bytes that a process takes; None where there shall be no others.
    """
    import torch

    cores = torch.get_num_threads()
    available: int = psutil.virtual_memory().available
    count = 1 if memory is None else min(units, cores // threads, available // memory)
    if count < 2:
        yield None
    else:
        with Pool(count, cores // count) as pool:
            yield pool
