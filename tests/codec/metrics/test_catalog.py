"""What every metric promises, whatever it computes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from codec.arrays import Frames
from codec.errors import SettingsError
from codec.metrics.base import BATCH_PIXELS, frame_blocks, mean
from codec.metrics.catalog import NAMES, metric, ready
from codec.metrics.temporal import tof
from tests.support.metric_cases import box_blur

TEMPORAL = ("tof", "tlp")
TAUGHT = ("dists", "lpips", "lpips-vgg", "tlp")
"""Those that look through a network, whose good range is that of the real one."""


@pytest.mark.parametrize("name", NAMES)
def test_contract(name: str, talking: Frames, networks: Path) -> None:
    measure = metric(name, [networks])
    assert measure.name == name
    equal, blurred = measure(talking, talking.copy()), measure(talking, box_blur(talking, 3))
    assert equal.shape == blurred.shape == (len(talking) - measure.context,)
    assert measure.context == (name in TEMPORAL)
    assert equal.dtype == np.float64
    assert (mean(blurred) > mean(equal)) == measure.lower_is_better
    low, high = measure.good
    assert low <= mean(equal) <= high
    assert name in (*TEMPORAL, *TAUGHT) or not low <= mean(blurred) <= high


@pytest.mark.parametrize("name", [name for name in TAUGHT if name not in TEMPORAL])
def test_what_people_see_as_bad_is_not_in_the_good_range(name: str, talking: Frames) -> None:
    measure = metric(name, [])
    assert mean(measure(talking, box_blur(talking, 3))) > measure.good[1]


@pytest.mark.parametrize("name", NAMES)
def test_clips_that_do_not_compare_are_refused(name: str, talking: Frames, networks: Path) -> None:
    measure = metric(name, [networks])
    with pytest.raises(ValueError, match="compares"):
        measure(talking, talking[:-1])
    with pytest.raises(ValueError, match="compares"):
        measure(talking, talking.astype(np.float32))  # type: ignore[arg-type]


def test_unknown_name_lists_the_known() -> None:
    with pytest.raises(SettingsError, match=r"no metric 'ssim2'; choose one of pocket-dists, dists, lpips"):
        metric("ssim2")


def test_every_metric_is_ready_on_a_fresh_machine() -> None:
    loaded, absent = ready(NAMES, [])
    assert tuple(one.name for one in loaded) == NAMES
    assert absent == {}


def test_damaged_weights_are_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "alexnet_features.safetensors").write_bytes(b"no tensors")
    reason = ready(["lpips"], [tmp_path])[1]["lpips"]
    assert "alexnet_features.safetensors can't be read" in reason


def test_a_machine_without_opencv_is_told_before_anything_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tof, "find_spec", lambda _: None)
    assert "freegvc[metrics]" in ready(["tof"])[1].get("tof", "")


@pytest.mark.parametrize(("frames", "height", "width"), [(1, 4000, 4000), (9, 100, 100), (100, 240, 432)])
def test_blocks_cover_a_clip_in_bounded_pieces(frames: int, height: int, width: int) -> None:
    blocks = list(frame_blocks(frames, height, width))
    assert [i for block in blocks for i in range(frames)[block]] == list(range(frames))
    assert all(
        block.stop - block.start == 1 or (block.stop - block.start) * height * width <= BATCH_PIXELS for block in blocks
    )
