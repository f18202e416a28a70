"""Tasks one after the other in one process: nothing that is kept from one changes the next."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import torch

from codec.arrays import Frames
from codec.events import GopDone, PreviewReady
from codec.settings import DecodeSettings, Quality
from codec.worker.handlers import Handlers
from codec.worker.tasks import Decode, Encode, Play, Told
from tests.support.codec_runs import cut_film, film, run_decode, run_encode, shown, tiny
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


def _helped(told: Iterable[Told]) -> tuple[list[Told], int]:
    """All that is told, and how many processes were at work at most."""
    items, most = [], 0
    for item in told:
        items.append(item)
        most = max(most, len(multiprocessing.active_children()))
    return items, most


@pytest.mark.slow
def test_what_is_long_is_shared_by_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = cut_film(tmp_path / "long.mp4", [240, 240])
    goal = Quality(0.6, "ms-ssim")
    alone = run_encode(source, tmp_path / "a.fgvc", goal=goal, base="av1", gop_frames=48)
    run_decode(tmp_path / "a.fgvc", tmp_path / "a.mkv")
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    handlers = Handlers()
    settings = tiny(goal=goal, base="av1", gop_frames=48)
    told, most = _helped(handlers.run(Encode(source, tmp_path / "b.fgvc", settings)))
    assert most == 2
    assert (tmp_path / "b.fgvc").read_bytes() == (tmp_path / "a.fgvc").read_bytes()
    assert [event for event in told if isinstance(event, GopDone)] == alone.gops
    _, most = _helped(handlers.run(Decode(tmp_path / "b.fgvc", tmp_path / "b.mkv", DecodeSettings())))
    assert most == 2
    (pictures, times), (others, other_times) = shown(tmp_path / "b.mkv"), shown(tmp_path / "a.mkv")
    assert times == other_times
    assert all(np.array_equal(one, other) for one, other in zip(pictures, others, strict=True))
