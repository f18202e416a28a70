"""What of Qt is still at work, wherever it is kept; Python's own list of threads knows nothing of it."""

from __future__ import annotations

import gc
from collections.abc import Iterator

from PySide6.QtCore import QCoreApplication, QObject, QThread, QTimer
from shiboken6 import isValid


def at_work(application: QCoreApplication) -> list[QObject]:
    """Threads that run, but for the application's own, and timers that tick."""
    kinds = {*_kinds_of(QThread), *_kinds_of(QTimer)}
    # By type: whether something is an instance, some objects answer with a deprecation.
    found = [item for item in gc.get_objects() if type(item) in kinds and isValid(item)]
    threads = (item for item in found if isinstance(item, QThread) and item != application.thread())
    timers = (item for item in found if isinstance(item, QTimer))
    return [*(item for item in threads if item.isRunning()), *(item for item in timers if item.isActive())]


def _kinds_of(kind: type) -> Iterator[type]:
    yield kind
    for narrower in kind.__subclasses__():
        yield from _kinds_of(narrower)
