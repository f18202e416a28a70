"""What is told of a target that is tried."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.core.comparing.trials import Trials
from app.core.document import of_source
from app.core.engine import Engine
from codec.encoder import encode
from codec.events import Finished
from codec.settings import EncodeSettings, Quality
from tests.support.codec_runs import cut_film
from tests.support.windows import PATIENCE

# At which the two scenes come out unlike each other.
TARGET = 0.25


@pytest.mark.slow
def test_a_trial_has_the_quality_that_its_file_would_have(qtbot: QtBot, tmp_path: Path) -> None:
    # A long scene and a short one.
    source = cut_film(tmp_path / "scenes.mkv", [20, 10])
    settings = EncodeSettings(goal=Quality(TARGET), short_side=32, gop_frames=48)
    made = list(encode(source, tmp_path / "a.fgvc", replace(settings, audio="none")))[-1]
    assert isinstance(made, Finished)
    assert made.quality is not None
    assert abs(np.mean([gop.quality or 0.0 for gop in made.gops]) - made.quality) > 1e-3
    trials = Trials(lambda: Engine(warm=False))
    trials.start(of_source(source, settings), settings, 0, [TARGET])
    qtbot.waitUntil(lambda: not trials.running, timeout=PATIENCE)
    assert trials.trials[0].quality == pytest.approx(made.quality, abs=1e-4)
    trials.close()
