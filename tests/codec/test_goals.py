"""The metrics that an encode may aim at."""

from __future__ import annotations

import pytest

from codec.goals import GOAL_METRICS


def test_large_pictures_look_better_at_the_same_level_to_dists_and_alike_to_lpips() -> None:
    dists, lpips = GOAL_METRICS["dists"], GOAL_METRICS["lpips"]
    assert [dists.usual_at(lines) for lines in (72, 144, 240)] == [dists.usual] * 3
    assert dists.usual_at(480) == pytest.approx(0.079, abs=0.001)
    assert dists.usual_at(720) < dists.usual_at(480)
    assert lpips.usual_at(480) == lpips.usual
