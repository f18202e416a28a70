"""Exports that play everywhere: Opus becomes AAC, still in step; AV1 keeps it."""

from __future__ import annotations

from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest

from codec.decoding.sound import blocks, sound_of_video
from tests.support.codec_runs import run_decode, run_encode
from tests.support.films.ticking import heard, ticking_clip


@pytest.fixture(scope="module")
def coded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ticks")
    run_encode(ticking_clip(folder / "a.mp4", 3.0), folder / "a.fgvc", audio="opus")
    return folder / "a.fgvc"


@pytest.mark.parametrize(
    ("suffix", "video", "sound"), [(".mp4", "h264", "aac"), (".mov", "h264", "aac"), (".webm", "av1", "opus")]
)
def test_sound_is_in_step_in_every_kind_of_file(
    coded: Path, tmp_path: Path, suffix: str, video: str, sound: str
) -> None:
    output = tmp_path / f"out{suffix}"
    run_decode(coded, output)
    with av.open(str(output)) as container:
        names = [stream.codec_context.codec.canonical_name for stream in container.streams]
        assert names == [video, sound]
        assert sum(1 for _ in container.decode(video=0)) == 75
    found = sound_of_video(output, 0.0)
    assert found is not None
    wave = np.concatenate(list(islice(blocks(found.read(Fraction(0), 48000), 0, 24000), 5)))
    assert [at for at, _ in heard(wave[:115_200, 0], 48000)] == pytest.approx([0.5, 1, 1.5, 2], abs=0.003)
