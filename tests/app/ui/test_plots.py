from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from PySide6.QtCore import QPointF
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.core.timing import Timing
from app.ui.plots.perception import Mark, PerceptionPlot, name_places
from app.ui.plots.perception import table as rate_table
from app.ui.plots.style import EXPORT_WIDTH, SHARPNESS
from app.ui.plots.trajectory import TrajectoryPlot, next_spike, own_frames
from app.ui.plots.trajectory import table as map_table
from app.ui.theme import Theme
from codec.errors import OutputError
from codec.events import BaseChosen, BaseTrial, Fit, GopDone, Probe
from codec.goals import GOAL_METRICS


def gop(index: int, t_star: int, bits: int) -> GopDone:
    """GOPs of 12 frames, the first 2 shared with the one before."""
    start = 10 * index
    probes = (Probe(0, 100, 0.3), Probe(t_star, bits, 0.15))
    return GopDone(index, start, 12, t_star, bits, 80, 0.15, probes, start + 12, 62, sent_bits=bits - 100)


GOPS = tuple(
    gop(index, t, bits) for index, (t, bits) in enumerate([(4, 900), (4, 950), (9, 3000), (4, 900), (5, 2000)])
)


@pytest.fixture
def theme(qapp: QApplication) -> Iterator[Theme]:
    made = Theme(qapp, "dark")
    yield made
    made.deleteLater()


@pytest.fixture
def plot(qtbot: QtBot, theme: Theme) -> TrajectoryPlot:
    made = TrajectoryPlot(theme)
    qtbot.addWidget(made)
    made.resize(600, 200)
    made.show()
    qtbot.waitExposed(made)
    made.show_gops(GOPS, Timing(Fraction(10)))
    return made


def test_shared_frames_count_once() -> None:
    assert own_frames(GOPS) == [12, 10, 10, 10, 10]


@pytest.mark.parametrize(("frame", "spike"), [(0, 20), (20, 40), (41, 20)])
def test_the_next_spike_goes_round(frame: int, spike: int) -> None:
    assert next_spike(GOPS, frame) == spike


def test_an_even_video_has_no_spike() -> None:
    assert next_spike([gop(n, 3, 500) for n in range(5)], 0) is None
    assert next_spike([], 0) is None


def test_a_click_seeks_to_the_time_under_it(qtbot: QtBot, plot: TrajectoryPlot) -> None:
    area = plot.item.vb.sceneBoundingRect()
    with qtbot.waitSignal(plot.seeked) as seeked:
        plot.seek_at(QPointF(area.left() + area.width() / 2, area.center().y()))
    # The axis runs over 52 frames.
    assert abs(seeked.args[0] - 26) <= 1
    with qtbot.assertNotEmitted(plot.seeked):
        plot.seek_at(QPointF(-50, -50))


def test_frames_that_come_unevenly_stand_at_their_own_times(qtbot: QtBot, plot: TrajectoryPlot, tmp_path: Path) -> None:
    # Ten a second, then one a second.
    plot.show_gops(GOPS, Timing(Fraction(10), [n / 10 if n <= 25 else 2.5 + n - 25 for n in range(52)]))
    area = plot.item.vb.sceneBoundingRect()
    with qtbot.waitSignal(plot.seeked) as seeked:
        plot.seek_at(QPointF(area.left() + area.width() / 2, area.center().y()))
    assert abs(seeked.args[0] - 36) <= 1
    plot.export_csv(tmp_path / "plot.csv")
    with (tmp_path / "plot.csv").open() as file:
        assert [float(row["start_seconds"]) for row in csv.DictReader(file)] == [0, 1, 2, 7.5, 17.5]


