"""The coding size that an encode chooses by itself, on a clip that is large enough to have a choice."""

from __future__ import annotations

from contextlib import closing
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from codec.arrays import Picture
from codec.encoder import encode
from codec.events import Event, Finished, GopDone, SizeChosen
from codec.format.info import describe
from codec.goals import GOAL_METRICS
from codec.metrics.catalog import metric
from codec.metrics.parts import Part
from codec.settings import Bitrate, EncodeSettings, Goal, Quality
from codec.video import Colour, VideoWriter, scaled_picture
from tests.support.codec_runs import moving, shown
from tests.support.films.synthetic import write_video

WIDTH, HEIGHT = 272, 256


def _pictures(count: int, seed: int) -> list[Picture]:
    """Fine detail over a slow drift, so that every size loses something."""
    grain = np.random.default_rng(seed).integers(-12, 13, (HEIGHT, WIDTH, 1))
    return [(picture + grain).clip(0, 255).astype(np.uint8) for picture in moving(count, WIDTH, HEIGHT, seed)]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two scenes."""
    path = tmp_path_factory.mktemp("sizing") / "in.mkv"
    return write_video(path, [*_pictures(8, 1), *(255 - picture for picture in _pictures(8, 2))])


def _encoded(source: Path, output: Path, goal: Goal, **more: object) -> tuple[list[Event], Finished]:
    events = list(encode(source, output, EncodeSettings(goal=goal, **more)))  # type: ignore[arg-type]
    assert isinstance(events[-1], Finished)
    return events, events[-1]


def _chosen(events: list[Event]) -> SizeChosen:
    (chosen,) = (event for event in events if isinstance(event, SizeChosen))
    return chosen


def _choice(source: Path, output: Path, goal: Goal) -> SizeChosen:
    """What is chosen by an encode, which is stopped then."""
    with closing(encode(source, output, EncodeSettings(goal=goal, duration=0.2))) as events:
        return next(event for event in events if isinstance(event, SizeChosen))


@pytest.fixture(scope="module")
def coded(source: Path) -> tuple[Path, list[Event]]:
    """All of it at a quality."""
    path = source.with_suffix(".fgvc")
    return path, _encoded(source, path, Quality(0.4))[0]


def test_a_quality_chooses_by_what_scaling_costs(coded: tuple[Path, list[Event]], source: Path, tmp_path: Path) -> None:
    path, events = coded
    chosen, done = _chosen(events), events[-1]
    assert isinstance(done, Finished)
    header = describe(path).header
    assert (header.coding_width, header.coding_height) == (chosen.width, chosen.height)
    assert (done.coding_width, done.coding_height) == (chosen.width, chosen.height)
    assert chosen.short_side < HEIGHT
    first, judge = chosen.tried[0], metric(chosen.measured)
    middle = shown(source)[0][8]
    part = Part.number(1, WIDTH, HEIGHT, 256)
    back = scaled_picture(scaled_picture(middle, first.width, first.height), WIDTH, HEIGHT)
    by_hand = float(judge(part.of(middle)[None], part.of(back)[None])[0])
    assert first.value == pytest.approx(by_hand, abs=0.1)
    assert _choice(source, tmp_path / "b.fgvc", Quality(0.05)).short_side > chosen.short_side
    assert GOAL_METRICS[chosen.measured].lower_is_better


def test_a_rate_chooses_by_what_a_base_takes(source: Path, tmp_path: Path) -> None:
    few = _choice(source, tmp_path / "a.fgvc", Bitrate(2_000))
    many = _choice(source, tmp_path / "b.fgvc", Bitrate(2_000_000))
    assert few.short_side < many.short_side
    assert few.measured == "bits a second"


def test_a_number_is_taken_as_it_is(source: Path, tmp_path: Path) -> None:
    events, done = _encoded(source, tmp_path / "a.fgvc", Quality(0.3), short_side=96, duration=0.2)
    assert not any(isinstance(event, SizeChosen) for event in events)
    assert done.coding_height == 96


def test_a_resumed_encode_keeps_the_size_and_looks_at_nothing_again(
    coded: tuple[Path, list[Event]], source: Path, tmp_path: Path
) -> None:
    goal = Quality(0.4)
    begun = encode(source, tmp_path / "a.fgvc", EncodeSettings(goal=goal))
    next(event for event in begun if isinstance(event, GopDone))
    begun.close()  # type: ignore[attr-defined]
    assert not describe(tmp_path / "a.fgvc").complete
    events, _ = _encoded(source, tmp_path / "a.fgvc", goal, resume=True)
    assert not any(isinstance(event, SizeChosen) for event in events)
    assert (tmp_path / "a.fgvc").read_bytes() == coded[0].read_bytes()


@pytest.mark.parametrize("goal", [Quality(0.4), Bitrate(300)])
def test_a_last_picture_that_stays_for_long_is_no_obstacle(tmp_path: Path, goal: Goal) -> None:
    # A slide, or an animation's end: most of the time no frame begins.
    path = tmp_path / "in.mkv"
    more = {"frame_rate": Fraction(25), "time_base": Fraction(1, 1000), "colour": Colour(1, 1, 1, 1)}
    with VideoWriter(path, WIDTH, HEIGHT, **more) as writer:  # type: ignore[arg-type]
        for number, picture in enumerate(_pictures(6, 1)):
            writer.write(picture, Fraction(number, 25))
        writer.hold(Fraction(19))
    events, done = _encoded(path, tmp_path / "a.fgvc", goal)
    assert done.frames == 6
    assert len(_chosen(events).tried) > 0
