"""Workers on other machines: tasks of Ray (the extra freegvc[cluster]), one for each unit.

A task streams what its unit tells (Ray's generators). Ray begins one again elsewhere when its process or node dies, and
goes on with what was not yet heard: units tell the same again. Files that every node needs lie in Ray's object store,
which brings them to each node once. Ray is imported only here, and only when a cluster is asked for.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import os
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from codec.errors import SettingsError, WorkerLostError
from codec.files import own_part
from codec.parallel.units import Failed, Message, Returned, Told, Work, all_wanted
from codec.settings import HOME_VARIABLE

RETRIES = 3
"""How often Ray begins a unit again whose process or node has died."""


@dataclass(frozen=True)
class _End:
    """A unit's last item."""

    value: Any


class Cluster:
    """The CPUs, or GPUs, of a Ray cluster that runs; a `Workers`. A context manager: leaving it disconnects.

    Args:
        address: "auto", or of the cluster's head.
        gpu: ask Ray for a GPU for each unit.
        home: files for each node, by their place in the program's home; nodes then use these only.

    Raises:
        SettingsError: Ray isn't installed, or there is no cluster.
    """

    def __init__(self, address: str, gpu: bool, home: Mapping[str, Path | bytes]) -> None:
        self._ray = _import_ray()
        try:
            self._ray.init(address=address, log_to_driver=False, logging_level="ERROR", configure_logging=False)
        except (ConnectionError, ValueError, RuntimeError) as error:
            reason = str(error).strip().splitlines()[0].rstrip(".")
            raise SettingsError(
                f"The Ray cluster {address} can't be used ({reason}); start one with ray start --head, or name another."
            ) from error
        self._gpu = gpu
        self._home = self._stored(home)

    def _stored(self, home: Mapping[str, Path | bytes]) -> _Home:
        """The files in the object store."""
        digest, stored = hashlib.sha256(), {}
        for place in sorted(home):
            file = home[place]
            data = file if isinstance(file, bytes) else file.read_bytes()
            digest.update(hashlib.sha256(data).digest() + place.encode() + b"\0")
            # As an array, which is read where it lies in the store.
            stored[place] = self._ray.put(np.frombuffer(data, np.uint8))
        return _Home(digest.hexdigest()[:16], stored)

    @property
    def count(self) -> int:
        """See `Workers`; nodes may come and go."""
        return max(1, int(self._ray.cluster_resources().get("GPU" if self._gpu else "CPU", 0)))

    def run(
        self, work: Work, tasks: Iterable[Any], is_wanted: Callable[[int], bool] = all_wanted
    ) -> Generator[Message, None, None]:
        """See `Workers`."""
        start = self._ray.remote(_carry_out).options(
            num_cpus=1, num_gpus=int(self._gpu), max_retries=RETRIES, num_returns="streaming"
        )
        numbered = enumerate(tasks)
        streams: dict[Any, int] = {}
        waiting = next(numbered, None)
        try:
            while waiting is not None or streams:
                while waiting is not None and len(streams) < self.count:
                    streams[start.remote(work, waiting[1], self._home)] = waiting[0]
                    waiting = next(numbered, None)
                ready, _ = self._ray.wait(list(streams), num_returns=1, fetch_local=False)
                for stream in ready:
                    unit = streams[stream]
                    message = self._heard(stream, unit)
                    if not isinstance(message, Told):
                        del streams[stream]
                    yield message
                    if stream in streams and not is_wanted(unit):
                        del streams[stream]
                        self._ray.cancel(stream)
        finally:
            for stream in streams:
                self._ray.cancel(stream)

    def _heard(self, stream: Any, unit: int) -> Message:
        errors = self._ray.exceptions
        try:
            item = self._ray.get(next(stream))
        except errors.RayTaskError as error:
            return Failed(unit, error.cause)
        except (errors.RayError, StopIteration):
            # Ray has given up on it, or it ended without its end.
            return Failed(unit, WorkerLostError(RETRIES + 1))
        return Returned(unit, item.value) if isinstance(item, _End) else Told(unit, item)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ray.shutdown()


def _import_ray() -> Any:
    # Not by name: this program is checked and packaged where Ray isn't.
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise SettingsError(
            "A cluster needs Ray, which isn't installed; run pip install 'freegvc[cluster]', or leave out --cluster."
        ) from error


# --- On a node -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Home:
    """Files in the object store by their place, and what tells them from others."""

    digest: str
    files: Mapping[str, Any]


def _carry_out(work: Work, task: Any, home: _Home) -> Iterator[Any]:
    """What a unit tells, and its end."""
    import torch

    torch.set_num_threads(1)
    os.environ[HOME_VARIABLE] = str(_furnished(home))
    with contextlib.closing(work(task)) as steps:
        while True:
            try:
                told = next(steps)
            except StopIteration as end:
                yield _End(end.value)
                return
            yield told


def _furnished(home: _Home) -> Path:
    """A folder of this node with the files: written by the first unit that comes here."""
    folder = Path(tempfile.gettempdir()) / f"freegvc-home-{home.digest}"
    folder.mkdir(exist_ok=True)
    for place, stored in home.files.items():
        path = folder / place
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            part = own_part(path)
            part.write_bytes(_import_ray().get(stored).data)
            part.replace(path)
    return folder
