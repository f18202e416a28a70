"""Figures of what is shown, and what becomes of them when their child is lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.core.document import Document, of_result
from app.core.engine import Engine
from app.core.playing.clock import FrameClock
from app.core.playing.measuring.frame_metrics import FrameMetrics
from app.core.playing.measuring.quality_curve import QualityCurve
from app.core.playing.pictures.original import OriginalReader
from app.core.playing.player import Player
from app.core.timing import Timing
from codec.encoder import encode
from codec.events import PreviewReady
from codec.settings import Bitrate, EncodeSettings
from tests.support import PATIENCE
from tests.support.windows import film, lose_children

QUICK = EncodeSettings(prior="gaussian", base="none", goal=Bitrate(60_000), short_side=64, gop_frames=16)


@pytest.fixture
def document(tmp_path: Path) -> Document:
    source = film(tmp_path / "film.mkv", 96, 64)
    for _ in encode(source, tmp_path / "film.fgvc", QUICK):
        pass
    return replace(of_result(tmp_path / "film.fgvc"), source=source)


@pytest.fixture
def player(qtbot: QtBot, document: Document) -> Iterator[Player]:
    made = Player(FrameClock())
    made.clock.set_video(document.count, Timing(Fraction(25)))
    assert document.source is not None
    made.show_original(OriginalReader(document.source, None, 0.0, made))
    made.show_result(expected=True)
    made.take(PreviewReady(0, 0, np.full((document.count, 64, 96, 3), 90, np.uint8)))
    qtbot.waitUntil(lambda: made.original is not None, timeout=PATIENCE)
    yield made
    made.close()


def test_a_child_that_is_lost_while_it_measures_is_told_and_the_next_one_measures(
    qtbot: QtBot, engine: Engine, player: Player
) -> None:
    metrics = FrameMetrics(player, engine, lambda: False)
    metrics.measure()
    with qtbot.waitSignal(metrics.refused, timeout=PATIENCE) as refused:
        lose_children(qtbot)
    assert "ended by the system" in refused.args[0]
    with qtbot.waitSignal(metrics.measured, timeout=PATIENCE):
        metrics.measure()
    metrics.close()


def test_a_curve_whose_child_is_lost_says_so_and_tries_that_file_no_more(
    qtbot: QtBot, engine: Engine, player: Player, document: Document
) -> None:
    curve = QualityCurve(player, engine, lambda: True)
    curve.show(document)
    qtbot.waitUntil(lambda: engine.busy, timeout=PATIENCE)
    with qtbot.waitSignal(curve.refused, timeout=PATIENCE):
        lose_children(qtbot)
    player.filled.emit()
    assert not engine.busy
    # Another file may be another matter.
    curve.show(document)
    qtbot.waitUntil(lambda: bool(curve.values), timeout=PATIENCE)
    curve.close()


def test_a_curve_that_is_refused_a_frame_says_so_once_and_asks_no_more(
    qtbot: QtBot, engine: Engine, player: Player, document: Document
) -> None:
    player.take(PreviewReady(0, 0, np.full((document.count, 8, 12, 3), 90, np.uint8)))
    curve = QualityCurve(player, engine, lambda: True)
    ends: list[object] = []
    engine.settled.connect(ends.append)
    with qtbot.waitSignal(curve.refused, timeout=PATIENCE) as refused:
        curve.show(document)
    assert "these are 12x8" in refused.args[0]
    assert not engine.busy
    player.filled.emit()
    assert not engine.busy
    assert len(ends) == 1
    curve.close()


def test_a_region_too_small_for_some_metrics_has_the_others_figures(
    qtbot: QtBot, engine: Engine, player: Player
) -> None:
    metrics = FrameMetrics(player, engine, lambda: False)
    metrics.region = (10, 10, 20, 20)
    told: list[str] = []
    metrics.refused.connect(told.append)
    with qtbot.waitSignal(metrics.measured, timeout=PATIENCE) as measured:
        metrics.measure()
    assert measured.args[0].values.keys() == {"psnr", "ms-ssim", "dists"}
    assert (measured.args[0].width, measured.args[0].height) == (20, 20)
    assert not told
    metrics.close()


def test_what_one_of_them_loses_the_other_goes_on_with(
    qtbot: QtBot, engine: Engine, player: Player, document: Document
) -> None:
    metrics, curve = FrameMetrics(player, engine, lambda: False), QualityCurve(player, engine, lambda: True)
    told: list[str] = []
    curve.refused.connect(told.append)
    metrics.measure()
    curve.show(document)
    with qtbot.waitSignal(metrics.refused, timeout=PATIENCE):
        lose_children(qtbot)
    qtbot.waitUntil(lambda: bool(curve.values), timeout=PATIENCE)
    assert not told
    curve.close()
    metrics.close()


def test_figures_that_were_asked_for_stay_while_the_same_pictures_are_painted_anew(
    qtbot: QtBot, engine: Engine, player: Player
) -> None:
    metrics = FrameMetrics(player, engine, lambda: True)
    metrics.region = (10, 10, 40, 40)
    with qtbot.waitSignal(metrics.measured, timeout=PATIENCE):
        metrics.measure()
    with qtbot.assertNotEmitted(metrics.stale):
        # As at the end of an encode, and whenever a comparison with other codecs has come further.
        player.take(PreviewReady(0, 0, np.full((1, 64, 96, 3), 90, np.uint8)))
        player.show_others({"x265": np.zeros((1, 64, 96, 3), np.uint8)})
    with qtbot.waitSignal(metrics.stale, timeout=PATIENCE):
        player.take(PreviewReady(0, 0, np.full((1, 64, 96, 3), 91, np.uint8)))
    metrics.close()


def test_figures_that_were_asked_for_are_of_the_picture_that_has_come_meanwhile(
    qtbot: QtBot, engine: Engine, player: Player
) -> None:
    metrics = FrameMetrics(player, engine, lambda: False)
    told: list[float] = []
    metrics.measured.connect(lambda measured, _: told.append(measured.values["psnr"]))
    metrics.measure()
    player.take(PreviewReady(0, 0, np.full((1, 64, 96, 3), 250, np.uint8)))
    qtbot.waitUntil(lambda: bool(told), timeout=PATIENCE)
    metrics.measure()
    qtbot.waitUntil(lambda: len(told) > 1, timeout=PATIENCE)
    assert told[0] == told[1]
    metrics.close()
