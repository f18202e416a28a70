"""Sources of two fields a frame: what is shown, measured and compared is what the encode saw."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.core.comparing.peers import Peers
from app.core.document import Document
from app.core.engine import Engine
from app.core.jobs.job import Job, State
from app.core.jobs.shown import document_of
from app.core.playing.pictures.original import OriginalReader
from app.ui.main_window import MainWindow
from codec.encoder import encode
from codec.settings import Bitrate, EncodeSettings
from codec.video import VideoReader
from tests.support.films.fields import combing, interlaced
from tests.support.windows import PATIENCE

QUICK = EncodeSettings(prior="gaussian", base="av1", goal=Bitrate(400_000), short_side=64, gop_frames=16)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return interlaced(tmp_path / "fields.ts", 40)


def _document(source: Path, deinterlace: str) -> Document:
    """What is looked at with a finished job."""
    settings, output = replace(QUICK, deinterlace=deinterlace), source.with_suffix(f".{deinterlace}.fgvc")
    for _ in encode(source, output, settings):
        pass
    job = Job(source, output, settings, State.DONE)
    return document_of(job, [job])


@pytest.mark.parametrize("deinterlace", ["auto", "off"])
def test_the_original_is_what_the_encode_saw_however_a_frame_is_reached(
    qtbot: QtBot, source: Path, deinterlace: str
) -> None:
    with VideoReader(source, deinterlace=deinterlace == "auto") as reader:
        straight = [frame.pixels for frame in reader.frames()]
    thread = OriginalReader(source, None, deinterlace=deinterlace)
    thread.start()
    try:
        for number in (0, 5, 39, 38, 2):
            qtbot.waitUntil(lambda n=number: thread.frame(n) is not None, timeout=PATIENCE)  # type: ignore[misc]
            assert np.array_equal(thread.frame(number), straight[number])  # type: ignore[arg-type]
    finally:
        thread.close()


def test_a_job_says_how_its_source_is_shown(qtbot: QtBot, window: MainWindow, source: Path) -> None:
    player = window.workspace.player
    combs = {}
    for deinterlace in ("auto", "off"):
        window.workspace.look_at(_document(source, deinterlace))
        qtbot.waitUntil(lambda: player.original is not None, timeout=PATIENCE)
        assert player.original is not None
        combs[deinterlace] = combing([player.original])
    assert combs["auto"] < 1
    assert combs["off"] > 5


def test_other_codecs_are_compared_on_what_the_encode_saw(
    qtbot: QtBot, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Our own row tells what it was compared with.
    monkeypatch.setattr("app.core.comparing.peers.PEERS", {})
    document = _document(source, "off")
    quality = {}
    for deinterlace in ("off", "auto"):
        peers = Peers(lambda: Engine(warm=False))
        peers.start(replace(document, deinterlace=deinterlace))
        qtbot.waitUntil(lambda peers=peers: not peers.running, timeout=PATIENCE)  # type: ignore[misc]
        quality[deinterlace] = peers.comparison.rows[0].metrics["psnr"]
    assert quality["off"] > quality["auto"]
