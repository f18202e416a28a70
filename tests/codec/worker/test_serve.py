"""How a task ends that goes wrong: what is nobody's defect is a sentence, whoever refuses."""

from __future__ import annotations

import errno
import multiprocessing
import os
from collections.abc import Iterator

import pytest

from codec.errors import MissingModelError, SettingsError
from codec.worker.handlers import Handlers
from codec.worker.pipe import Pipe
from codec.worker.serve import settle
from codec.worker.tasks import Outcome, Settled, Survey, Task, Told


class _Failing(Handlers):
    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def run(self, task: Task) -> Iterator[Told]:  # type: ignore[override]
        del task
        raise self._error
        yield


def _settled(error: Exception) -> Settled:
    here, there = multiprocessing.Pipe()
    with here, there:
        return settle(Survey(), _Failing(error), Pipe(there))


@pytest.mark.parametrize(
    ("error", "outcome", "said", "logged"),
    [
        (SettingsError("No."), Outcome.REFUSED, "No.", False),
        (OSError(errno.EIO, os.strerror(errno.EIO), "film.mp4"), Outcome.REFUSED, "film.mp4", True),
        (MemoryError(), Outcome.REFUSED, "not enough memory", True),
        (KeyError("a bug"), Outcome.FAILED, "The engine failed (KeyError: 'a bug')", True),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_a_refusal_is_told_from_a_defect(error: Exception, outcome: Outcome, said: str, logged: bool) -> None:
    settled = _settled(error)
    assert settled.outcome is outcome
    assert said in settled.message
    assert bool(settled.detail) is logged


def test_a_model_that_is_missing_is_named() -> None:
    assert _settled(MissingModelError("There is none.", "wan")).model == "wan"


def test_a_window_that_has_gone_ends_the_child() -> None:
    with pytest.raises(BrokenPipeError):
        _settled(BrokenPipeError())
