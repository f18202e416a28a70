"""The sound's share follows the pictures'."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.encoding.sound_rate import LEAST, MOST, opus_rate
from codec.errors import SettingsError
from codec.format.info import describe
from codec.settings import Bitrate, EncodeSettings, Goal, Quality, Size
from tests.support.codec_runs import run_encode
from tests.support.films.ticking import ticking_clip

goals = st.one_of(
    st.floats(0.01, 0.9).map(Quality),
    st.floats(1e3, 1e7).map(Bitrate),
    st.integers(1000, 10**9).map(Size),
)


@given(goals, st.fractions(Fraction(1, 100), 10**5))
def test_the_rate_is_one_that_opus_is_good_at(goal: Goal, duration: Fraction) -> None:
    assert LEAST <= opus_rate(EncodeSettings(goal=goal), duration) <= MOST


@given(st.floats(1e3, 1e6), st.floats(1, 10))
def test_more_for_the_pictures_is_no_less_for_the_sound(rate: float, more: float) -> None:
    less, full = (opus_rate(EncodeSettings(goal=Bitrate(r)), Fraction(10)) for r in (rate, more * rate))
    assert less <= full


def test_what_the_user_asks_for_is_taken() -> None:
    assert opus_rate(EncodeSettings(audio_bitrate=64_000), Fraction(1)) == 64_000
    with pytest.raises(SettingsError, match="Opus takes"):
        EncodeSettings(audio_bitrate=1000)


@pytest.mark.parametrize(("asked", "channels"), [(12_000, 1), (64_000, 1)])
def test_the_sound_of_a_file_takes_about_what_it_may(tmp_path: Path, asked: int, channels: int) -> None:
    source = ticking_clip(tmp_path / "in.mp4", 3.0)
    run = run_encode(source, tmp_path / "a.fgvc", audio="opus", audio_bitrate=asked, goal=Bitrate(4000))
    info = describe(tmp_path / "a.fgvc")
    assert info.header.audio is not None
    assert info.header.audio.channels == channels
    assert run.finished.audio_bytes * 8 / 3.0 <= 1.5 * asked