def test_exports_say_the_same_as_the_plot(plot: TrajectoryPlot, tmp_path: Path) -> None:
    plot.export_png(tmp_path / "plot.png")
    assert QImage(str(tmp_path / "plot.png")).width() == EXPORT_WIDTH
    plot.export_csv(tmp_path / "plot.csv")
    with (tmp_path / "plot.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["t_star"]) for row in rows] == [gop.t_star for gop in GOPS]
    assert [float(row["start_seconds"]) for row in rows] == [0, 1, 2, 3, 4]


def test_a_level_is_told_with_its_size(plot: TrajectoryPlot) -> None:
    tried = Probe(8, 300, 0.2, crf=60.0)
    half = replace(GOPS[0], crf=66.0, scale=2, probes=(*GOPS[0].probes, tried))
    plot.show_gops([half, replace(GOPS[1], crf=66.0)], Timing(Fraction(10)))
    assert "base CRF 66, half size" in plot.caption
    plot.show_frame(15)
    assert "half" not in plot.caption
    rows = list(map_table([half, GOPS[1]], Timing(Fraction(10))))
    place = rows[0].index("base_scale")
    assert [row[place] for row in rows[1:]] == [2, None]
    points = [row for row in rate_table([half], []) if row[0] in ("chosen", "measured")]
    assert [row[-1] for row in points] == [66.0, 66.0, 66.0, 60.0]


def test_perception_shows_every_gop_and_the_target(qtbot: QtBot, theme: Theme) -> None:
    plot = PerceptionPlot(theme)
    qtbot.addWidget(plot)
    plot.show_gops(GOPS, 0.2)
    assert plot.rest.getData()[0].tolist() == [gop.bits / 1000 for gop in GOPS]
    assert plot.probes.getData()[1].tolist() == [0.3, 0.15]
    assert plot.caption == "GOP 5"
    assert plot.target.isVisible()
    low, high = plot.item.viewRange()[1]
    assert low < 0.15 < 0.2 < high
    theme.set_mode("light")
    assert plot.item.getAxis("left").autoSIPrefixScale == 1
    plot.show_gops(GOPS, None)
    assert not plot.target.isVisible()


def test_perception_tells_why_a_base_has_its_level(qtbot: QtBot, theme: Theme) -> None:
    plot = PerceptionPlot(theme)
    qtbot.addWidget(plot)
    first = BaseTrial(4, (60.75, 60.75), 1, (90, 80), (8, 8), (0.19, 0.21))
    second = BaseTrial(2, (58.0, 57.0), 1, (99, 91), (8, 9), (0.148, 0.1514))
    scene = BaseTrial(4, (66.0,), 2, (70,), (8,), (0.1,))
    bases = (BaseChosen(0, second, (first, second), "The target is met."), BaseChosen(2, scene, (scene,), "It ends."))
    plot.show_gops(GOPS[:3], 0.15, bases=bases)
    assert plot.caption.splitlines() == ["GOP 3", "CRF 66, half size was tried: DISTS 0.100", "It ends."]
    plot.show_frame(15)
    tried, coded = "CRF 60.75 was tried: DISTS 0.210", "CRF 57 was coded: DISTS 0.151"
    assert plot.caption.splitlines() == ["GOP 2", tried, coded, "The target is met."]


FIT = Fit("power", ((60.0, 0.35), (100.0, 0.3), (900.0, 0.15), (1260.0, 0.14)))


def test_perception_shows_the_curve_of_the_gop_under_the_playhead(qtbot: QtBot, theme: Theme, tmp_path: Path) -> None:
    plot = PerceptionPlot(theme)
    qtbot.addWidget(plot)
    plot.show_gops((replace(GOPS[0], fit=FIT), *GOPS[1:]), 0.2)
    assert plot.curve.getData()[0] is None or not len(plot.curve.getData()[0])
    plot.show_frame(3)
    assert plot.caption == "GOP 1: power"
    assert not plot.item.getAxis("top").isVisible()
    assert plot.curve.getData()[0].tolist() == [bits / 1000 for bits, _ in FIT.points]
    assert plot.curve.getData()[1].tolist() == [quality for _, quality in FIT.points]
    plot.show_frame(45)
    assert plot.caption == "GOP 5"
    plot.show_marks([Mark("x265", 950.0, 0.4)])
    assert plot.others.getData()[1].tolist() == [0.4]
    assert plot.item.viewRange()[1][1] > 0.4
    plot.export_png(tmp_path / "rate.png")
    assert QImage(str(tmp_path / "rate.png")).width() == EXPORT_WIDTH
    plot.export_csv(tmp_path / "rate.csv")
    with (tmp_path / "rate.csv").open() as file:
        kinds = [row["point"] for row in csv.DictReader(file)]
    assert [kinds.count(kind) for kind in ("chosen", "measured", "power fit", "x265")] == [5, 10, 4, 1]
    for export in (plot.export_png, plot.export_csv):
        with pytest.raises(OutputError, match="can't be written"):
            export(tmp_path / "rate.png" / "rate.png")


def test_perception_shows_the_curve_over_steps_and_what_a_rate_allows(
    qtbot: QtBot, theme: Theme, tmp_path: Path
) -> None:
    plot = PerceptionPlot(theme)
    qtbot.addWidget(plot)
    steps = Fit("parabola", tuple((float(step), 0.1 + 0.002 * (step - 7) ** 2) for step in range(13)))
    probes = (Probe(4, 900, 0.118, 60.0), Probe(8, 900, 0.102), Probe(12, 900, 0.15, 60.0))
    one = replace(GOPS[0], fit=FIT, step_fit=steps, crf=59.0, probes=probes, missed=True)
    plot.show_gops((one,), None, None, budget=1200.0)
    assert plot.caption == "GOP 1: power, parabola"
    assert [words for _, words in plot.keys] == [
        "over the base's level",
        "over t\u2605",
        "measured",
        "target missed",
    ]
    assert plot.step_curve.getData()[0].tolist() == list(range(13))
    assert plot.step_points.getData()[0].tolist() == [4, 8, 12]
    assert plot.item.getAxis("top").isVisible()
    assert plot.budget.isVisible()
    assert plot.budget.value() == 1.2
    assert not plot.target.isVisible()
    plot.export_csv(tmp_path / "rate.csv")
    with (tmp_path / "rate.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["point"] == "parabola fit over steps"]
    assert [row["step"] for row in rows] == [str(step) for step in range(13)]


def test_names_of_codecs_at_one_height_stand_on_both_sides() -> None:
    marks = [Mark("vvc", 11.0, 0.300), Mark("x265", 17.0, 0.305), Mark("ours", 11.0, 0.15), Mark("av1", 20.0, 0.152)]
    places = {mark.name: anchor for mark, anchor in name_places(marks)}
    left, right = (1.0, 0.5), (0.0, 0.5)
    below = (1.0, 0.0)
    # The largest lies at the plot's edge, where a name to its right would be cut off.
    assert places == {"vvc": left, "x265": right, "ours": left, "av1": below}
    apart = [Mark("ours", 11.0, 0.15), Mark("x265", 28.0, 0.31)]
    assert [anchor for _, anchor in name_places(apart)] == [right, left]
    assert name_places([]) == []
    assert name_places(marks[:1]) == [(marks[0], right)]


def test_a_plot_as_bytes_is_a_png(plot: TrajectoryPlot) -> None:
    # As large as it is shown, so that plots of different widths have lettering of one size.
    assert QImage.fromData(plot.png()).width() == pytest.approx(SHARPNESS * plot.item.boundingRect().width(), abs=1)


def test_base_prior_and_sound_lie_upon_each_other_and_missed_targets_are_marked(plot: TrajectoryPlot) -> None:
    gops = [replace(one, crf=40 + number, missed=number == 2) for number, one in enumerate(GOPS)]
    plot.show_gops(gops, Timing(Fraction(10)), audio_bits_per_frame=10.0, metric=GOAL_METRICS["dists"])
    base, prior, sound = (bars.opts for bars in plot.bars)
    assert base["height"] == [0.08] * 5
    assert prior["y0"] == base["height"]
    assert prior["height"] == pytest.approx([gop.sent_bits / 1000 for gop in GOPS])
    assert sound["height"] == pytest.approx([0.12, 0.1, 0.1, 0.1, 0.1])
    assert sound["y0"] == pytest.approx([(gop.base_bits + gop.sent_bits) / 1000 for gop in GOPS])
    assert plot.levels.getData()[1].tolist() == [40, 40, 41, 41, 42, 42, 43, 43, 44, 44]
    assert plot.missed.getData()[1].tolist() == [9]
    plot.show_frame(25)
    assert plot.caption.startswith("GOP 3: t\u2605 9")
    assert "base CRF 42" in plot.caption
    assert "3.0 kbit: base 0.1, prior 2.9" in plot.caption
    assert f"DISTS {gops[2].quality:.3f}, target missed" in plot.caption
