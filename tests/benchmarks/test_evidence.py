"""The suite of evidence: its rows, what it leaves out, and the rates that it tells."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.evidence import __main__ as suite
from benchmarks.evidence.judging import EvidenceRow, Judges, append_row, block_edges, checkerboard, read_rows
from benchmarks.evidence.report import bd_rates, figures, groups, summary
from benchmarks.evidence.ways import OURS, WAYS
from benchmarks.evidence.work import Work, done
from benchmarks.results import weights_hash
from codec.files import append_line
from tests.support import DATA
from tests.support.films.moving_noise import moving_noise


def row(
    way: str, size: int, dists: float, clip: str = "03", lines: int = 144, judged_at: str = "coding"
) -> EvidenceRow:
    return EvidenceRow(
        clip,
        way,
        lines,
        judged_at,
        dists,
        size,
        0.01,
        1.0,
        0.0,
        10,
        {"dists": dists, "psnr": 40 - 50 * dists, "edges": 1.0},
    )


def curve(way: str, factor: float, clip: str = "03") -> list[EvidenceRow]:
    return [row(way, round(factor * 1000 * 2**step), 0.3 - 0.05 * step, clip) for step in range(4)]


def test_rates_are_by_clip_and_no_clip_is_left_out() -> None:
    far = [row("x265", 1000 * 2**step, 0.9 - 0.05 * step, "10") for step in range(4)]
    rows = [*curve(OURS, 0.5), *curve("x265", 1.0), *curve(OURS, 1.0, "10"), *far]
    rates = bd_rates(rows, "x265", "dists")
    assert rates == {"03": pytest.approx(-50), "10": None}
    assert summary(rates) == "-50.0 % (sd 0.0, -50.0 to -50.0), better on 1 of 1, 1 without a common range"
    assert figures(rows)["bd_rates"]["144 lines"]["x265"]["dists"] == rates


def test_at_the_sources_size_each_codec_takes_its_best_coding_size() -> None:
    measured = ((240, 500, 0.3), (480, 1000, 0.2), (240, 1000, 0.28))
    ours = [row(OURS, size, dists, lines=lines, judged_at="source") for lines, size, dists in measured]
    theirs = [row("x265", size, dists, lines=240, judged_at="source") for size, dists in ((1000, 0.3), (2000, 0.2))]
    ((name, group),) = groups([*ours, *theirs])
    assert "source" in name
    assert bd_rates(group, "x265", "dists")["03"] == pytest.approx(-50)


def test_rows_are_kept_one_a_line_and_a_torn_one_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    kept = curve(OURS, 1.0)
    for one in kept:
        append_row(path, one)
    path.write_text(path.read_text() + '{"clip": "03", "wa')
    assert list(read_rows(path)) == kept
    append_row(path, row("vvc", 5, 0.1))
    assert [one.way for one in read_rows(path)][-1] == "vvc"


def test_rows_of_other_weights_or_frames_are_none_of_todays(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    before = [row(OURS, 1, 0.1), row("x265", 2, 0.1), replace(row("vvc", 3, 0.1), frames=5)]
    for one in before:
        # As rows were kept that told neither.
        told = {name: value for name, value in asdict(one).items() if name not in ("asked", "weights")}
        append_line(path, json.dumps(told))
    assert suite.current(read_rows(path), 10) == [before[1]]
    (tmp_path / "03_scene.mp4").symlink_to(DATA / "scene.mp4")
    told = SimpleNamespace(folder=tmp_path, clips=["03"], lines=[144], ways=[OURS], metrics=[], frames=10)
    told.at_source = False
    known = {one.key for one in read_rows(path)}
    works = list(suite.wanted(told))  # type: ignore[arg-type]
    assert [work.weights for work in works] == [weights_hash()] * 5
    assert not known & {work.key for work in works}
    for work in works:
        kept = replace(row(OURS, 1, work.setting), weights=work.weights, asked=10, frames=7)
        assert kept.key == work.key
        assert suite.current([kept], 10) == [kept]


def test_block_edges_stand_out_where_there_are_some() -> None:
    smooth = moving_noise(2, 64, 64)
    means = smooth.reshape(2, 8, 8, 8, 8, 3).mean((2, 4), keepdims=True)
    blocks = np.broadcast_to(means, (2, 8, 8, 8, 8, 3)).reshape(smooth.shape)
    assert block_edges(smooth) == pytest.approx(1, abs=0.2)
    assert block_edges((0.5 * blocks + 0.5 * smooth).astype(np.uint8)) > 2


def test_a_checkerboard_of_single_pixels_stands_out() -> None:
    smooth = np.full((2, 32, 32, 3), 100, np.uint8)
    pattern = (np.indices((32, 32)).sum(0) % 2 * 4)[..., None].astype(np.uint8)
    stripes = (np.indices((32, 32))[0] % 2 * 4)[..., None].astype(np.uint8)
    assert checkerboard(smooth) == checkerboard(smooth + stripes) == pytest.approx(0.05)
    assert checkerboard(smooth + pattern) == pytest.approx(2, rel=0.01)


def test_judging_a_copy_finds_nothing_wrong() -> None:
    clip = moving_noise(6, 48, 64)
    values = Judges.load([])(clip, clip)
    assert values["psnr"] > 100
    assert values["edges"] == values["checkerboard"] == 1


@pytest.mark.parametrize("way", ["own-base", "svtav1-base"])
def test_a_base_is_coded_as_it_is_with_the_codecs_bytes_and_with_anybodys(way: str) -> None:
    clip = moving_noise(5, 64, 96)
    fine, coarse = (WAYS[way].make(clip, Fraction(25), crf) for crf in (30.0, 60.0))
    assert fine.frames.shape == clip.shape
    assert coarse.size < fine.size


def test_the_suite_makes_what_is_missing_only(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "03_scene.mp4").symlink_to(data / "scene.mp4")
    rows = tmp_path / "rows.jsonl"
    settings = WAYS["own-base"].settings
    works = [Work(tmp_path, "03", "own-base", 64, "source", setting, 4, (), "") for setting in settings]
    for work in works[1:]:
        append_row(
            rows,
            EvidenceRow(*work.key[:3], work.judged_at, work.setting, 7, 0.1, 1.0, 0.0, 4, {"psnr": 9.0, "edges": 1.0}),
        )
    made = done(works[0])
    assert made.key == works[0].key
    assert made.size > 0
    told = [
        str(tmp_path),
        str(rows),
        "--clips",
        "03",
        "--lines",
        "64",
        "--ways",
        "own-base",
        "--metrics",
        "--frames",
        "4",
    ]
    monkeypatch.setattr(sys, "argv", ["evidence", *told, "--at-source"])
    suite.main()
    kept = list(read_rows(rows))
    assert [one.key for one in kept] == [*(work.key for work in works[1:]), works[0].key]
    assert kept[-1].size == made.size
