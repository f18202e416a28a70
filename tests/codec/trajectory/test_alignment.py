"""Which latent slots two GOPs share, and what fusing does to them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from codec.priors.base import Geometry
from codec.trajectory.alignment import SharedSlots, cross_fade, fuse, shared_slots


def _geometry(stride: int, causal: bool) -> Geometry:
    return Geometry(stride, 8, 16, causal, 49, 5, 16)


def _frames_of_slot(geometry: Geometry, slot: int) -> range:
    """The frames a slot covers, from the grid's definition."""
    stride = geometry.temporal_stride
    if not geometry.causal:
        return range(slot * stride, (slot + 1) * stride)
    return range(1) if slot == 0 else range((slot - 1) * stride + 1, slot * stride + 1)


@pytest.mark.parametrize(
    ("stride", "causal", "frames", "overlap", "expected"),
    [
        (4, True, 49, 5, SharedSlots(12, 1, 1)),  # Wan
        (8, True, 49, 9, SharedSlots(6, 1, 1)),  # LTX
        (4, False, 48, 4, SharedSlots(11, 0, 1)),  # CogVideoX, pocket
        (4, True, 49, 9, SharedSlots(11, 1, 2)),
        (4, True, 49, 4, SharedSlots(12, 1, 0)),
        (4, True, 49, 0, SharedSlots(13, 1, 0)),
    ],
)
def test_known_overlaps(stride: int, causal: bool, frames: int, overlap: int, expected: SharedSlots) -> None:
    shared = shared_slots(_geometry(stride, causal), frames, overlap)
    assert shared.count == expected.count
    if expected.count:
        assert shared == expected


@given(
    stride=st.sampled_from([1, 2, 4, 8]),
    causal=st.booleans(),
    frames=st.integers(2, 80),
    overlap=st.integers(0, 40),
)
def test_shared_slots_cover_the_same_frames(stride: int, causal: bool, frames: int, overlap: int) -> None:
    overlap = min(overlap, frames - 1)
    geometry = _geometry(stride, causal)
    shared = shared_slots(geometry, frames, overlap)
    begin = frames - overlap
    pairs = {
        (i, j)
        for i in range(geometry.slots(frames))
        for j in range(geometry.slots(frames))
        if list(_frames_of_slot(geometry, i)) == [begin + f for f in _frames_of_slot(geometry, j)]
        and max(_frames_of_slot(geometry, i)) < frames
        # A lone first frame is coded unlike one in a slot of four, unless slots are single frames anyway.
        and (not causal or (i > 0 and j > 0))
    }
    assert pairs == {(shared.before + n, shared.after + n) for n in range(shared.count)}


def test_fused_slots_agree_and_others_stay() -> None:
    generator = torch.Generator().manual_seed(0)
    before, after = torch.randn(3, 5, 8, 8, generator=generator), torch.randn(3, 4, 8, 8, generator=generator)
    left, right = fuse(before, after, SharedSlots(4, 1, 1))
    assert torch.equal(left[:, 4], right[:, 1])
    assert torch.equal(left[:, :4], before[:, :4])
    assert torch.equal(right[:, [0, 2, 3]], after[:, [0, 2, 3]])


def test_blend_of_independent_samples_keeps_contrast() -> None:
    generator = torch.Generator().manual_seed(0)
    before, after = torch.randn(2, 2, 64, 64, generator=generator), torch.randn(2, 2, 64, 64, generator=generator)
    fused, _ = fuse(before, after, SharedSlots(1, 0, 1))
    deviation = fused[:, 1].std((1, 2), correction=0)
    assert torch.allclose(deviation, torch.ones(2), atol=0.05)


def test_equal_slots_stay_as_they_are() -> None:
    latent = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    left, _ = fuse(latent, latent[:, 2:], SharedSlots(2, 0, 1))
    assert torch.allclose(left, latent, atol=1e-5)


def test_cross_fade_runs_from_one_to_the_other() -> None:
    black, white = np.zeros((3, 2, 2, 3), np.uint8), np.full((3, 2, 2, 3), 200, np.uint8)
    assert cross_fade(black, white)[:, 0, 0, 0].tolist() == [50, 100, 150]
