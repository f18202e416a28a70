"""What nobody has foreseen: exceptions that left a slot or a thread. The window goes on and says so."""

from __future__ import annotations

import sys
import threading
import traceback
from types import TracebackType

from PySide6.QtCore import QObject, Signal


class Failures(QObject):
    """Takes over from Python's own hooks, which print a traceback, for as long as it lives.

    Attributes:
        failed: a traceback; may be told from any thread.
    """

    failed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._before = sys.excepthook, threading.excepthook
        sys.excepthook = self._take
        threading.excepthook = self._take_of_thread

    def stop(self) -> None:
        """Let Python print by itself again."""
        sys.excepthook, threading.excepthook = self._before

    def _take(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not isinstance(error, Exception):
            # Ctrl-C and the like end the program as ever.
            self._before[0](kind, error, trace)
            return
        self.failed.emit("".join(traceback.format_exception(kind, error, trace)))

    def _take_of_thread(self, failure: threading.ExceptHookArgs) -> None:
        if failure.exc_value is not None:
            self._take(failure.exc_type, failure.exc_value, failure.exc_traceback)
