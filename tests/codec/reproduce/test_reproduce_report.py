"""Tables, BD-rates and plots of points whose answers are known."""

from __future__ import annotations

import csv
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from codec.reproduce.plots import NO_PLOTS, Panel, chart
from codec.reproduce.points import Point
from codec.reproduce.report import Results, bd_rates, file_name, write_report
from codec.reproduce.run import PointsMissing

LOWER = {"dists": True, "psnr": False}


def _points(sequence: str, codec: str, factor: float, weights: str = "") -> list[Point]:
    """A curve on which `factor` times the bits buy the same quality."""
    return [
        Point(sequence, codec, f"q {index}", 100, factor * 0.01 * 2**index, 10.0,
              {"dists": 0.3 - 0.05 * index, "psnr": 25.0 + 2 * index}, 4.0, None, weights)
        for index in range(4)
    ]  # fmt: skip


def _results(**more: object) -> Results:
    points = [
        point
        for sequence, factor in (("B/one", 0.5), ("B/two", 0.7), ("C/three", 0.9))
        for point in (*_points(sequence, "ours", factor, "aa"), *_points(sequence, "x265", 1.0))
    ]
    return Results(points, LOWER, **more)  # type: ignore[arg-type]


def test_bd_rates_are_those_of_the_curves() -> None:
    rates = list(bd_rates(_results()))
    assert {(rate.codec, rate.peer) for rate in rates} == {("ours", "x265")}
    by_sequence = {rate.sequence: rate.percent for rate in rates if rate.metric == "dists"}
    assert by_sequence == {
        "B/one": pytest.approx(-50),
        "B/two": pytest.approx(-30),
        "C/three": pytest.approx(-10),
    }


def test_the_page_has_means_by_sequence_group_and_all(tmp_path: Path) -> None:
    failed = PointsMissing("C/three", "vvc", ("q 40",), "it broke")
    page = write_report(tmp_path, _results(failures=[failed], about=["Three sequences."])).read_text("utf-8")
    assert "- Three sequences." in page
    assert "- C/three, vvc (q 40): it broke" in page
    assert "| dists | -30.0 % (3 of 3) |" in page
    assert "| B/one | -50.0 % |" in page
    assert "| **mean of B** | -40.0 % (2 of 2) |" in page
    assert "| **mean** | -30.0 % (3 of 3) |" in page
    assert "| ours | q 0 | 3 | 0.00700 | 0.3000 | 25.0000 |" in page
    for place in (line.partition("](")[2].partition(")")[0] for line in page.splitlines() if "](" in line):
        assert (tmp_path / place).is_file()


def test_tables_for_other_programs(tmp_path: Path) -> None:
    write_report(tmp_path, _results())
    with (tmp_path / "points.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 24
    assert rows[0] == {
        "sequence": "B/one", "codec": "ours", "setting": "q 0", "bytes": "100", "bpp": "0.005", "kbps": "10",
        "dists": "0.3", "psnr": "25", "encode_fps": "4", "decode_fps": "",
    }  # fmt: skip
    with (tmp_path / "bd_rates.csv").open(newline="") as file:
        assert [row["bd_rate_percent"] for row in csv.DictReader(file)][:3] == ["-50.000", "-30.000", "-10.000"]


def test_curves_that_do_not_meet_have_no_bd_rate(tmp_path: Path) -> None:
    apart = [*_points("one", "ours", 1, "aa")[:2], *_points("one", "x265", 1)[2:]]
    page = write_report(tmp_path, Results(apart, LOWER)).read_text("utf-8")
    assert "| dists | no overlap (0 of 1) |" in page
    assert "| one | no overlap |" in page


def test_values_that_are_no_numbers_are_left_out(tmp_path: Path) -> None:
    """A temporal metric of one frame is nan."""
    points = [
        Point("one", codec, f"q {index}", 1, 0.1 * index, 1.0, {"tof": float("nan")}, weights=weights)
        for codec, weights in (("ours", "aa"), ("x265", ""))
        for index in (1, 2)
    ]
    write_report(tmp_path, Results(points, {"tof": True}))
    assert "nothing measured" in (tmp_path / "plots" / "mean.svg").read_text("utf-8")


def test_mean_curves_leave_out_what_some_sequences_lack() -> None:
    points = [*_points("one", "ours", 1, "aa"), *_points("two", "ours", 3, "aa")[1:]]
    curve = Results(points, LOWER).mean_curve(["one", "two"], "ours", "dists")
    assert curve == [(pytest.approx(0.04 * 2**index), pytest.approx(0.25 - 0.05 * index)) for index in range(3)]


def test_plots_are_svg_with_every_point(tmp_path: Path) -> None:
    write_report(tmp_path, _results())
    plots = {path.name for path in (tmp_path / "plots").iterdir()}
    assert plots == {
        "mean.svg", "mean-of-B.svg", "mean-of-C.svg",
        "sequence-B-one.svg", "sequence-B-two.svg", "sequence-C-three.svg",
    }  # fmt: skip
    # Of the first panel's first curve: more bits are further right, less DISTS is further down.
    places = _first_line((tmp_path / "plots" / "sequence-B-one.svg").read_bytes())
    assert len(places) == 4
    assert places == sorted(places)
    assert [y for _, y in places] == sorted(y for _, y in places)


def _first_line(svg: bytes) -> list[tuple[float, float]]:
    """The corners of the first curve in a plot: the first path of a colour of ours with as many corners as points."""
    for path in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}path"):
        if "stroke: #0072b2" in path.attrib.get("style", "") and "fill: none" in path.attrib["style"]:
            numbers = [float(number) for number in re.findall(r"-?[\d.]+", path.attrib["d"])]
            return list(zip(numbers[::2], numbers[1::2], strict=True))
    raise AssertionError("there is no curve")


def test_the_same_panels_give_the_same_picture() -> None:
    panels = [Panel("dists", True, {"ours": [(0.01, 0.2), (0.02, 0.1)], "x265": [(0.03, 0.2)]})]
    assert chart("mean", panels) == chart("mean", panels)


def test_without_matplotlib_there_are_tables_and_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codec.reproduce.report.can_plot", lambda: False)
    page = write_report(tmp_path, _results()).read_text("utf-8")
    assert NO_PLOTS in page
    assert not (tmp_path / "plots").exists()
    assert (tmp_path / "bd_rates.csv").is_file()


def test_names_cannot_break_the_picture() -> None:
    root = ET.fromstring(chart("<a> & b", [Panel("d", True, {"<x>": [(0.01, 0.2)]})]))
    assert "<a> & b" in [element.text for element in root.iter()]
    assert file_name("../a b/c") == "..-a-b-c"


def test_what_a_paper_reports_of_the_same_set_stands_beside_and_is_not_mixed(tmp_path: Path) -> None:
    points = [
        *_points("HEVC_C/BQMall_832x480_60", "ours", 0.5, "aa"),
        *_points("HEVC_C/BQMall_832x480_60", "x265", 1.0),
    ]
    page = write_report(tmp_path, Results(points, LOWER)).read_text("utf-8")
    assert "## As published: HEVC class C, 480p" in page
    assert "arXiv 2609.02291" in page
    assert "| Free-GVC | -41.4 % | -44.2 % |" in page
    assert "| VTM | +293.0 % | not given |" in page
    assert "Free-GVC" not in (tmp_path / "bd_rates.csv").read_text()
    assert "As published" not in write_report(tmp_path, _results()).read_text("utf-8")
