"""Each frame is handed out once, in order, and seams are faded."""

from __future__ import annotations

import numpy as np
import pytest

from codec.priors.gaussian import GaussianPrior
from codec.trajectory.assembly import Assembler, Pictures, Sent, StoppedGop
from codec.video.cutting import windows
from tests.support.codec_runs import moving

PRIOR = GaussianPrior()


def _gops(pictures: np.ndarray, length: int, overlap: int) -> list[StoppedGop]:
    made, start = [], 0
    for index, window in enumerate(windows(range(len(pictures)), length, overlap)):
        frames = pictures[list(window.items)]
        condition = PRIOR.prepare(None, *frames.shape[:3])
        start = window.items[0]
        latent = PRIOR.encode(frames, condition)
        made.append(StoppedGop(index, start, len(frames), window.overlap, Sent(3, latent), condition))
    return made


def _assemble(gops: list[StoppedGop]) -> list[Pictures]:
    assembler = Assembler(PRIOR)
    made = [pictures for gop in gops for pictures in assembler.push(gop)]
    return made + list(assembler.finish())


@pytest.mark.parametrize(("length", "overlap"), [(8, 2), (8, 0), (8, 3), (7, 2), (16, 4)])
@pytest.mark.parametrize("count", [1, 3, 20, 33])
def test_unchanged_latents_give_the_frames_back(count: int, length: int, overlap: int) -> None:
    # Whatever fuses and fades must leave two equal halves alone, and keep each frame in its place.
    pictures = np.stack(moving(count))
    made = _assemble(_gops(pictures, length, overlap))
    assert [pictures.start_frame for pictures in made] == np.cumsum([0, *(len(p.frames) for p in made)])[:-1].tolist()
    result = np.concatenate([pictures.frames for pictures in made]).astype(int)
    assert result.shape == pictures.shape
    assert np.abs(result - pictures).max() <= 1


def test_one_gop_is_held_back_and_no_more() -> None:
    assembler = Assembler(PRIOR)
    first, second = _gops(np.stack(moving(14)), 8, 2)
    assert list(assembler.push(first)) == []
    made = list(assembler.push(second))
    assert [(pictures.gop, pictures.start_frame, len(pictures.frames)) for pictures in made] == [(0, 0, 6)]
    assert [(pictures.gop, len(pictures.frames)) for pictures in assembler.finish()] == [(1, 8)]
    assert list(assembler.finish()) == []


def test_a_seam_becomes_a_ramp() -> None:
    # Two GOPs that disagree by 60 grey levels on what they share.
    dark, bright = np.full((8, 16, 16, 3), 90, np.uint8), np.full((8, 16, 16, 3), 150, np.uint8)
    condition = PRIOR.prepare(None, 8, 16, 16)
    gops = [
        StoppedGop(0, 0, 8, 0, Sent(3, PRIOR.encode(dark, condition)), condition),
        StoppedGop(1, 6, 8, 2, Sent(3, PRIOR.encode(bright, condition)), condition),
    ]
    levels = np.concatenate([pictures.frames for pictures in _assemble(gops)]).mean((1, 2, 3))
    assert len(levels) == 14
    assert levels[5] == pytest.approx(90, abs=1)
    assert levels[8] == pytest.approx(150, abs=1)
    assert np.all(np.diff(levels) >= -1)
    assert 95 < levels[6] < 145
