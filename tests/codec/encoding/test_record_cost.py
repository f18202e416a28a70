"""What a size leaves for the pictures: bounds of all else in a file, and how near they are."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import accumulate, pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.encoding.record_cost import SoundCost, file_overhead
from codec.format import framing, packing
from codec.format.reader import BitstreamReader
from codec.format.records import AudioPacket, AudioRecord, GopRecord
from codec.settings import Size
from tests.support import format_cases as cases
from tests.support.codec_runs import cut_film, run_encode

RATE = Fraction(1, 48_000)
HEADER = replace(cases.FILMS["plain"][0], gop_frames=48, overlap_frames=4, frame_rate=Fraction(25))


def _track(durations: list[int], sizes: list[int]) -> list[AudioPacket]:
    starts = accumulate([-312, *durations])
    return [AudioPacket(*packet) for packet in zip(starts, durations, map(bytes, sizes), strict=False)]


def _bits(runs: list[list[AudioPacket]]) -> int:
    records = [AudioRecord(tuple(run)) for run in runs if run]
    return 8 * sum(len(framing.frame(framing.AUDIO, packing.pack_audio(record))) for record in records)


@given(st.data(), st.integers(1, 300), st.booleans())
def test_a_track_takes_no_more_however_it_is_cut(data: st.DataObject, count: int, steady: bool) -> None:
    durations = [2880] * count if steady else data.draw(st.lists(st.integers(1, 9000), min_size=count, max_size=count))
    track = _track(durations, data.draw(st.lists(st.integers(0, 400), min_size=count, max_size=count)))
    cuts = sorted(data.draw(st.lists(st.integers(0, count), max_size=6)))
    runs = [track[begin:end] for begin, end in pairwise([0, *cuts, count])]
    bound = SoundCost.of(track, RATE).between(len(runs) - 1, replace(HEADER, variable_timing=True))
    assert _bits(runs) <= bound or bound == SoundCost.of(track, RATE).anyhow
    if steady:
        assert bound <= _bits(runs) + 8 * 30 * len(runs)


def test_a_short_last_packet_spoils_one_record() -> None:
    track = _track([2880] * 217 + [312], [90] * 218)
    runs = [track[begin : begin + 29] for begin in range(0, 218, 29)]
    cost = SoundCost.of(track, RATE)
    assert _bits(runs) <= cost.between(len(runs), HEADER) <= _bits(runs) + 8 * 400 < cost.anyhow


@pytest.mark.parametrize("name", cases.FILMS)
def test_a_file_takes_no_more_beside_its_records(name: str, tmp_path: Path) -> None:
    film = cases.FILMS[name]
    data = cases.write(tmp_path / "a.fgvc", film)
    with BitstreamReader(tmp_path / "a.fgvc") as reader:
        found = [one for one in reader.scan() if one.item is not None]
        gops = sum(isinstance(one.item, GopRecord) for one in found)
        records = sum(one.end - one.offset for one in found[:-1])
    beside = 8 * (len(data) - records)
    assert beside - 8 * 10 * gops <= file_overhead(film[0]) <= beside + 8 * 60


@pytest.mark.parametrize("size", [3000, 4500])
def test_a_size_is_filled_to_three_hundredths(size: int, tmp_path: Path) -> None:
    source = cut_film(tmp_path / "in.mp4", [14, 10, 12])
    done = run_encode(source, tmp_path / "a.fgvc", prior="pocket", base="av1", goal=Size(size)).finished
    assert 0.97 * size <= done.bytes <= size
