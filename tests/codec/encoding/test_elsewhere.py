"""Segments coded by workers make the file that one process makes, byte for byte."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.cli import main
from codec.encoder import encode
from codec.events import Finished, GopDone, Phase
from codec.files import part_path
from codec.format.info import describe
from codec.parallel.order import in_order
from codec.parallel.pool import Pool
from codec.parallel.units import Failed, Workers
from codec.settings import Bitrate, Quality, Size
from tests.support import skips
from tests.support.by_command import TINY
from tests.support.codec_runs import Run, cut_film, run_decode, run_encode, tiny
from tests.support.generators import run_to_end
from tests.support.workers.work import Shuffled, squared

SCENES = [14, 10, 12, 9]
GOALS: dict[str, dict[str, Any]] = {
    "quality over a base": {"goal": Quality(0.6, "ms-ssim"), "base": "av1"},
    "quality alone": {"goal": Quality(0.6, "ms-ssim")},
    "bitrate over a base": {"goal": Bitrate(20_000), "base": "av1"},
    "size over a base": {"goal": Size(4000), "base": "av1"},
    "bitrate alone": {"goal": Bitrate(20_000)},
}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cut_film(tmp_path_factory.mktemp("source") / "in.mp4", SCENES)


@dataclass
class Serial:
    """What one process makes of the source, a file for each goal that a test asks for."""

    source: Path
    folder: Path
    runs: dict[str, Run] = field(default_factory=dict)

    def run(self, goal: str) -> Run:
        if goal not in self.runs:
            self.runs[goal] = run_encode(self.source, self.folder / f"{goal}.fgvc", gop_frames=8, **GOALS[goal])
        return self.runs[goal]

    def bytes(self, goal: str) -> bytes:
        return self.run(goal).finished.path.read_bytes()


@pytest.fixture(scope="module")
def serial(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Serial:
    return Serial(source, tmp_path_factory.mktemp("serial"))


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool(2) as pool:
        yield pool


def _encoded(source: Path, output: Path, workers: Workers, **more: Any) -> Run:
    return Run(tuple(encode(source, output, tiny(gop_frames=8, **more), workers)))


@pytest.mark.parametrize("goal", GOALS)
def test_the_order_in_which_segments_end_does_not_show(source: Path, tmp_path: Path, serial: Serial, goal: str) -> None:
    for seed in range(2):
        shuffled = _encoded(source, tmp_path / "b.fgvc", Shuffled(seed), **GOALS[goal])
        assert (tmp_path / "b.fgvc").read_bytes() == serial.bytes(goal)
        assert shuffled.gops == serial.run(goal).gops
        shares = [event.done for event in shuffled.events if isinstance(event, Phase) and event.done is not None]
        assert shares == sorted(shares)


@pytest.mark.slow
@pytest.mark.parametrize("goal", ["quality over a base", "size over a base"])
def test_processes_make_the_same_bytes(source: Path, tmp_path: Path, serial: Serial, pool: Pool, goal: str) -> None:
    _encoded(source, tmp_path / "b.fgvc", pool, **GOALS[goal])
    assert (tmp_path / "b.fgvc").read_bytes() == serial.bytes(goal)


@skips.posix
@pytest.mark.slow
def test_a_killed_process_costs_nothing_but_time(source: Path, tmp_path: Path, serial: Serial, pool: Pool) -> None:
    goal = "quality over a base"
    events = encode(source, tmp_path / "a.fgvc", tiny(gop_frames=8, **GOALS[goal]), pool)
    next(event for event in events if isinstance(event, GopDone))
    for process in multiprocessing.active_children():
        os.kill(process.pid or 0, signal.SIGKILL)
    *_, last = events
    assert isinstance(last, Finished)
    assert (tmp_path / "a.fgvc").read_bytes() == serial.bytes(goal)


@pytest.mark.slow
def test_a_closed_encode_is_playable_and_goes_on_to_the_same_bytes(
    source: Path, tmp_path: Path, serial: Serial, pool: Pool
) -> None:
    output, goal = tmp_path / "a.fgvc", "quality over a base"
    events = encode(source, output, tiny(gop_frames=8, **GOALS[goal]), pool)
    next(event for event in events if isinstance(event, GopDone) and event.start_frame >= SCENES[0])
    events.close()  # type: ignore[attr-defined]
    assert not part_path(output).exists()
    assert not describe(output).complete
    assert run_decode(output, tmp_path / "out.mkv").finished.frames >= SCENES[0]
    assert _encoded(source, output, pool, resume=True, **GOALS[goal]).finished.frames == sum(SCENES)
    assert serial.bytes(goal) == output.read_bytes()


@pytest.mark.slow
def test_the_command_takes_jobs(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    quality = [*TINY[:4], *TINY[6:], "--target", "0.6", "--metric", "ms-ssim", "--gop", "8"]
    assert main(["encode", str(source), "-o", str(tmp_path / "a.fgvc"), *quality]) == 0
    assert main(["encode", str(source), "-o", str(tmp_path / "b.fgvc"), *quality, "--jobs", "2"]) == 0
    assert (tmp_path / "a.fgvc").read_bytes() == (tmp_path / "b.fgvc").read_bytes()
    assert capsys.readouterr().out.count(f"{sum(SCENES)} frames") == 2


@given(seed=st.integers(0, 2**32), count=st.integers(0, 9))
def test_what_units_tell_comes_in_their_order_and_once(seed: int, count: int) -> None:
    heard, values = run_to_end(in_order(Shuffled(seed).run(squared, range(count))))
    assert heard == [f"{unit} {what}" for unit in range(count) for what in ("begins", "ends")]
    assert values == [unit * unit for unit in range(count)]


def test_a_segments_error_is_raised_when_all_before_it_is_written() -> None:
    def messages() -> Any:
        yield Failed(1, ValueError("second"))
        yield from Shuffled(0).run(squared, [3])

    told = in_order(messages())
    assert [next(told), next(told)] == ["3 begins", "3 ends"]
    with pytest.raises(ValueError, match="second"):
        next(told)


def test_the_last_event_is_the_whole_files(source: Path, tmp_path: Path) -> None:
    *_, last = encode(source, tmp_path / "a.fgvc", tiny(gop_frames=8), Shuffled(1))
    assert isinstance(last, Finished)
    assert last.frames == sum(SCENES)
