"""Workers that are processes of this machine: the standard library's pools, one of one process for each worker.

A pool breaks as a whole when one of its processes dies, so every worker has its own: the others never notice.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import Any, Self

from codec.errors import WorkerLostError
from codec.parallel.lifeline import leave_with_parent
from codec.parallel.units import Failed, Message, Restarted, Returned, Told, Work, all_wanted

ATTEMPTS = 3
"""How often a unit is begun whose workers die."""
UNHEARD = 8
"""What a worker tells before it waits for somebody to listen: who pauses an encode stops its workers too."""


@dataclass(frozen=True)
class _End:
    """A unit tells nothing more."""


@dataclass(frozen=True)
class _Heard:
    """One thing that a worker has told was taken."""


@dataclass(frozen=True)
class _Job:
    number: int
    work: Work
    task: Any
    attempt: int


class Pool:
    """`count` processes with so many threads of torch each; a `Workers`. A context manager: leaving it ends them.

    A process begins when there is a unit for it. They ignore Ctrl-C, which a terminal sends to them too: who waits for
    them tells them to stop.
    """

    def __init__(self, count: int, threads: int = 1) -> None:
        self._lanes = [_Lane(threads) for _ in range(count)]

    @property
    def count(self) -> int:
        """See `Workers`."""
        return len(self._lanes)

    def run(
        self, work: Work, tasks: Iterable[Any], is_wanted: Callable[[int], bool] = all_wanted
    ) -> Generator[Message, None, None]:
        """See `Workers`."""
        numbered = enumerate(tasks)
        try:
            waiting = next(numbered, None)
            while waiting is not None or self._busy():
                for lane in self._lanes:
                    if waiting is not None and lane.job is None:
                        lane.begin(_Job(waiting[0], work, waiting[1], 1))
                        # Taken while all work, so that no worker has to wait for it.
                        waiting = next(numbered, None)
                yield from self._heard(is_wanted)
        finally:
            for lane in self._busy():
                lane.give_up()

    def _busy(self) -> list[_Lane]:
        return [lane for lane in self._lanes if lane.job is not None]

    def _heard(self, is_wanted: Callable[[int], bool]) -> Iterator[Message]:
        by_pipe = {lane.reader: lane for lane in self._busy()}
        for pipe in wait(list(by_pipe)):
            lane = by_pipe[pipe]  # type: ignore[index]  # of what it was given
            message = lane.hear()
            yield message
            if not is_wanted(message.unit):
                lane.give_up()

    def close(self) -> None:
        """End the processes; each first comes to the end of what it tells next."""
        for lane in self._lanes:
            lane.give_up()
        for lane in self._lanes:
            lane.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class _Lane:
    """One worker: a process, and the pipe by which it tells what it does."""

    def __init__(self, threads: int) -> None:
        self.job: _Job | None = None
        self._threads = threads
        self._executor: ProcessPoolExecutor | None = None
        self._future: Future[Any] | None = None
        self._pipe: Connection | None = None

    @property
    def reader(self) -> Connection:
        """Our end of the pipe of a worker that is busy."""
        assert self._pipe is not None
        return self._pipe

    def begin(self, job: _Job) -> None:
        """Give it a job, in a new process where there is none or it has died unnoticed."""
        self.job = job
        try:
            self._submit(job)
        except BrokenProcessPool:
            self.close()
            self._submit(job)

    def hear(self) -> Message:
        """What it told next; blocks until then."""
        assert self.job is not None
        try:
            told = self.reader.recv()
            self.reader.send(_Heard())
        except (EOFError, OSError):
            return self._died(self.job)
        return self._ended(self.job) if isinstance(told, _End) else Told(self.job.number, told)

    def give_up(self) -> None:
        """Stop listening: the process stops at what it would tell next."""
        if self._pipe is not None and self.job is not None:
            self._pipe.close()
            self._pipe = self.job = None

    def close(self) -> None:
        """Wait until the process has ended."""
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)
        if self._pipe is not None:
            self._pipe.close()
        self._executor = self._pipe = self._future = None

    def _submit(self, job: _Job) -> None:
        if self._pipe is None:
            # The process of a job that was given up ends by itself; its pipe is gone.
            self.close()
            self._open(job)
            return
        assert self._executor is not None
        self._future = self._executor.submit(_carry_out, job.work, job.task)

    def _open(self, job: _Job) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._executor = ProcessPoolExecutor(1, context, _settle_in, (theirs, self._threads))
        self._future = self._executor.submit(_carry_out, job.work, job.task)
        # The process has its own by now; with this one open its death would not be heard.
        theirs.close()

    def _ended(self, job: _Job) -> Message:
        assert self._future is not None
        error = self._future.exception()
        if isinstance(error, BrokenProcessPool):
            return self._died(job)
        self.job = None
        return Returned(job.number, self._future.result()) if error is None else Failed(job.number, error)

    def _died(self, job: _Job) -> Message:
        self.close()
        if job.attempt == ATTEMPTS:
            self.job = None
            return Failed(job.number, WorkerLostError(ATTEMPTS))
        self.begin(_Job(job.number, job.work, job.task, job.attempt + 1))
        return Restarted(job.number)


# --- In the worker's process ---------------------------------------------------------------------------------------


class _Teller:
    """A worker's end of its pipe."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._unheard = 0

    def tell(self, what: Any) -> None:
        """Tell something, once most of what was told before is heard (raises OSError or EOFError if nobody listens)."""
        while self._unheard and (self._unheard >= UNHEARD or self._pipe.poll()):
            self._pipe.recv()
            self._unheard -= 1
        self._pipe.send(what)
        self._unheard += 1


# A pool hands what its initializer got to nobody else, so it stays here.
_tellers: list[_Teller] = []


def _settle_in(pipe: Connection, threads: int) -> None:
    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(threads)
    leave_with_parent()
    _tellers.append(_Teller(pipe))


def _carry_out(work: Work, task: Any) -> Any:
    """Do a unit and tell of it; where nobody listens any more, stop."""
    teller = _tellers[0]
    try:
        with contextlib.closing(work(task)) as steps:
            while True:
                try:
                    told = next(steps)
                except StopIteration as end:
                    return end.value
                teller.tell(told)
    finally:
        with contextlib.suppress(OSError, EOFError):
            teller.tell(_End())
