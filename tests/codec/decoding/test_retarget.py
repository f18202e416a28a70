"""A finished file is played at a lower quality or rate."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.decoding.retarget import step_choice
from codec.errors import SettingsError
from codec.format.records import GopRecord
from codec.settings import Bitrate, Quality
from tests.support.format_cases import FILMS, FULL, PLAIN, gop

DISTS = dataclasses.replace(PLAIN, metric="dists")
RECORD = gop(0, 0, 16, 0, sent=4, steps=(bytes(100),) * 6, quality=0.1, probes=((0, 0.5), (2, 0.2), (6, 0.08)))


def test_without_a_goal_the_encoders_choice_is_played() -> None:
    assert step_choice(None, DISTS)(RECORD) == 4


@pytest.mark.parametrize(("target", "step"), [(0.08, 6), (0.1, 4), (0.2, 2), (0.5, 0), (0.9, 0), (0.01, 6)])
def test_a_quality_takes_the_step_that_has_it(target: float, step: int) -> None:
    assert step_choice(Quality(target, "dists"), DISTS)(RECORD) == step


def test_another_metric_than_the_files_is_refused() -> None:
    with pytest.raises(SettingsError, match="measured as DISTS, not LPIPS"):
        step_choice(Quality(0.2, "lpips"), DISTS)
    assert step_choice(Quality(0.9, "ms-ssim"), dataclasses.replace(PLAIN, metric="ms_ssim"))(RECORD) >= 0


def test_a_file_made_with_dists_estimate_answers_to_dists() -> None:
    estimated = dataclasses.replace(PLAIN, metric="pocket_dists")
    assert step_choice(Quality(0.2, "dists"), estimated)(RECORD) == 2
    with pytest.raises(SettingsError, match=r"measured as DISTS \(estimated\), not LPIPS"):
        step_choice(Quality(0.2, "lpips"), estimated)


def test_a_file_without_a_measured_quality_wants_a_rate() -> None:
    with pytest.raises(SettingsError, match="not measured; give a --bitrate"):
        step_choice(Quality(0.2, "dists"), dataclasses.replace(PLAIN, metric="none"))


def test_of_a_restoration_there_is_nothing_to_leave_out() -> None:
    restored = next(record for record in FILMS["full"][1] if isinstance(record, GopRecord) and record.restoration)
    assert step_choice(Quality(0.5), dataclasses.replace(FULL, metric="dists"))(restored) == 0
    on_top = dataclasses.replace(
        restored, restoration=8, steps=(bytes(9),) * 3, sent=3, z_hash=bytes(4), fingerprint=bytes(8), quality=0.1,
        probes=((4, 0.6), (8, 0.4), (10, 0.2)),
    )  # fmt: skip
    assert step_choice(Quality(0.2), FULL)(on_top) == 2
    assert step_choice(Quality(0.5), FULL)(on_top) == 0


@given(st.floats(1, 1e6), st.lists(st.integers(0, 300), max_size=20), st.integers(0, 15))
def test_a_bitrate_takes_the_longest_prefix_that_fits(rate: float, sizes: list[int], overlap: int) -> None:
    record = GopRecord(1, 40, 16, overlap, len(sizes), tuple(map(bytes, sizes)), bytes(4), bytes(8))
    allowed = rate / float(PLAIN.frame_rate) * (16 - overlap)
    step = step_choice(Bitrate(rate), PLAIN)(record)
    bits = record.prefix_bits()
    assert bits[step] <= allowed or step == 0
    assert step == len(sizes) or bits[step + 1] > allowed
