"""Finished files on the canvas: at the source's own size, and wherever one seeks to."""

from __future__ import annotations

import shutil
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QFileDialog, QScrollArea
from pytestqt.qtbot import QtBot

from app.core.document import of_result
from app.core.engine import Engine
from app.core.playing.clock import FrameClock
from app.core.playing.playback import Decoding, Playback, Reel
from app.core.playing.player import Player
from app.core.timing import Timing
from app.ui.canvas.filmstrip import COUNT
from app.ui.canvas.painting import fitted
from app.ui.canvas.sides import Mode
from app.ui.main_window import MainWindow
from app.ui.words import pane_label
from codec.decoder import decode
from codec.encoder import encode
from codec.settings import Bitrate, DecodeSettings, EncodeSettings
from codec.video import VideoReader
from codec.worker.tasks import Reached
from tests.support.windows import PATIENCE, drop, film

QUICK = EncodeSettings(prior="gaussian", base="none", goal=Bitrate(60_000), short_side=64, gop_frames=16)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(a film of three scenes at 192x128, the file made of it at half that size)."""
    source = film(tmp_path_factory.mktemp("scenes") / "scenes.mkv", 192, 128, scenes=3, frames=24)
    for _ in encode(source, source.with_suffix(".fgvc"), QUICK):
        pass
    return source, source.with_suffix(".fgvc")


def test_both_sides_are_compared_at_the_sources_own_size_and_say_theirs(
    qtbot: QtBot, window: MainWindow, scenes: tuple[Path, Path], tmp_path: Path
) -> None:
    source, result = scenes
    workspace, player = window.workspace, window.workspace.player
    workspace.look_at(replace(of_result(result), source=source))
    assert player.size == (192, 128)
    qtbot.waitUntil(lambda: player.picture("original") is not None, timeout=PATIENCE)
    qtbot.waitUntil(lambda: player.picture("fgvc") is not None, timeout=PATIENCE)
    with VideoReader(source) as reader:
        first = next(reader.frames()).pixels
    original, made = player.picture("original"), player.picture("fgvc")
    assert original is not None
    assert made is not None
    assert (original == first).all()
    # Scaled exactly as decoding writes it.
    for _ in decode(result, tmp_path / "out.mkv", DecodeSettings()):
        pass
    with VideoReader(tmp_path / "out.mkv") as reader:
        assert (made == next(reader.frames()).pixels).all()
    labels = [side.label for side in window.view.sides()]
    assert labels == ["Original 192\u00d7128", "Free-GVC 96\u00d764, scaled"]
    window.actions_["zoom 4"].trigger()
    assert window.view.zoom == 1.0

    # What is saved has that size too; coding size is a choice.
    window.actions_["pair"].trigger()
    saved = sorted(result.parent.glob("scenes-000000-*.png"))
    assert [QImage(str(path)).width() for path in saved] == [192, 192]
    window.actions_["coding size"].trigger()
    qtbot.waitUntil(lambda: player.picture("original") is not None, timeout=PATIENCE)
    labels = [side.label for side in window.view.sides()]
    assert labels == ["Original 96\u00d764, shrunk", "Free-GVC 96\u00d764"]
    assert workspace.preferences.at_coding_size
    for path in saved:
        path.unlink()


def test_figures_say_at_which_size_they_were_taken(qtbot: QtBot, window: MainWindow, scenes: tuple[Path, Path]) -> None:
    source, result = scenes
    workspace = window.workspace
    workspace.look_at(replace(of_result(result), source=source))
    # By itself at coding size, asked for at the size that is shown.
    qtbot.waitUntil(lambda: "at 96\u00d764:" in window.view.metrics_text, timeout=PATIENCE)
    window.actions_["measure"].trigger()
    qtbot.waitUntil(lambda: "at 192\u00d7128:" in window.view.metrics_text, timeout=PATIENCE)


def test_a_region_ends_with_the_pictures_that_it_was_framed_in(window: MainWindow, scenes: tuple[Path, Path]) -> None:
    source, result = scenes
    workspace, metrics = window.workspace, window.workspace.frame_metrics
    document = replace(of_result(result), source=source)
    workspace.look_at(document)
    for change in (window.actions_["coding size"].trigger, lambda: workspace.look_at(document)):
        window.view.choose_region(QRectF(10, 10, 20, 20))
        assert metrics.region == (10, 10, 20, 20)
        change()
        assert metrics.region is None
        assert window.view.region is None


def test_a_side_is_hidden_only_where_there_are_two(window: MainWindow, scenes: tuple[Path, Path]) -> None:
    source, result = scenes
    window.workspace.look_at(replace(of_result(result), source=source))
    hide = window.actions_["hide first"]
    hide.trigger()
    assert [side.name for side in window.view.sides()] == ["fgvc"]
    assert (hide.text(), hide.isChecked()) == ("Hide the first side", True)
    hide.trigger()
    assert [side.name for side in window.view.sides()] == ["original", "fgvc"]
    assert not hide.isChecked()
    hide.trigger()
    window.workspace.open([source])
    assert [side.name for side in window.view.sides()] == ["original"]


def test_a_label_says_what_was_done() -> None:
    small = np.zeros((4, 6, 3), np.uint8)
    assert pane_label("fgvc", None, (6, 4)) == "Free-GVC"
    assert pane_label("fgvc", small, (6, 4)) == "Free-GVC 6\u00d74"
    assert pane_label("fgvc", small, (12, 8)) == "Free-GVC 6\u00d74, scaled"
    assert pane_label("original", small, (6, 4), (12, 8)) == "Original 6\u00d74, shrunk"


@pytest.fixture
def playing(qtbot: QtBot, engine: Engine, scenes: tuple[Path, Path]) -> tuple[Playback, Player, Reel]:
    del qtbot
    document = of_result(scenes[1])
    player = Player(FrameClock())
    player.clock.set_video(document.count, Timing(Fraction(25)))
    gops = tuple(gop.start_frame for gop in document.gops)
    reel = Reel(scenes[1], DecodeSettings(), 96 * 64 * 3, gops, document.chains)
    return Playback(engine, player), player, reel


def test_a_seek_ends_what_is_decoded_and_begins_at_the_chain_that_holds_the_frame(
    qtbot: QtBot, engine: Engine, playing: tuple[Playback, Player, Reel]
) -> None:
    playback, player, reel = playing
    assert reel.chains == (0, 24, 48)

    def seek(messages: tuple[object, ...]) -> None:
        if any(isinstance(message, Reached) for message in messages):
            engine.told.disconnect(seek)
            # Held, so that it has not come to the middle by itself before it hears of the seek.
            engine.pause()
            player.clock.seek(70)

    engine.told.connect(seek)
    playback.load(reel)
    assert playback.decoding == Decoding(0, None)
    qtbot.waitUntil(lambda: 70 in player.store, timeout=PATIENCE)
    assert not any(24 <= frame < 48 for begin, end in player.store.ranges() for frame in range(begin, end))
    assert playback.decoding is None
    # Back in the first scene, what is missing there is decoded.
    player.clock.seek(20)
    qtbot.waitUntil(lambda: 20 in player.store, timeout=PATIENCE)


def test_a_seek_within_what_is_being_decoded_waits_for_it(
    qtbot: QtBot, engine: Engine, playing: tuple[Playback, Player, Reel]
) -> None:
    playback, player, reel = playing
    ends: list[object] = []
    engine.settled.connect(ends.append)
    playback.load(reel)
    player.clock.seek(23)
    assert playback.decoding == Decoding(reel.gop_of(23), None)
    qtbot.waitUntil(lambda: 23 in player.store, timeout=PATIENCE)
    assert not ends or len(ends) == 1


def test_what_ends_the_file_before_is_not_charged_to_the_one_that_is_open(
    qtbot: QtBot, engine: Engine, playing: tuple[Playback, Player, Reel], tmp_path: Path
) -> None:
    playback, player, reel = playing
    told: list[str] = []
    playback.failed.connect(told.append)
    playback.load(replace(reel, path=tmp_path / "gone.fgvc"))
    playback.load(reel)
    qtbot.waitUntil(lambda: 0 in player.store, timeout=PATIENCE)
    # Nor is a crash, here of a child that is held.
    qtbot.waitUntil(lambda: not engine.busy, timeout=PATIENCE)
    playback.load(reel)
    engine.pause()
    playback.adopt(replace(reel))
    with qtbot.waitSignal(engine.crashed, timeout=PATIENCE):
        engine.kill()
    qtbot.waitUntil(lambda: 0 in player.store, timeout=PATIENCE)
    assert not told


def test_a_file_whose_end_is_missing_says_so(window: MainWindow, scenes: tuple[Path, Path], tmp_path: Path) -> None:
    cut = tmp_path / "cut.fgvc"
    data = scenes[1].read_bytes()
    cut.write_bytes(data[: len(data) * 3 // 4])
    drop(window, cut)
    assert window.banner.isVisible()
    assert window.banner.message.startswith("The end of cut.fgvc is missing")
    assert "ends without its index" in window.workspace.log.text
    assert window.workspace.document is not None


def test_the_filmstrip_shows_the_source_and_how_each_frame_looks(
    qtbot: QtBot, window: MainWindow, scenes: tuple[Path, Path]
) -> None:
    source, result = scenes
    workspace = window.workspace
    workspace.look_at(replace(of_result(result), source=source))
    qtbot.waitUntil(lambda: window.filmstrip.pictures == COUNT, timeout=PATIENCE)
    # Frames are measured in the background, as far as they are decoded.
    qtbot.waitUntil(lambda: len(workspace.curve.values) >= 10, timeout=PATIENCE)
    assert all(0 < value < 1 for value in workspace.curve.values.values())
    # What the user asks for comes between.
    window.actions_["measure"].trigger()
    qtbot.waitUntil(lambda: "at 192\u00d7128:" in window.view.metrics_text, timeout=PATIENCE)
    with qtbot.waitSignal(window.filmstrip.seeked):
        qtbot.mouseClick(window.filmstrip, Qt.MouseButton.LeftButton, pos=QPoint(window.filmstrip.width() - 9, 5))
    assert workspace.clock.frame == 71
    # Another file has another curve, and one that is not coded none.
    workspace.open([source])
    assert not workspace.curve.values
    qtbot.waitUntil(lambda: window.filmstrip.pictures == COUNT, timeout=PATIENCE)


def test_any_video_can_be_shown_beside_a_file(
    qtbot: QtBot, window: MainWindow, scenes: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, result = scenes
    drop(window, result)
    player = window.workspace.player
    assert not player.has_original
    assert window.filmstrip.height() == 0
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(source), ""))
    window.actions_["beside"].trigger()
    qtbot.waitUntil(lambda: player.picture("original") is not None, timeout=PATIENCE)
    assert player.has_result
    assert window.filmstrip.height() > 0


def test_the_result_of_a_job_that_waits_can_go_elsewhere(
    window: MainWindow, scenes: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(window, scenes[0])
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "mine"), ""))
    window.actions_["save as"].trigger()
    assert [job.output for job in window.workspace.queue] == [tmp_path / "mine.fgvc"]
    # The coding size may be the source's own.
    assert window.settings.side.findText("As the source (128)") > 0
    assert window.settings.side.itemText(0) == "Automatic (144 to 720)"


def test_any_other_file_stands_beside_and_can_be_shifted(
    qtbot: QtBot, window: MainWindow, scenes: tuple[Path, Path], tmp_path: Path
) -> None:
    source, result = scenes
    workspace, player = window.workspace, window.workspace.player
    second = tmp_path / "second.fgvc"
    for _ in encode(source, second, replace(QUICK, goal=Bitrate(9_000), duration=1.6)):
        pass
    workspace.look_at(replace(of_result(result), source=source))
    assert not window.actions_["other"].isEnabled()

    # Two results of one source.
    workspace.compare_with(second)
    assert player.sides == ("other", "fgvc")
    for frame in (0, 30):
        workspace.clock.seek(frame)
        qtbot.waitUntil(lambda: player.stored("other") is not None, timeout=PATIENCE)
        qtbot.waitUntil(lambda: player.stored("fgvc") is not None, timeout=PATIENCE)
    assert (player.stored("other") != player.stored("fgvc")).any()  # type: ignore[union-attr]
    qtbot.waitUntil(lambda: all(side.pixels is not None for side in window.view.sides()), timeout=PATIENCE)
    assert next(side.label for side in window.view.sides()) == "second.fgvc 96\u00d764, scaled"
    # It is the shorter one: playing goes on without it.
    workspace.clock.seek(60)
    assert player.is_over("other")
    assert player.beside.ready(60)
    assert window.view.why_empty("other").text == "It has no frame here"
    workspace.clock.seek(30)

    before = player.stored("other")
    for name in ("ahead", "ahead", "behind"):
        window.actions_[name].trigger()
    assert player.shifted == 1
    qtbot.waitUntil(lambda: player.stored("other") is not None, timeout=PATIENCE)
    assert player.stored("other") is player.beside.store.peek(31)
    assert player.stored("other") is not before
    assert next(side.label for side in window.view.sides()).endswith(", +1 frames")
    window.actions_["other"].trigger()
    assert player.sides == ("original", "fgvc")
    window.actions_["in step"].trigger()
    assert player.shifted == 0

    # A video, beside a source that is not coded yet.
    window.actions_["alone"].trigger()
    assert not player.exists("other")
    assert workspace.viewer.second is None
    copy = tmp_path / "copy.mkv"
    copy.write_bytes(source.read_bytes())
    workspace.open([copy])
    workspace.compare_with(source)
    assert player.sides == ("original", "other")
    qtbot.waitUntil(lambda: player.stored("other") is not None and player.original is not None, timeout=PATIENCE)
    assert (player.stored("other") == player.original).all()
    window.actions_["measure"].trigger()
    qtbot.waitUntil(lambda: window.view.metrics_text.startswith("Other file, frame 0"), timeout=PATIENCE)
    workspace.compare_with(tmp_path / "none.mkv")
    assert "none.mkv" in window.banner.message


def test_without_another_file_it_is_the_original_that_is_shifted(
    qtbot: QtBot, window: MainWindow, scenes: tuple[Path, Path]
) -> None:
    source, result = scenes
    workspace, player = window.workspace, window.workspace.player
    workspace.look_at(replace(of_result(result), source=source))
    workspace.clock.seek(10)
    window.actions_["behind"].trigger()
    with VideoReader(source) as reader:
        ninth = list(islice(reader.frames(), 10))[9].pixels
    qtbot.waitUntil(lambda: player.original is not None, timeout=PATIENCE)
    assert (player.original == ninth).all()
    workspace.clock.seek(0)
    assert player.is_over("original")
    assert player.original is None


def test_a_file_of_another_shape_keeps_it(
    qtbot: QtBot, window: MainWindow, scenes: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, _ = scenes
    tall = film(tmp_path / "tall.mkv", 64, 128)
    window.workspace.open([Path(shutil.copy(source, tmp_path / "wide.mkv"))])
    window.workspace.compare_with(tall)
    told: list[str] = []
    monkeypatch.setattr("app.ui.canvas.compare_view.paint_wait", lambda *words: told.append(words[2]))
    window.view.set_mode(Mode.DIFFERENCE)
    player = window.workspace.player
    qtbot.waitUntil(lambda: player.picture("original") is not None, timeout=PATIENCE)
    qtbot.waitUntil(lambda: player.picture("other") is not None, timeout=PATIENCE)
    picture = player.picture("other")
    assert picture is not None
    assert picture.shape == (128, 64, 3)
    assert fitted(QRectF(0, 0, 192, 128), picture) == QRectF(64, 0, 64, 128)
    window.view.grab()
    assert told[-1] == "Pictures of two shapes have no difference to show"
    # What coding has rounded fills its place.
    assert fitted(QRectF(0, 0, 192, 128), np.zeros((64, 92, 3), np.uint8)) == QRectF(0, 0, 192, 128)


def test_the_figures_of_a_finished_file_fit_the_side_column(window: MainWindow, scenes: tuple[Path, Path]) -> None:
    source, result = scenes
    document = of_result(result, source)
    assert document.info is not None
    window.workspace.look_at(replace(document, info=replace(document.info, quality_at_source=0.4)))
    assert window.readouts.text("speed") == "0.400"
    for area in window.findChildren(QScrollArea):
        inside = area.widget()
        assert inside.minimumSizeHint().width() <= area.viewport().width()
