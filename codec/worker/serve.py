"""The engine as a child process: takes tasks over a pipe, answers with the engine's own events.

One task at a time. Between two events the child looks for a command; cancelling closes the generator, so that whole
GOPs stay playable. This module is torch-free until a task needs torch.
"""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import traceback
from multiprocessing.connection import Connection
from pathlib import Path

from codec import log
from codec.errors import MissingModelError, NotResumableError, refusal
from codec.parallel.lifeline import leave_with_parent
from codec.worker.handlers import Handlers
from codec.worker.pipe import Pipe, PipeHandler
from codec.worker.priority import step_back
from codec.worker.streams import open_missing_streams
from codec.worker.tasks import Outcome, Settled, Task


def serve(connection: Connection, crash_log: Path | None, warm: bool = True, background: bool = False) -> None:
    """The child's main loop; returns when the other side has gone.

    Args:
        warm: import torch before the first task.
        background: give way to other processes.
    """
    open_missing_streams()
    if background:
        step_back()
    if crash_log is not None:
        # Without a place for its report a child works as well.
        with contextlib.suppress(OSError):
            faulthandler.enable(crash_log.open("a"))
    leave_with_parent()
    pipe = Pipe(connection)
    log.send_to(PipeHandler(pipe), logging.INFO)
    handlers = Handlers()
    try:
        if warm:
            _warm_up()
        while True:
            pipe.send(settle(pipe.next_task(), handlers, pipe))
    except (EOFError, BrokenPipeError, ConnectionResetError, KeyboardInterrupt):
        return


def settle(task: Task, handlers: Handlers, pipe: Pipe) -> Settled:
    """Run one task to its end and tell what it tells.

    Raises:
        EOFError, ConnectionError: the window has gone.
    """
    log.LOGGER.debug("%s begins", type(task).__name__)
    try:
        # Whatever ends the loop closes the generator, and with it what the task holds open.
        with contextlib.closing(handlers.run(task)) as events:
            for event in events:
                pipe.send(event)
                if pipe.cancelled():
                    return Settled(Outcome.CANCELLED)
    except (EOFError, ConnectionError):
        raise
    except Exception as error:
        return _settled_by(error)
    return Settled(Outcome.DONE)


def _settled_by(error: Exception) -> Settled:
    told = refusal(error)
    # Of what the program itself refuses, the sentence says all.
    detail = "" if told is error else "".join(traceback.format_exception(error))
    if told is None:
        kind = type(error).__name__
        return Settled(Outcome.FAILED, f"The engine failed ({kind}: {error}); the log has the details.", detail)
    model = told.name if isinstance(told, MissingModelError) else ""
    return Settled(Outcome.REFUSED, str(told), detail, model, isinstance(told, NotResumableError))


def _warm_up() -> None:
    """Import what every task needs, so that the first one starts at once."""
    # A broken installation is told by the first task, in its own words.
    with contextlib.suppress(ImportError):
        import codec.decoder
        import codec.encoder  # noqa: F401
