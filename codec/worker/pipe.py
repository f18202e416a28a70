"""The pipe between the window and the engine's child.

Pictures travel as raw bytes behind a short notice: the other side then receives them without unpickling, hence without
holding its interpreter.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection

import numpy as np

from codec.events import PreviewReady
from codec.peers.events import Compared
from codec.worker.tasks import Command, Logged, Message, Task

MAX_PREVIEW_BYTES = 2**31


@dataclass(frozen=True)
class _Announced:
    """A message whose frames follow as raw bytes, uint8 of this shape."""

    message: PreviewReady | Compared
    shape: tuple[int, int, int, int]


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


class Pipe:
    """The child's end. Any of its threads may send; commands are taken by the one that works."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        # A notice and its pictures belong together.
        self._sending = threading.Lock()

    def send(self, message: Message) -> None:
        """Tell the window something (raises OSError where it has gone)."""
        if not isinstance(message, PreviewReady | Compared):
            with self._sending:
                self._connection.send(message)
            return
        frames = np.ascontiguousarray(message.frames)
        with self._sending:
            self._connection.send(_Announced(replace(message, frames=frames[:0]), frames.shape))
            self._connection.send_bytes(frames.data.cast("B"))

    def next_task(self) -> Task:
        """Wait for a task; a command that comes while nothing runs means nothing (raises EOFError at the end)."""
        while isinstance(item := self._connection.recv(), Command):
            pass
        task: Task = item
        return task

    def cancelled(self) -> bool:
        """Take every command that waits; PAUSE waits for the next one. True where one cancels."""
        paused = False
        while paused or self._connection.poll():
            command = self._connection.recv()
            if command is Command.CANCEL:
                return True
            paused = command is Command.PAUSE
        return False


class PipeHandler(logging.Handler):
    """Sends what is logged to the window."""

    def __init__(self, pipe: Pipe) -> None:
        super().__init__()
        self._pipe = pipe

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler`."""
        try:
            self._pipe.send(Logged(record.levelno, self.format(record)))
        except OSError:
            # The window has gone, and the task is about to notice.
            return
