"""The engine's child process as the window sees it: tasks in, signals out, at most 15 times a second."""

from __future__ import annotations

import atexit
import contextlib
import multiprocessing
import signal
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from queue import SimpleQueue
from threading import Event as Flag
from threading import Thread

from PySide6.QtCore import QObject, QThread, QTimer, Signal, Slot

from codec.events import StepCoded
from codec.store.tasks import Transferred
from codec.worker.pipe import receive
from codec.worker.serve import serve
from codec.worker.tasks import Command, Logged, Message, Settled, Task

UPDATES_PER_SECOND = 15
CANCEL_GRACE_MS = 8000
_IDLE_WAIT = 0.25
_PROGRESS = (StepCoded, Transferred)
_Outbox = SimpleQueue[Task | Command | None]


def coalesce(pending: list[Message], message: Message) -> None:
    """Append `message`; of mere progress that follows itself only the last is worth telling."""
    if isinstance(message, _PROGRESS) and pending and type(pending[-1]) is type(message):
        pending[-1] = message
    else:
        pending.append(message)


class Engine(QThread):
    """Owns one child process; the thread waits for what it says, and one beside it for what it can be told.

    Call its methods from the thread that made it, and connect only bound methods of QObjects living there. A child that
    is not `warm` never imports torch for tasks that don't need it; one in the `background` gives way to others.

    Attributes:
        told: a tuple of events and measurements, in order.
        settled: a `Settled`; the task is over and the child waits for the next.
        crashed: a sentence; the child is gone, and the next `submit` starts another.
        logged: a line that the child wrote to its log.
    """

    told = Signal(object)
    settled = Signal(object)
    crashed = Signal(str)
    logged = Signal(str)
    # From the thread: told on in one go, so that nobody finds the engine free before all know what has ended.
    _heard_end = Signal(object)
    _heard_crash = Signal(str)

    def __init__(
        self,
        parent: QObject | None = None,
        crash_log: Path | None = None,
        warm: bool = True,
        background: bool = False,
    ) -> None:
        super().__init__(parent)
        self._crash_log = crash_log
        self._warm, self._background = warm, background
        self._closing = Flag()
        self._connection: Connection | None = None
        self._theirs: Connection | None = None
        self._outbox: _Outbox = SimpleQueue()
        self._child: SpawnProcess | None = None
        self._busy = False
        # What the thread has heard of the task, before the window's slots hear of it.
        self._at_rest = Flag()
        self.grace = QTimer(self, singleShot=True, interval=CANCEL_GRACE_MS)
        self.grace.timeout.connect(self.kill)
        self._heard_end.connect(self._settle)
        self._heard_crash.connect(self._crash)

    @property
    def busy(self) -> bool:
        """Whether a task was submitted that has not settled."""
        return self._busy

    def launch(self) -> None:
        """Start the child so that it is warm when the first task comes; a running one is kept."""
        if self._connection is not None or self._closing.is_set():
            return
        self.wait()
        self._connection, self._theirs = multiprocessing.get_context("spawn").Pipe()
        self._outbox = SimpleQueue()
        self.start()

    def submit(self, task: Task) -> None:
        """Hand over a task, only while not `busy`; the child may take its time to read it."""
        assert not self._busy
        self._at_rest.clear()
        self.launch()
        self._busy = True
        self._outbox.put(task)

    def pause(self) -> None:
        """Hold the task at its next event."""
        self._command(Command.PAUSE)

    def go_on(self) -> None:
        """Continue a paused task."""
        self._command(Command.GO_ON)

    def cancel(self) -> None:
        """End the task at its next event; the child is killed where none comes for some seconds."""
        self._command(Command.CANCEL)
        if self._busy:
            self.grace.start()

    def end_task(self) -> None:
        """Cancel the task and wait until the child has put away what it began; one that is too slow is left at it."""
        if self._busy:
            self.cancel()
            self._at_rest.wait(self.grace.interval() / 1000)

    @Slot()
    def kill(self) -> None:
        """End the child at once. What it had written stays and can be resumed."""
        child = self._child
        # The thread may have closed it in this very moment.
        with contextlib.suppress(ValueError):
            if child is not None:
                child.kill()

    def shut_down(self) -> None:
        """Kill the child and wait for the thread; the engine can't be used afterwards."""
        self._closing.set()
        self.grace.stop()
        self.kill()
        self.wait()

    def run(self) -> None:
        """The thread: start the child, wait for what it says until it is gone."""
        connection, theirs, outbox = self._connection, self._theirs, self._outbox
        assert connection is not None
        assert theirs is not None
        # No daemon, which may have no children of its own: a long encode has some.
        child = multiprocessing.get_context("spawn").Process(
            target=serve,
            args=(theirs, self._crash_log, self._warm, self._background),
            name="freegvc engine",
        )
        child.start()
        # However the program ends: Python waits for children that are no daemons.
        atexit.register(child.kill)
        theirs.close()
        self._child = child
        sender = Thread(target=_send, args=(connection, outbox), name="freegvc engine's sender", daemon=True)
        sender.start()
        self._listen(connection, child)
        self._at_rest.set()
        # Ends what is being sent, too.
        child.kill()
        child.join()
        atexit.unregister(child.kill)
        outbox.put(None)
        sender.join()
        self._child = None
        connection.close()
        if not self._closing.is_set():
            self._heard_crash.emit(_last_words(child.exitcode))
        child.close()

    def _listen(self, connection: Connection, child: SpawnProcess) -> None:
        pending: list[Message] = []
        due = 0.0
        while not self._closing.is_set():
            timeout = max(0.0, due - time.monotonic()) if pending else _IDLE_WAIT
            ready: Sequence[object] = wait([connection, child.sentinel], timeout)
            if connection in ready:
                try:
                    message = receive(connection)
                except (EOFError, OSError):
                    break
                if isinstance(message, Settled):
                    self._flush(pending)
                    self._heard_end.emit(message)
                    self._at_rest.set()
                elif isinstance(message, Logged):
                    self.logged.emit(message.message)
                else:
                    coalesce(pending, message)
            elif ready:
                break
            if pending and time.monotonic() >= due:
                self._flush(pending)
                due = time.monotonic() + 1 / UPDATES_PER_SECOND
        self._flush(pending)

    def _flush(self, pending: list[Message]) -> None:
        if pending and not self._closing.is_set():
            self.told.emit(tuple(pending))
        pending.clear()

    def _command(self, command: Command) -> None:
        if self._busy:
            self._outbox.put(command)

    @Slot(object)
    def _settle(self, settled: Settled) -> None:
        self._busy = False
        self.grace.stop()
        self.settled.emit(settled)

    @Slot(str)
    def _crash(self, message: str) -> None:
        self._busy = False
        self.grace.stop()
        self._connection = None
        self.crashed.emit(message)


def _send(connection: Connection, outbox: _Outbox) -> None:
    """Tell the child in order: a pipe holds less than a picture, so that this waits while the child imports torch."""
    while (item := outbox.get()) is not None:
        # One that has just died can't be told anything; `crashed` is on its way.
        with contextlib.suppress(OSError):
            connection.send(item)


def _last_words(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        name = signal.Signals(-exit_code).name if -exit_code in set(signal.Signals) else str(-exit_code)
        return f"The engine's process was ended by the system ({name}); often there was too little memory."
    return f"The engine's process ended unexpectedly (exit code {exit_code}); the log has the details."
