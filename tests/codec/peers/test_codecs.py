"""The peers on frames with texture and motion."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from codec.arrays import Frames
from codec.errors import InputError, SettingsError
from codec.metrics.psnr import Psnr
from codec.peers import codecs
from codec.peers.codecs import PEERS, CodedClip, Peer, at_size
from codec.video import VideoReader
from tests.support import skips

RATE = Fraction(30)


@pytest.fixture(scope="module")
def clip(data: Path) -> Frames:
    with VideoReader(data / "scene.mp4", size=(96, 72)) as reader:
        return np.stack([frame.pixels for _, frame in zip(range(8), reader.frames(), strict=False)])


@pytest.mark.parametrize("name", PEERS)
def test_a_coarser_quantiser_is_smaller_and_worse(name: str, clip: Frames) -> None:
    if PEERS[name].missing() is not None:
        pytest.skip(skips.NO_ENCODER)
    fine, coarse = (PEERS[name].encode(clip, quantiser, RATE) for quantiser in (30, 45))
    assert fine.frames.shape == coarse.frames.shape == clip.shape
    assert coarse.bytes < fine.bytes
    # torch warns of others, once in each process.
    assert fine.frames.flags.writeable
    assert Psnr()(clip, coarse.frames).mean() < Psnr()(clip, fine.frames).mean()


def test_x265_refuses_what_it_would_die_of(clip: Frames) -> None:
    with pytest.raises(InputError, match="at least 64"):
        PEERS["x265"].encode(clip[:, :, :62], 40, RATE)


@pytest.mark.parametrize(("budget", "expected"), [(1000, 0), (995, 5), (500, 50), (901, 10), (1, 50)])
def test_at_size_takes_the_finest_that_fits(budget: int, expected: int, clip: Frames) -> None:
    """A peer whose bytes fall by one or ten a step, coarsest 51: quantiser 50 is the last resort."""
    asked: list[int] = []

    def encode(frames: Frames, quantiser: int, _: Fraction) -> CodedClip:
        asked.append(quantiser)
        return CodedClip(1000 - (quantiser if quantiser <= 9 else 10 * quantiser), frames)

    quantiser, coded = at_size(Peer("steps", "Steps", range(51), (), encode), clip, RATE, budget)
    assert quantiser == expected
    assert len(asked) == len(set(asked)) <= 7
    assert coded.bytes <= budget or quantiser == 50


@skips.posix
def test_an_encoder_that_never_ends_is_told(clip: Frames, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stuck = tmp_path / "ffmpeg"
    stuck.write_text("#!/bin/sh\nexec tail -f /dev/null\n")
    stuck.chmod(0o755)
    monkeypatch.setattr(codecs, "ffmpeg_with", lambda _: str(stuck))
    monkeypatch.setattr(codecs, "FFMPEG_TIMEOUT_S", 0.1)
    with pytest.raises(SettingsError, match=r"libvvenc was not done after 0\.1 s; leave it out"):
        PEERS["vvc"].encode(clip, 40, RATE)
