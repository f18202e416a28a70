"""What an encode settles before its first GOP, as the file's header tells it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from codec.control.control import WithoutBase
from codec.encoding.plan import Plan, make_plan
from codec.encoding.record_cost import overhead_bits
from codec.errors import SettingsError
from codec.events import Event, Phase
from codec.format import framing, packing
from codec.format.info import stored_gop
from codec.format.records import BaseRun, GopRecord
from codec.settings import Bitrate, Quality, Size
from codec.version import program_version
from tests.support.codec_runs import film, tiny
from tests.support.generators import run_to_end


def _plan(source: Path, **more: Any) -> tuple[list[Event], Plan]:
    return run_to_end(make_plan(source, tiny(**more)))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("plan") / "in.mp4", 50)


def test_the_header_says_what_was_chosen(source: Path) -> None:
    events, plan = _plan(source, seed=9, overlap="plain", channel="pfr", gop_frames=20, goal=Bitrate(12_000))
    header = plan.header
    assert header.trajectory is not None
    assert (header.trajectory.seed, header.trajectory.coder.id, header.trajectory.reuse) == (9, "pfr", 1)
    assert (header.overlap_mode, header.gop_frames, header.writer) == ("plain", 20, program_version())
    assert (header.target.kind, header.target.value) == ("bitrate", 12.0)
    assert (header.source_width, header.source_height, header.base_codec) == (48, 32, "none")
    assert not header.variable_timing
    assert [event.name for event in events if isinstance(event, Phase)][-1] == "coding"
    assert isinstance(plan.segments.control.base, WithoutBase)
    assert plan.frames_total == 50


@pytest.mark.parametrize(("start", "duration", "frames"), [(0.0, 1.0, 25), (1.0, None, 25), (1.5, 9.0, 12)])
def test_the_frames_of_a_part_are_counted(source: Path, start: float, duration: float | None, frames: int) -> None:
    assert _plan(source, start=start, duration=duration)[1].frames_total == pytest.approx(frames, abs=1)


def test_a_base_is_there_where_the_prior_has_use_for_it(source: Path) -> None:
    assert _plan(source, base="auto")[1].header.base_codec == "av1"
    assert _plan(source, base="auto", short_side=4)[1].header.base_codec == "none"
    with pytest.raises(SettingsError, match="too small for a base layer"):
        _plan(source, base="av1", short_side=4)


def test_a_picture_too_small_for_any_metric_is_coded_by_bits_alone(source: Path) -> None:
    _, plan = _plan(source, prior="pocket", base="auto", short_side=14)
    assert plan.header.base_codec == "none"
    assert plan.metric is None
    assert _plan(source, prior="pocket", base="auto", short_side=16)[1].header.base_codec == "av1"


@pytest.mark.parametrize(
    ("goal", "words"),
    [
        (Quality(0.4, "ms-ssim"), "reach MS-SSIM 0.4"),
        (Bitrate(12_500), "stay within 12.5 kbit/s"),
        (Size(5000), "stay within its share of 5000 bytes"),
    ],
)
def test_every_goal_has_words(source: Path, goal: Any, words: str) -> None:
    _, plan = _plan(source, goal=goal)
    gop = stored_gop(GopRecord(0, 0, 8, 0, 0, (), bytes(4), bytes(8)), 0, None)
    assert plan.unreachable_message(gop) == f"GOP 0 doesn't {words}; it stays at the nearest that was found, t* = 0."


@pytest.mark.parametrize("times", [None, tuple(range(0, 9000, 1000))])
@pytest.mark.parametrize("base", [None, BaseRun(40, 1, "modelled", bytes(372))])
def test_the_overhead_bounds_every_record(base: BaseRun | None, times: tuple[int, ...] | None) -> None:
    own = 9
    steps = tuple(bytes(size) for size in (1, 90, 3, 4000, 0, 17_000))
    record = GopRecord(70_000, 10**6, own + 2, 2, 5, steps, bytes(4), bytes(8), base=base, pts=times)
    size = 8 * len(framing.frame(framing.GOP, packing.pack_gop(record)))
    carried = record.base_bits + 8 * sum(map(len, steps))
    bound = overhead_bits(own + 2, 2, base, times, len(steps))
    assert size - carried <= bound <= size - carried + 8 * 40
