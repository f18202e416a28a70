"""The engine as a child process: takes tasks over a pipe, answers with the engine's own events.

One task at a time. Between two events the child looks for a command; cancelling closes the generator, so that whole
GOPs stay playable. Pictures travel as raw bytes behind a short notice: the other side then receives them without
unpickling, hence without holding its interpreter. This module is torch-free until a task needs torch.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import threading
import traceback
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum, StrEnum, auto
from itertools import dropwhile
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from codec.decoding.retarget import step_choice
from codec.errors import FreeGvcError, MissingModelError, SettingsError
from codec.events import Event, Phase, PreviewReady, Warned
from codec.format.reader import BitstreamReader, Damage
from codec.format.records import AudioRecord, GopRecord, Header
from codec.peers.events import Absent, Compared, Trial
from codec.settings import DecodeSettings, EncodeSettings
from codec.store.tasks import StoreEvent, StoreTask, carry_out
from codec.worker.streams import open_missing_streams

if TYPE_CHECKING:
    from codec.metrics.base import Metric
    from codec.priors.base import VideoPrior

MAX_PREVIEW_BYTES = 2**31
METRICS = ("psnr", "ms-ssim", "dists", "lpips")
COMPARED = ("psnr", "ms-ssim", "dists")
JUDGED_FRAMES = 48


@dataclass(frozen=True)
class Encode:
    """Run `codec.encoder.encode`."""

    source: Path
    output: Path
    settings: EncodeSettings


@dataclass(frozen=True)
class Decode:
    """Run `codec.decoder.decode`."""

    source: Path
    output: Path
    settings: DecodeSettings


@dataclass(frozen=True)
class Play:
    """Decode to pictures only, from the chain that holds `first_frame` on until `frames` frames beyond it exist."""

    source: Path
    settings: DecodeSettings
    first_frame: int
    frames: int


@dataclass(frozen=True)
class Measure:
    """Measure one frame, uint8 (H, W, 3), against its reference by every metric that can run here."""

    frame: int
    reference: NDArray[np.uint8] = field(repr=False)
    distorted: NDArray[np.uint8] = field(repr=False)


@dataclass(frozen=True)
class Compare:
    """Code the source, from `start` seconds on, with other codecs to at most the bytes of the file made from it."""

    source: Path
    coded: Path
    start: float
    peers: tuple[str, ...]


@dataclass(frozen=True)
class Survey:
    """Say what this machine can do."""


Task = Encode | Decode | Play | Measure | Compare | Survey | StoreTask


class Command(Enum):
    """What may be said to a child that works."""

    PAUSE = auto()
    GO_ON = auto()
    CANCEL = auto()


class Outcome(StrEnum):
    """How a task ended; REFUSED carries a sentence for the user, FAILED is a defect."""

    DONE = "done"
    CANCELLED = "cancelled"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True)
class Settled:
    """The last message of a task. `detail` is a traceback for the log; `model` is one whose weights were missing."""

    outcome: Outcome
    message: str = ""
    detail: str = ""
    model: str = ""


@dataclass(frozen=True)
class Measured:
    """The answer to Measure."""

    frame: int
    values: dict[str, float]


@dataclass(frozen=True)
class Machine:
    """The answer to Survey.

    Attributes:
        priors: names that EncodeSettings.prior may take.
        gpu: name of the CUDA device, or None; gpu_bytes is its memory.
    """

    priors: tuple[str, ...]
    gpu: str | None
    gpu_bytes: int


@dataclass(frozen=True)
class _Announced:
    """A message whose frames follow as raw bytes, uint8 of this shape."""

    message: PreviewReady | Compared
    shape: tuple[int, int, int, int]


Told = Event | Measured | Machine | Trial | Compared | Absent | StoreEvent
Message = Told | Settled


def receive(connection: Connection) -> Message:
    """The next message of a child.

    Raises:
        EOFError: the child has gone.
    """
    message: Message | _Announced = connection.recv()
    if not isinstance(message, _Announced):
        return message
    frames = np.empty(message.shape, np.uint8)
    if not 0 < frames.nbytes <= MAX_PREVIEW_BYTES:
        raise EOFError
    connection.recv_bytes_into(frames.data.cast("B"))
    return replace(message.message, frames=frames)


def serve(connection: Connection, crash_log: Path | None, warm: bool = True) -> None:
    """The child's main loop; returns when the other side has gone. `warm` imports torch before the first task."""
    open_missing_streams()
    if crash_log is not None:
        log = crash_log.open("a")
        faulthandler.enable(log)
    threading.Thread(target=leave_with_parent, daemon=True).start()
    worker = _Worker(connection)
    try:
        if warm:
            _warm_up()
        while True:
            task = connection.recv()
            if not isinstance(task, Command):
                connection.send(worker.settle(task))
    except (EOFError, BrokenPipeError, ConnectionResetError, KeyboardInterrupt):
        return


