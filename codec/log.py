"""The one logger, `freegvc`: what happens inside that nobody asked about, for whoever looks for a fault.

What a user should know is an event, not a line here. Nothing is written anywhere unless somebody says where: `freegvc
-v` to stderr, the engine's child to its window.
"""

from __future__ import annotations

import logging

LOGGER = logging.getLogger("freegvc")
LOGGER.addHandler(logging.NullHandler())
FORMAT = "%(asctime)s %(levelname)s %(message)s"


def send_to(handler: logging.Handler, level: int = logging.DEBUG) -> None:
    """Let `handler` have every line from `level` on."""
    LOGGER.setLevel(level)
    LOGGER.addHandler(handler)


def to_stderr(verbosity: int) -> None:
    """What -v (1) and -vv (2) print."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter(FORMAT, "%H:%M:%S"))
    send_to(handler, logging.INFO if verbosity == 1 else logging.DEBUG)
