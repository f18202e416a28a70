"""The engine's sentences as a window says them."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.core.jobs.sentences import in_window
from app.core.notice import shortfall_words
from codec.encoder import encode
from codec.errors import SettingsError
from codec.settings import Size
from tests.support.codec_runs import film, tiny


def test_a_refusal_names_what_the_window_has(tmp_path: Path) -> None:
    source = film(tmp_path / "in.mp4", 10)
    with pytest.raises(SettingsError) as refused:
        list(encode(source, tmp_path / "a.fgvc", tiny(goal=Size(200))))
    assert "--size" in str(refused.value)
    assert in_window(str(refused.value)).endswith("give a larger size.")


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("choose --audio opus or none.", "choose to re-encode the audio or to leave it out."),
        ("give a larger --size or choose --audio none.", "give a larger size or choose to leave the audio out."),
        ("give a larger --short-side, or another --target.", "give a larger short side, or another target."),
        ("choose --device cpu, or install a CUDA build.", "choose the CPU, or install a CUDA build."),
        ("--size-of-it and --deinterlace off stay", "--size-of-it and --deinterlace off stay"),
    ],
)
def test_options_become_the_controls_that_they_are(said: str, shown: str) -> None:
    assert in_window(said) == shown


def test_only_a_sound_that_is_there_can_be_left_out() -> None:
    with_it, without = (shortfall_words(Size(1000), (), 1194, sound) for sound in (True, False))
    assert "leave out the sound" in with_it
    assert without == "It takes 1194 bytes, more than the 1000 asked for: allow more, or take a part."
    assert not shortfall_words(Size(1000), (), 1000, True)
