"""Nothing senseless passes the edge, and every refusal is a sentence."""

from __future__ import annotations

import math
from typing import Any

import pytest

from codec.errors import SettingsError
from codec.settings import Bitrate, DecodeSettings, EncodeSettings, Quality, Size


@pytest.mark.parametrize(
    "wrong",
    [
        {"channel": "morse"},
        {"overlap": "some"},
        {"base": "vp9"},
        {"audio": "mp3"},
        {"device": "tpu"},
        {"dtype": "int4"},
        {"start": -1.0},
        {"start": math.nan},
        {"start": math.inf},
        {"start": 1e18},
        {"duration": 0.0},
        {"duration": -2.0},
        {"duration": math.nan},
        {"short_side": 0},
        {"short_side": -(10**400)},
        {"gop_frames": 0},
        {"seed": -1},
        {"seed": 2**64},
        {"keep_steps": -1},
        {"keep_steps": 256},
        {"goal": Size(1000), "keep_steps": 1},
    ],
    ids=str,
)
def test_a_senseless_setting_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingsError) as caught:
        EncodeSettings(**wrong)
    sentence = str(caught.value)
    assert sentence[0].isupper()
    assert sentence.endswith(".")
    assert "\n" not in sentence


@pytest.mark.parametrize("value", [0.0, 1.0, -0.1, 15.0, math.nan, math.inf])
def test_a_target_outside_its_range_is_refused(value: float) -> None:
    with pytest.raises(SettingsError, match=r"target for lpips lies between 0 and 1, not at"):
        Quality(value, "lpips")


@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf, 1e300])
def test_an_empty_or_endless_budget_is_refused(value: float) -> None:
    with pytest.raises(SettingsError, match="above zero"):
        Bitrate(value)
    with pytest.raises(SettingsError, match="above zero"):
        Size(value)  # type: ignore[arg-type]


def test_an_unknown_metric_or_machine_is_refused() -> None:
    with pytest.raises(SettingsError, match="'vmaf' is unknown; choose one of dists, lpips, ms-ssim"):
        Quality(0.1, "vmaf")
    with pytest.raises(SettingsError, match="device 'abacus'"):
        DecodeSettings(device="abacus")


def test_the_defaults_are_sound() -> None:
    assert EncodeSettings().goal == Quality(0.15, "dists")
    assert DecodeSettings().goal is None
    assert EncodeSettings(seed=2**64 - 1, keep_steps=255, start=0.0).duration is None
