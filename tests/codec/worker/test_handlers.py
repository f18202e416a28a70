"""Tasks one after the other in one process: nothing that is kept from one changes the next."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from codec.arrays import Frames
from codec.events import PreviewReady
from codec.settings import DecodeSettings
from codec.worker.handlers import Handlers
from codec.worker.tasks import Play
from tests.support.codec_runs import film, run_encode
from tests.support.format_cases import with_header


def _in_bfloat16(path: Path, target: Path) -> Path:
    """The same file as one whose encoder had computed in bfloat16."""
    return with_header(path, target, dtype="bfloat16")


def _played(handlers: Handlers, path: Path) -> Frames:
    told = handlers.run(Play(path, DecodeSettings(), 0, 8))
    return np.concatenate([item.frames for item in told if isinstance(item, PreviewReady)])


def test_each_file_is_played_in_its_own_number_type(tmp_path: Path) -> None:
    exact = tmp_path / "a.fgvc"
    run_encode(film(tmp_path / "in.mp4", 8), exact, prior="pocket")
    rough = _in_bfloat16(exact, tmp_path / "b.fgvc")
    handlers = Handlers()
    first, second = _played(handlers, exact), _played(handlers, rough)
    assert np.array_equal(second, _played(Handlers(), rough))
    assert not np.array_equal(second, first)
