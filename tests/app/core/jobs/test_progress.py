from __future__ import annotations

from fractions import Fraction

import pytest

from app.core.jobs.progress import Progress
from app.ui.words import percent
from codec.events import GopDone, Phase, SizeChosen, Stage, StepCoded


def gop(index: int, bits: int, done: int, total: int | None = 100) -> GopDone:
    return GopDone(index, done - 10, 10, 3, bits, 0, 0.1, (), done, total)


def coded(*bits: int) -> Progress:
    """GOPs of ten frames, one every second after coding began."""
    progress = Progress(Fraction(10)).after(Phase(Stage.CODING), 0.0)
    for index, count in enumerate(bits):
        progress = progress.after(gop(index, count, 10 * (index + 1)), index + 1.0)
    return progress


def test_the_size_that_the_engine_chose_is_kept() -> None:
    chosen = SizeChosen(426, 240, 240, (), "", "a larger one would take too long")
    assert Progress(Fraction(25)).size is None
    assert Progress(Fraction(25)).after(chosen, 1.0).size == chosen


def test_figures_of_a_steady_encode() -> None:
    progress = coded(1000, 1000)
    assert progress.share == pytest.approx(0.2)
    assert progress.speed == pytest.approx(1.0)
    assert progress.seconds_left == pytest.approx(8.0)
    assert progress.kbps == pytest.approx(1.0)


def test_forecast_needs_two_gops_and_a_length() -> None:
    assert coded(1000).forecast(125) is None
    unknown = Progress(Fraction(10)).after(gop(0, 9, 10, None), 1).after(gop(1, 9, 20, None), 2)
    assert unknown.forecast(100) is None


def test_forecast_widens_with_uneven_gops_and_holds_the_steady_answer() -> None:
    steady, uneven = coded(1000, 1000).forecast(250), coded(400, 1600).forecast(250)
    assert steady is not None
    assert uneven is not None
    assert steady.low < 1250 < steady.high
    assert uneven.high - uneven.low > steady.high - steady.low
    assert uneven.low >= 250


def test_a_resumed_run_counts_its_own_speed_only() -> None:
    progress = Progress(Fraction(10)).after(Phase(Stage.CODING), 0.0).after(gop(7, 1000, 80), 1.0)
    assert progress.speed == pytest.approx(1.0)
    assert progress.share == pytest.approx(0.8)


def test_steps_name_the_phase() -> None:
    progress = Progress(Fraction(10)).after(Phase(Stage.LOADING), 0).after(StepCoded(2, 5, 24, 800), 1)
    assert (progress.phase, progress.gop, progress.step, progress.steps) == ("coding", 2, 5, 24)


def test_what_the_engine_tells_of_the_whole_work_is_the_share_from_the_first_second_on() -> None:
    progress = Progress(Fraction(10)).after(Phase(Stage.OPENING), 0.0).after(Phase(Stage.LOADING), 1.0)
    assert (progress.share, progress.seconds_left) == (0.0, None)
    for number in range(1, 6):
        progress = progress.after(Phase(Stage.CHOOSING, f"trying level {number}", done=0.1 * number), 10.0 + number)
    assert progress.phase == "choosing the base layer: trying level 5"
    assert progress.share == pytest.approx(0.5)
    # A tenth a second, whatever the frames that are done say.
    progress = progress.after(gop(0, 1000, 10), 15.0)
    assert progress.share == pytest.approx(0.5)
    assert progress.seconds_left == pytest.approx(5.0)
    # The length was an estimate: what is done does not become less.
    assert progress.after(Phase(Stage.CHOOSING, done=0.4), 16.0).share == pytest.approx(0.5)


def test_a_resumed_run_tells_the_time_of_what_is_left_only() -> None:
    progress = Progress(Fraction(10)).after(Phase(Stage.CHOOSING, done=0.8), 0.0)
    assert progress.seconds_left is None
    progress = progress.after(Phase(Stage.CHOOSING, done=0.9), 10.0)
    assert progress.seconds_left == pytest.approx(10.0)


def test_nothing_is_whole_while_work_is_left() -> None:
    assert [percent(share) for share in (0.0, 0.004, 0.5, 0.999, 1.0)] == ["0 %", "0 %", "50 %", "99 %", "100 %"]
