"""Samples on the pictures' clock: where a tick belongs, whichever file it comes from and wherever reading begins."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.decoding.sound import STEREO, Piece, SoundSource, blocks, gop_before, sound_of_coded, sound_of_video
from codec.errors import FormatError, InputError
from codec.format.reader import BitstreamReader
from codec.format.records import AudioRecord
from tests.support.codec_runs import run_encode
from tests.support.films.ticking import heard, ticking_clip

RATE = 44100
TOLERANCE = 0.005


def listen(source: SoundSource | None, at: float, seconds: float) -> list[tuple[float, float]]:
    """The ticks between `at` and `at` + `seconds`, in the clip's time."""
    assert source is not None
    size = RATE // 10
    first = int(at * 10)
    read = blocks(source.read(Fraction(first, 10), RATE), first, size)
    waves = [wave for _, wave in zip(range(round(seconds * 10)), read, strict=False)]
    assert all(wave.shape == (size, STEREO) for wave in waves)
    left = np.concatenate(waves)[:, 0]
    return [(first / 10 + time, amplitude) for time, amplitude in heard(left, RATE)]


def times(ticks: list[tuple[float, float]]) -> list[float]:
    return [time for time, _ in ticks]


@pytest.mark.parametrize(
    ("name", "codec", "delay"),
    [("a.mp4", "aac", 0), ("a.mkv", "libopus", 0), ("a.mkv", "aac", 3)],
    ids=["mp4 aac", "mkv opus", "a file that begins at 3 s"],
)
def test_a_videos_ticks_are_where_they_belong(tmp_path: Path, name: str, codec: str, delay: int) -> None:
    clip = ticking_clip(tmp_path / name, codec=codec, delay=Fraction(delay))
    source = sound_of_video(clip, 0.0)
    assert times(listen(source, 0, 3)) == pytest.approx([0.5, 1, 1.5, 2, 2.5], abs=TOLERANCE)
    # Reading from the middle on gives the same, at the same place.
    later = listen(source, 1.4, 1.6)
    assert times(later) == pytest.approx([1.5, 2, 2.5], abs=TOLERANCE)
    loudness = [amplitude for _, amplitude in listen(source, 0, 3)[2:]]
    assert [amplitude for _, amplitude in later] == pytest.approx(loudness, abs=0.02)


def test_a_clip_within_a_video_counts_from_its_own_first_frame(tmp_path: Path) -> None:
    source = sound_of_video(ticking_clip(tmp_path / "a.mp4"), 1.2)
    assert times(listen(source, 0, 1.8)) == pytest.approx([0.3, 0.8, 1.3], abs=TOLERANCE)


@pytest.mark.parametrize("mode", ["opus", "copy"])
def test_a_coded_file_has_its_own_sound(tmp_path: Path, mode: str) -> None:
    clip = ticking_clip(tmp_path / "a.mp4")
    run_encode(clip, tmp_path / "a.fgvc", audio=mode)
    clip.unlink()
    source = sound_of_coded(tmp_path / "a.fgvc")
    assert times(listen(source, 0, 3)) == pytest.approx([0.5, 1, 1.5, 2, 2.5], abs=TOLERANCE)
    assert times(listen(source, 1.9, 1.1)) == pytest.approx([2, 2.5], abs=TOLERANCE)


def test_files_without_sound_have_none(tmp_path: Path) -> None:
    clip = ticking_clip(tmp_path / "a.mp4")
    run_encode(clip, tmp_path / "a.fgvc", audio="none")
    assert sound_of_coded(tmp_path / "a.fgvc") is None
    from codec.video import Colour, VideoWriter

    settings = {"frame_rate": Fraction(25), "time_base": Fraction(1, 25), "colour": Colour()}
    with VideoWriter(tmp_path / "silent.mp4", 32, 32, **settings) as writer:
        writer.write(np.zeros((32, 32, 3), np.uint8), Fraction(0))
    assert sound_of_video(tmp_path / "silent.mp4", 0.0) is None


def test_sound_is_in_step_with_uneven_frames_too(tmp_path: Path) -> None:
    uneven = [40 * number + (200 if number > 10 else 0) for number in range(75)]
    clip = ticking_clip(tmp_path / "a.mkv", times=uneven)
    found = sound_of_video(clip, 0.0)
    assert found is not None
    run_encode(clip, tmp_path / "a.fgvc", audio="opus")
    coded = sound_of_coded(tmp_path / "a.fgvc")
    assert coded is not None
    for source in (found, coded):
        wave = np.concatenate(list(islice(blocks(source.read(Fraction(0), 48000), 0, 24000), 5)))
        assert [at for at, _ in heard(wave[:115_200, 0], 48000)] == pytest.approx([0.5, 1, 1.5, 2], abs=0.02)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.fgvc").write_bytes(b"text")
    with pytest.raises(FormatError):
        sound_of_coded(tmp_path / "a.fgvc")
    with pytest.raises(InputError):
        sound_of_video(tmp_path / "nowhere.mp4", 0.0)


def test_damaged_packets_leave_silence(tmp_path: Path) -> None:
    clip = ticking_clip(tmp_path / "a.mkv", codec="libopus")
    source = sound_of_video(clip, 0.0)
    clip.write_bytes(clip.read_bytes()[:-4000])
    ticks = times(listen(source, 0, 3))
    assert ticks == pytest.approx([0.5, 1, 1.5, 2, 2.5][: len(ticks)], abs=TOLERANCE)
    assert 1 <= len(ticks) < 5


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 40)), max_size=12), st.integers(-20, 5), st.integers(0, 3))
def test_blocks_hold_every_sample_at_its_place(runs: list[tuple[int, int]], start: int, number: int) -> None:
    size = 16
    expected = np.zeros((2000, STEREO), np.float32)
    pieces: list[Piece] = []
    position = start
    for gap, length in runs:
        position += gap
        wave = np.repeat(np.arange(position, position + length, dtype=np.float32)[:, None] + 100, STEREO, axis=1)
        pieces.append(Piece(position, wave))
        position += length
        kept = wave[max(0, -pieces[-1].first) :]
        expected[max(0, pieces[-1].first) :][: len(kept)] = kept

    def fed() -> Iterator[Piece]:
        yield from pieces

    found = list(blocks(fed(), number, size))
    assert len(found) == max(0, -(-(position if runs else 0) // size) - number)
    for index, block in enumerate(found, number):
        assert (block == expected[index * size : (index + 1) * size]).all()


def test_a_files_sound_is_read_from_near_its_time_and_none_of_it_is_missed(data: Path, tmp_path: Path) -> None:
    run_encode(data / "portrait.mp4", tmp_path / "a.fgvc", audio="opus", gop_frames=10)
    with BitstreamReader(tmp_path / "a.fgvc") as reader:
        assert reader.header.audio is not None
        base = reader.header.audio.time_base
        located = [found for found in reader.scan() if isinstance(found.item, AudioRecord)]
        skipped = 0
        for time in (Fraction(n, 4) for n in range(17)):
            first = gop_before(reader, time)
            start = 0 if first is None else first.offset
            skipped = max(skipped, start)
            later = [f for f in located if any(packet.pts * base >= time for packet in f.item.packets)]
            assert all(found.offset > start for found in later)
        assert skipped > located[len(located) // 2].offset
