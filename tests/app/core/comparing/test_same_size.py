"""A finished file beside real peers, through the window."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.core.comparing.kept import Comparison, Kept
from app.core.comparing.peers import Peers
from app.core.document import of_result
from app.core.engine import Engine
from app.core.playing.clock import FrameClock
from app.core.playing.player import ORIGINAL, OTHER, RESULT, Player
from app.core.settings.preferences import Preferences
from app.core.workspace import Workspace
from app.ui.main_window import MainWindow
from app.ui.panels.peers import PeersPanel
from app.ui.report import report
from app.ui.theme import DARK, Theme
from codec.encoder import encode
from codec.format.info import describe
from codec.peers.codecs import PEERS
from codec.peers.events import PeerRow
from codec.settings import Bitrate, EncodeSettings
from tests.support import PATIENCE

# The prior without weights is enough here, and quick.
QUICK = EncodeSettings(prior="gaussian", goal=Bitrate(60_000), short_side=64, gop_frames=16, base="av1")


@pytest.fixture(scope="module")
def coded(short_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(source, the file made of it)."""
    source = Path(shutil.copy(short_clip, tmp_path_factory.mktemp("peers") / "scene.mkv"))
    for _ in encode(source, source.with_suffix(".fgvc"), QUICK):
        pass
    return source, source.with_suffix(".fgvc")


@pytest.fixture
def window(qtbot: QtBot, qapp: QApplication, coded: tuple[Path, Path], tmp_path: Path) -> Iterator[MainWindow]:
    preferences = Preferences(QSettings(str(tmp_path / "preferences.ini"), QSettings.Format.IniFormat))
    theme = Theme(qapp, "dark")
    workspace = Workspace(preferences, tmp_path / "state")
    made = MainWindow(workspace, theme)
    qtbot.addWidget(made)
    made.show()
    source, result = coded
    workspace.open([result])
    assert workspace.document is not None
    # A file that was dropped doesn't say where its source is; a job of the queue does.
    workspace.look_at(replace(workspace.document, source=source))
    yield made
    made.close()
    workspace.deleteLater()
    theme.deleteLater()


