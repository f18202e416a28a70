"""What the controller's benchmark goes on with: rows of today's weights, and those of the other state."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import results
from benchmarks.control import controller
from benchmarks.control.controller import Encode


def _row(state: str, **more: int) -> Encode:
    return Encode(state, "03", 144, 0.15, 1000, 9.0, 9.0, 1.0, [0.15], [3], [8], [60.0], [5], **more)


@pytest.fixture
def results_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(controller, "FOLDER", tmp_path)
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    results.save(controller.NAME, controller.figures([_row("this"), _row("other", frames=50)]), uses_weights=True)
    return tmp_path


def test_clips_that_one_state_alone_has_encoded_are_compared_with_nothing() -> None:
    rows = [_row("this"), _row("other"), replace(_row("other"), clip="10")]
    assert list(controller.saved(rows)) == ["03, 144 lines"]


@pytest.mark.usefixtures("results_folder")
def test_what_todays_weights_measured_is_gone_on_with() -> None:
    assert [(row.state, row.frames) for row in controller.kept()] == [("this", controller.FRAMES), ("other", 50)]


def test_what_other_weights_measured_is_measured_anew(results_folder: Path) -> None:
    path = results_folder / f"{controller.NAME}.json"
    path.write_text(path.read_text().replace(results.weights_hash(), "0" * 16))
    assert [row.state for row in controller.kept()] == ["other"]
