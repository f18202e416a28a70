"""Chains decoded by workers make the video that one process makes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from codec.cli import main
from codec.decoder import decode
from codec.events import GopDone, Phase, StepCoded, Warned
from codec.format.reader import BitstreamReader
from codec.settings import Bitrate, DecodeSettings
from tests.support.codec_runs import cut_film, run_decode, run_encode, shown
from tests.support.workers.work import Shuffled


@pytest.fixture(scope="module")
def coded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four chains."""
    folder = tmp_path_factory.mktemp("coded")
    source = cut_film(folder / "in.mp4", [12, 10, 9, 8])
    run_encode(source, folder / "a.fgvc", gop_frames=8, base="av1", goal=Bitrate(30_000))
    return folder / "a.fgvc"


def _same(coded: Path, folder: Path, seed: int) -> None:
    serial = run_decode(coded, folder / "a.mkv")
    told = [event for event in serial.events if isinstance(event, GopDone | StepCoded | Warned)]
    events = list(decode(coded, folder / "b.mkv", DecodeSettings(), Shuffled(seed)))
    assert [event for event in events if isinstance(event, GopDone | StepCoded | Warned)] == told
    assert any(isinstance(event, Phase) for event in events)
    (first, times), (second, same_times) = shown(folder / "a.mkv"), shown(folder / "b.mkv")
    assert np.array_equal(np.stack(first), np.stack(second))
    assert times == same_times


@pytest.mark.parametrize("seed", range(3))
def test_the_order_in_which_chains_end_does_not_show(coded: Path, tmp_path: Path, seed: int) -> None:
    _same(coded, tmp_path, seed)


@pytest.mark.parametrize("gop", [0, 1, 2])
def test_damage_costs_the_same(coded: Path, tmp_path: Path, gop: int) -> None:
    with BitstreamReader(coded) as reader:
        offset = reader.index()[gop].offset
    data = bytearray(coded.read_bytes())
    data[offset + 20] ^= 0xFF
    (tmp_path / "a.fgvc").write_bytes(data)
    _same(tmp_path / "a.fgvc", tmp_path, 0)


def test_a_file_without_its_end_is_decoded_too(coded: Path, tmp_path: Path) -> None:
    (tmp_path / "a.fgvc").write_bytes(coded.read_bytes()[:-40])
    _same(tmp_path / "a.fgvc", tmp_path, 0)


@pytest.mark.slow
def test_the_command_takes_jobs(coded: Path, tmp_path: Path) -> None:
    run_decode(coded, tmp_path / "a.mkv")
    assert main(["decode", str(coded), "-o", str(tmp_path / "b.mkv"), "--jobs", "2"]) == 0
    assert np.array_equal(np.stack(shown(tmp_path / "a.mkv")[0]), np.stack(shown(tmp_path / "b.mkv")[0]))
