"""Which GOPs the benchmark of quality control calls out of reach: where neither knob has anything left."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from benchmarks.control.quality_control import state
from codec.events import GopDone

GOP = GopDone(0, 0, 48, 8, 1000, 1000, 0.15, (), 48, 48, crf=60.0)


@pytest.mark.parametrize(
    ("gop", "expected"),
    [
        ({"quality": 0.155, "missed": False}, "held"),
        # All steps of a restoration are free: which of them is shown says nothing of what is left.
        ({"quality": 0.12, "t_star": 0}, "missed"),
        ({"quality": 0.12, "crf": 68.0}, "better"),
        ({"quality": 0.12, "crf": 66.0, "scale": 2}, "missed"),
        ({"quality": 0.12, "crf": 70.0, "scale": 2}, "better"),
        ({"quality": 0.18, "missed": True}, "missed"),
        ({"quality": 0.18, "missed": True, "crf": 12.0}, "worse"),
        ({"quality": 0.12, "crf": None, "t_star": 3}, "missed"),
        ({"quality": 0.12, "crf": None, "t_star": 0}, "better"),
        ({"quality": 0.18, "crf": None}, "missed"),
        ({"quality": 0.18, "crf": None, "missed": True}, "worse"),
    ],
    ids=str,
)
def test_a_gop_is_out_of_reach_at_an_end_of_its_choices(gop: dict[str, Any], expected: str) -> None:
    assert state(replace(GOP, **gop), 0.15) == expected