def leave_with_parent() -> None:
    """End this process in the middle of whatever it does once the window's has gone; what is done can be resumed."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _warm_up() -> None:
    """Import what every task needs, so that the first one starts at once."""
    # A broken installation is told by the first task, in its own words.
    with contextlib.suppress(ImportError):
        import codec.decoder
        import codec.encoder  # noqa: F401


class _CancelError(Exception):
    """A CANCEL arrived."""


class _Worker:
    """Runs tasks and sends what they tell.

    Attributes:
        _prior: the last prior that Play loaded, by the header's and the machine's wishes.
        _judges: the metrics that Measure has loaded; every picture that rests is measured.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._prior: tuple[object, VideoPrior] | None = None
        self._judges: dict[str, Metric] = {}

    def settle(self, task: Task) -> Settled:
        """Run one task to its end."""
        events = self._events(task)
        try:
            for event in events:
                self._tell(event)
                self._obey()
        except _CancelError:
            events.close()
            return Settled(Outcome.CANCELLED)
        except MissingModelError as error:
            return Settled(Outcome.REFUSED, str(error), model=error.name)
        except FreeGvcError as error:
            return Settled(Outcome.REFUSED, str(error))
        except Exception as error:
            return _failure(error)
        return Settled(Outcome.DONE)

    def _events(self, task: Task) -> Generator[Told, None, None]:
        if isinstance(task, Encode):
            from codec.encoder import encode

            yield from encode(task.source, task.output, task.settings)
        elif isinstance(task, Decode):
            from codec.decoder import decode

            yield from decode(task.source, task.output, task.settings)
        elif isinstance(task, Play):
            yield from self._play(task)
        elif isinstance(task, Measure):
            yield Measured(task.frame, self._measure(task))
        elif isinstance(task, Compare):
            yield from _compare(task)
        elif isinstance(task, Survey):
            yield _survey()
        else:
            yield from carry_out(task)

    def _tell(self, event: Told) -> None:
        if isinstance(event, PreviewReady | Compared):
            frames = np.ascontiguousarray(event.frames)
            self._connection.send(_Announced(replace(event, frames=frames[:0]), frames.shape))
            self._connection.send_bytes(frames.data.cast("B"))
        else:
            self._connection.send(event)

    def _obey(self) -> None:
        """Take every command that waits; PAUSE waits for the next one."""
        paused = False
        while paused or self._connection.poll():
            command = self._connection.recv()
            if command is Command.CANCEL:
                raise _CancelError
            paused = command is Command.PAUSE

    def _play(self, task: Play) -> Iterator[Event]:
        from codec.decoding.chain import decode_records
        from codec.trajectory.assembly import Pictures

        with BitstreamReader(task.source) as reader:
            yield Phase("loading the prior")
            prior = self._prior_for(reader.header, task.settings)
            yield Phase("decoding")
            choose = step_choice(task.settings.goal, reader.header)
            for item in decode_records(reader.header, prior, _from_chain(reader, task.first_frame), choose):
                if isinstance(item, Pictures):
                    yield PreviewReady(item.gop, item.start_frame, item.frames)
                    if item.start_frame + len(item.frames) >= task.first_frame + task.frames:
                        return
                elif isinstance(item, Warned):
                    yield item

    def _prior_for(self, header: Header, settings: DecodeSettings) -> VideoPrior:
        from codec.decoding.prior import prior_for

        key = (header.prior_id, header.weights_hash, header.schedule, settings.device, settings.dtype)
        if self._prior is None or self._prior[0] != key:
            self._prior = (key, prior_for(header, settings))
        return self._prior[1]

    def _measure(self, task: Measure) -> dict[str, float]:
        judges: dict[str, Metric] = {}
        for name in METRICS:
            with contextlib.suppress(MissingModelError, SettingsError):
                judges[name] = self._judge(name)
        if "dists" not in judges:
            judges["pocket-dists"] = self._judge("pocket-dists")
        return {name: float(judge(task.reference[None], task.distorted[None])[0]) for name, judge in judges.items()}

    def _judge(self, name: str) -> Metric:
        """A metric, loaded once (raises what `metric` does while this machine lacks what it needs)."""
        from codec.metrics.catalog import metric

        if name not in self._judges:
            self._judges[name] = metric(name)
        return self._judges[name]


def _from_chain(reader: BitstreamReader, frame: int) -> Iterator[GopRecord | AudioRecord | Damage]:
    """Records from the last chain that begins at or before `frame`; a chain can only be decoded from its start."""
    starts = [entry.start_frame for entry in reader.index() if entry.chain_start and entry.start_frame <= frame]
    start = max(starts, default=0)

    def is_before(item: GopRecord | AudioRecord | Damage) -> bool:
        return not isinstance(item, GopRecord) or item.start_frame < start

    return dropwhile(is_before, reader.records())


def _compare(task: Compare) -> Iterator[Trial | Compared | Absent]:
    from codec.metrics.catalog import metric, ready
    from codec.peers import codecs as peers
    from codec.peers.compare import compare

    absent = {name: reason for name in task.peers if (reason := peers.missing(name)) is not None}
    yield from (Absent(name, reason) for name, reason in absent.items())
    metrics, without = ready(COMPARED)
    if "dists" in without:
        metrics.append(metric("pocket-dists"))
    names = [name for name in task.peers if name not in absent]
    yield from compare(task.source, task.coded, names, metrics, task.start, JUDGED_FRAMES)


def _survey() -> Machine:
    import torch

    from codec.priors.catalog import PRIORS

    if not torch.cuda.is_available():
        return Machine(tuple(PRIORS), None, 0)
    device = torch.cuda.get_device_properties(0)
    return Machine(tuple(PRIORS), device.name, device.total_memory)


def _failure(error: Exception) -> Settled:
    detail = "".join(traceback.format_exception(error))
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return Settled(
            Outcome.REFUSED,
            "There is not enough memory; choose a smaller short side, the CPU, or close other programs.",
            detail,
        )
    if isinstance(error, EOFError | ConnectionError):
        raise error
    kind = type(error).__name__
    return Settled(Outcome.FAILED, f"The engine failed ({kind}: {error}); the log has the details.", detail)