@pytest.mark.slow
def test_peers_of_the_same_size_become_panes_and_points(
    qtbot: QtBot,
    window: MainWindow,
    coded: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # VVC takes longer than all else here, and is to the window what the others are.
    monkeypatch.setattr("app.core.comparing.peers.PEERS", {name: PEERS[name] for name in ("x265", "svtav1")})
    panel, player, comparing = window.peers, window.workspace.player, window.workspace.peers
    shares: list[float] = []
    comparing.changed.connect(lambda: shares.append(comparing.share))
    panel.start.click()
    assert panel.stop.isVisible()
    qtbot.waitUntil(lambda: not comparing.running, timeout=PATIENCE)
    rows = {row.codec: row for row in comparing.comparison.rows}
    assert set(rows) == {"fgvc", "x265", "svtav1"}
    assert all(row.bytes <= rows["fgvc"].bytes for row in rows.values())
    assert rows["fgvc"].bytes <= describe(coded[1]).bytes
    assert shares == sorted(shares)
    assert len(set(shares)) > 5
    assert {cells[0] for cells in panel.rows} >= {"Free-GVC", "HEVC (x265)", "AV1 (SVT)"}

    # Each is a pane, in place of the original or of the reconstruction.
    panel.first.setCurrentIndex(panel.first.findData(RESULT))
    panel.second.setCurrentIndex(panel.second.findData("x265"))
    panel.second.activated.emit(panel.second.currentIndex())
    assert player.sides == (RESULT, "x265")
    window.workspace.clock.seek(20)
    qtbot.waitUntil(lambda: player.original is not None, timeout=PATIENCE)
    seen, original = player.picture("x265"), player.original
    assert seen is not None
    assert original is not None
    assert seen.shape == original.shape
    assert np.abs(seen.astype(int) - original).mean() < 20
    assert (seen != original).any()

    # And a point of the plot.
    marks = {mark.name: mark for mark in window.plots.perception.marks}
    assert set(marks) >= {"Free-GVC", "HEVC (x265)"}
    assert marks["HEVC (x265)"].bits == pytest.approx(8 * rows["x265"].bytes / len(window.plots.trajectory.gops))
    window.plots.perception.export_csv(tmp_path / "rate.csv")
    with (tmp_path / "rate.csv").open() as file:
        assert "HEVC (x265)" in {row["point"] for row in csv.DictReader(file)}

    # Another file has nothing of it; looked at again, it is there.
    document = window.workspace.document
    assert document is not None
    window.workspace.open([coded[0]])
    assert player.sides == (ORIGINAL, RESULT)
    assert not panel.rows
    window.workspace.look_at(document)
    assert {row.codec for row in comparing.comparison.rows} == {"fgvc", "x265", "svtav1"}
    assert player.others == ("x265", "svtav1")


@pytest.mark.slow
def test_a_comparison_can_be_stopped(qtbot: QtBot, window: MainWindow) -> None:
    comparing = window.workspace.peers
    window.peers.start.click()
    qtbot.waitUntil(lambda: comparing.comparison.trial is not None, timeout=PATIENCE)
    window.peers.stop.click()
    qtbot.waitUntil(lambda: not comparing.running, timeout=PATIENCE)
    assert window.peers.start.isVisible()
    assert not window.banner.isVisible()


@pytest.mark.slow
def test_without_vvc_the_window_says_so(qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    # The child finds neither ffmpeg on its path nor imageio-ffmpeg's own.
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", "/nowhere/ffmpeg")
    comparing = window.workspace.peers
    window.peers.start.click()
    qtbot.waitUntil(lambda: bool(comparing.comparison.absent), timeout=PATIENCE)
    assert "imageio-ffmpeg" in window.peers.note
    comparing.cancel()
    qtbot.waitUntil(lambda: not comparing.running, timeout=PATIENCE)


def test_the_choice_of_panes_follows_the_player(qtbot: QtBot, qapp: QApplication) -> None:
    del qapp
    player = Player(FrameClock())
    panel = PeersPanel(Peers(Engine), player)
    qtbot.addWidget(panel)
    player.show_others({"x265": np.zeros((1, 2, 2, 3), np.uint8)})
    player.choose(RESULT, "x265")
    assert (panel.first.currentData(), panel.second.currentData()) == (RESULT, "x265")
    player.beside.open("other.mkv", 1, None)
    player.choose(OTHER, RESULT)
    assert (panel.first.currentData(), panel.second.currentData()) == (OTHER, RESULT)
    # What is not chosen stays as it was.
    panel.second.setCurrentIndex(panel.second.findData("x265"))
    panel.second.activated.emit(panel.second.currentIndex())
    assert player.sides == (OTHER, "x265")
    player.close()


def test_a_codec_that_is_clearly_smaller_is_marked(qtbot: QtBot, qapp: QApplication) -> None:
    del qapp
    peers, player = Peers(Engine), Player(FrameClock())
    panel = PeersPanel(peers, player)
    qtbot.addWidget(panel)
    sizes = {"fgvc": 5000, "x265": 4800, "vvc": 4000}
    rows = tuple(PeerRow(name, "", size, 0.03, {"dists": 0.2}) for name, size in sizes.items())
    peers.kept.put(Path("a.fgvc"), Comparison(Path("a.fgvc"), 1, 10, rows))
    peers.show(Path("a.fgvc"))
    assert [cells[1] for cells in panel.rows] == ["5.0 kB", "4.8 kB", "4.0 kB (-20%)"]
    # Another file has its own.
    peers.show(Path("b.fgvc"))
    assert not panel.rows
    peers.show(Path("a.fgvc"))
    assert len(panel.rows) == 3


def test_figures_of_all_files_stay_and_pictures_as_far_as_there_is_room(qtbot: QtBot) -> None:
    clip = np.zeros((4, 8, 8, 3), np.uint8)
    peers, player = Peers(Engine), Player(FrameClock())
    peers.kept = kept = Kept(limit=3 * clip.nbytes)
    panel = PeersPanel(peers, player)
    qtbot.addWidget(panel)
    files = [Path(f"{number}.fgvc") for number in range(6)]
    for file in files:
        rows = tuple(PeerRow(name, "", 1000, 0.03, {"dists": 0.2}) for name in ("fgvc", "x265", "svtav1"))
        kept.put(file, Comparison(file, 1, 4, rows, 4))
        for name in ("x265", "svtav1"):
            kept.put_pictures(file, name, clip)
    assert all(kept.comparison(file).rows for file in files)
    assert [list(kept.pictures(file)) for file in files[-3:]] == [[], ["svtav1"], ["x265", "svtav1"]]
    peers.show(files[-2])
    assert len(panel.rows) == 3
    assert panel.note == "There was no room in memory to keep the pictures of HEVC (x265)."
    peers.show(files[-1])
    assert not panel.note
    # One that is too large alone is not kept either.
    kept.put_pictures(files[0], "vvc", np.zeros((13, 8, 8, 3), np.uint8))
    assert not any(kept.pictures(file) for file in files)


def test_a_file_that_is_written_again_is_another(qtbot: QtBot, window: MainWindow, short_clip: Path) -> None:
    workspace, comparing = window.workspace, window.workspace.peers
    rows = (PeerRow("fgvc", "", 1000, 0.03, {"dists": 0.2}),)
    workspace.preferences.encode = QUICK
    source = Path(shutil.copy(short_clip, workspace.crash_log.parent / "scene.mkv"))
    workspace.open([source])
    job = workspace.job
    assert job is not None
    other = Path("other.fgvc")
    for file in (job.output, other):
        comparing.kept.put(file, Comparison(file, 1, 30, rows, 30))
    with qtbot.waitSignal(workspace.ended, timeout=PATIENCE):
        workspace.orders.start_queue()
    assert comparing.comparison == Comparison()
    assert not window.peers.rows
    assert comparing.kept.comparison(other).rows == rows


def test_codecs_at_work_for_a_file_that_is_written_again_are_stopped(qtbot: QtBot, window: MainWindow) -> None:
    comparing = window.workspace.peers
    window.peers.start.click()
    qtbot.waitUntil(lambda: comparing.comparison.trial is not None, timeout=PATIENCE)
    file = comparing.comparison.file
    assert file is not None
    comparing.forget(file)
    assert not comparing.running
    assert comparing.comparison == Comparison()
    assert window.peers.start.isEnabled()
    assert not window.banner.isVisible()


def test_what_a_comparison_leaves_out_stands_beside_its_figures(
    qtbot: QtBot, window: MainWindow, coded: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.core.comparing.peers.PEERS", {})
    source, whole = coded
    cut = tmp_path / "cut.fgvc"
    cut.write_bytes(whole.read_bytes()[:-40])
    workspace = window.workspace
    workspace.look_at(of_result(cut, source))
    window.peers.start.click()
    qtbot.waitUntil(lambda: not workspace.peers.running, timeout=PATIENCE)
    assert len(window.peers.rows) == 1
    assert "Only what comes before it is compared." in window.peers.note
    assert "Only what comes before it is compared." in workspace.log.text
    assert workspace.document is not None
    page = report(workspace.document, workspace.peers.comparison, {}, DARK, {})
    assert "Only what comes before it is compared." in page
