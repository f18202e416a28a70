"""Quality at the source's size is that of the file that decoding writes, and is told wherever quality is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fractions import Fraction
from itertools import takewhile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.commands.output import event_to_json, show_info, summary
from codec.decoding.at_source import PART
from codec.decoding.stills import own_frame
from codec.encoder import encode
from codec.events import Finished, Phase, Stage
from codec.format.info import describe
from codec.format.reader import BitstreamReader
from codec.format.records import GopRecord
from codec.goals import GOAL_METRICS
from codec.metrics.catalog import metric
from codec.metrics.parts import Part
from codec.priors.computing import Computing
from codec.settings import EncodeSettings, Quality
from codec.video.stills import Stills
from tests.support.codec_runs import run_decode, shown

SETTINGS = EncodeSettings(goal=Quality(0.2), short_side=72, duration=2.2, audio="none")


@pytest.fixture(scope="module")
def coded(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Finished]:
    """Two GOPs, coded at about half of the source's size with everything as it is by default."""
    path = tmp_path_factory.mktemp("at_source") / "a.fgvc"
    *_, done = encode(data / "scene.mp4", path, SETTINGS)
    assert isinstance(done, Finished)
    return path, done


def test_it_is_what_one_measures_on_the_decoded_file(coded: tuple[Path, Finished], data: Path, tmp_path: Path) -> None:
    path, done = coded
    run_decode(path, tmp_path / "out.mkv")
    source, made = shown(data / "scene.mp4")[0], shown(tmp_path / "out.mkv")[0]
    with BitstreamReader(path) as reader:
        records = [record for record in reader.records() if isinstance(record, GopRecord)]
    assert len(records) > 1
    # In the numbers that are quick here, as the encoder judges.
    judge, values = metric(done.metric, dtype=Computing.choose(SETTINGS.device, SETTINGS.dtype).restoring), []
    for number, record in enumerate(records):
        frame = record.start_frame + own_frame(record)
        part = Part.number(number, done.source_width, done.source_height, PART)
        values.append(float(judge(part.of(source[frame])[None], part.of(made[frame])[None])[0]))
    assert done.quality_at_source == pytest.approx(sum(values) / len(values), abs=2e-4)


def test_it_is_worse_than_at_coding_size_and_told_with_it(
    coded: tuple[Path, Finished], capsys: pytest.CaptureFixture[str]
) -> None:
    path, done = coded
    assert done.quality is not None
    assert done.quality_at_source is not None
    assert done.quality < done.quality_at_source
    label = GOAL_METRICS[done.metric].label
    words = f"{label} {done.quality:.3f} at 98x72, {done.quality_at_source:.3f} at 194x144"
    assert words in summary(done)
    info = describe(path)
    assert (info.quality, info.quality_at_source) == (pytest.approx(done.quality, abs=1e-3), done.quality_at_source)
    show_info(info, as_json=False)
    assert words in capsys.readouterr().out
    show_info(info, as_json=True)
    assert json.loads(capsys.readouterr().out)["quality_at_source"] == done.quality_at_source
    assert event_to_json(done)["quality_at_source"] == done.quality_at_source


def test_where_both_sizes_are_one_it_is_the_same(data: Path, tmp_path: Path) -> None:
    *_, done = encode(data / "three_frames.mkv", tmp_path / "a.fgvc", EncodeSettings())
    assert isinstance(done, Finished)
    assert done.quality_at_source == pytest.approx(done.quality, abs=1e-3)
    assert summary(done).count(GOAL_METRICS[done.metric].label) == 1


def test_stopped_while_comparing_it_leaves_the_whole_file_without_it(data: Path, tmp_path: Path) -> None:
    events = encode(data / "scene.mp4", tmp_path / "a.fgvc", SETTINGS)
    before = [event for event in takewhile(lambda e: not _is_comparing(e), events) if isinstance(event, Phase)]
    assert isinstance(events, Iterator)
    events.close()  # type: ignore[attr-defined]
    assert all(event.done is None or event.done < 1 for event in before)
    info = describe(tmp_path / "a.fgvc")
    assert info.complete
    assert info.quality is not None
    assert info.quality_at_source is None
    assert [path.name for path in tmp_path.iterdir()] == ["a.fgvc"]


def _is_comparing(event: object) -> bool:
    return isinstance(event, Phase) and event.stage is Stage.FINISHING


@pytest.mark.parametrize("name", ["scene.mp4", "variable.mkv"])
@pytest.mark.parametrize("number", [0, 1, 50, 100])
def test_a_single_picture_of_a_source_is_the_one_of_its_time(name: str, number: int, data: Path) -> None:
    pictures, times = shown(data / name)
    number = min(number, len(times) - 1)
    stills = Stills(data / name, 0.0, Fraction(0), deinterlace=False)
    assert (stills.at(times[number]) == pictures[number]).all()


@given(st.integers(0, 9), st.integers(1, 5000), st.integers(1, 5000), st.integers(1, 500))
def test_parts_lie_within_the_picture(number: int, width: int, height: int, side: int) -> None:
    part = Part.number(number, width, height, side)
    assert (part.width, part.height) == (min(side, width), min(side, height))
    assert 0 <= part.left <= width - part.width
    assert 0 <= part.top <= height - part.height
