"""Each frame is handed out once, in order, and seams are faded."""

from __future__ import annotations

import numpy as np
import pytest

from codec.priors.base import BaseClip, Condition, VideoPrior
from codec.priors.catalog import open_prior
from codec.priors.gaussian import GaussianPrior
from codec.trajectory.alignment import cross_fade
from codec.trajectory.assembly import PIECE, Assembler, Pictures, Restored, Sent, StoppedGop
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


@pytest.mark.parametrize(("length", "overlap"), [(20, 4), (20, 0), (12, 3), (9, 8), (5, 4)])
def test_pieces_of_restored_gops_are_what_whole_gops_would_be(length: int, overlap: int) -> None:
    pictures = np.stack(moving(33))
    gops: list[StoppedGop] = []
    prior = open_prior("pocket", "cpu", "float32")
    for index, window in enumerate(windows(range(len(pictures)), length, overlap)):
        # What two GOPs share differs, so that a fade in the wrong place shows.
        base = BaseClip(pictures[list(window.items)] // 2 + 60 * (index % 2), 60.0, 1)
        condition = prior.prepare(base, *base.frames.shape[:3])
        gops.append(StoppedGop(index, window.items[0], len(base.frames), window.overlap, Restored(8), condition))
    assembler = Assembler(prior)
    made = [piece for gop in gops for piece in assembler.push(gop)]
    made += list(assembler.finish())
    assert max(len(piece.frames) for piece in made) <= max(PIECE, overlap)
    assert [piece.start_frame for piece in made] == np.cumsum([0, *(len(p.frames) for p in made)])[:-1].tolist()
    whole = _whole(gops, prior)
    assert np.abs(np.concatenate([piece.frames for piece in made]).astype(int) - whole).max() <= 1


def _whole(gops: list[StoppedGop], prior: VideoPrior[Condition]) -> np.ndarray:
    """All pictures, each GOP restored in one call."""
    result = np.zeros((0, 32, 48, 3), np.uint8)
    for gop in gops:
        (frames,) = prior.restore(gop.condition, range(gop.frames), [8])
        shared, kept = len(result) - gop.start_frame, frames
        if shared:
            kept = np.concatenate([cross_fade(result[-shared:], frames[:shared]), frames[shared:]])
        result = np.concatenate([result[: gop.start_frame], kept])
    return result.astype(int)


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
