"""Exports that play everywhere: Opus becomes AAC, still in step; AV1 keeps it."""

from __future__ import annotations

from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame

from codec.decoding.sound import blocks, sound_of_video
from codec.format.records import AudioPacket
from codec.video import AudioMode, read_audio
from codec.video.sound import transcoding
from codec.video.sound.transcoding import Transcoder
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


def test_a_hole_is_filled_with_silence_block_by_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    audio = read_audio(ticking_clip(tmp_path / "a.mp4", 1.0), Fraction(0), None, AudioMode.OPUS)
    assert audio is not None
    first, *others = audio.packets
    longest, make = 0, AudioFrame.from_ndarray

    def watched(array: np.ndarray, **more: str) -> AudioFrame:
        nonlocal longest
        longest = max(longest, array.shape[-1])
        return make(array, **more)

    monkeypatch.setattr(transcoding, "AudioFrame", SimpleNamespace(from_ndarray=watched))
    transcoder, hole = Transcoder(audio.track), 20 * 48000
    made = list(transcoder.take(first))
    for packet in others:
        made += transcoder.take(AudioPacket(packet.pts + hole, packet.duration, packet.data))
    made += transcoder.finish()
    assert longest == 1 << 16
    assert made[-1].pts == pytest.approx(hole + 48000, abs=4096)
    assert all(packet.pts == before.pts + before.duration for before, packet in pairwise(made[:-1]))
