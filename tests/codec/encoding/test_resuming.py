"""What a run that goes on takes over, and that nothing shows that there were two."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from codec.encoder import encode
from codec.encoding.resuming import KeptGop
from codec.errors import SettingsError
from codec.events import GopDone, Phase, Stage
from codec.files import part_path
from codec.format.header import Target
from codec.format.info import describe, is_worse, stored_gop
from codec.format.records import BaseRun, GopRecord
from codec.settings import Bitrate, Goal, Quality, Size
from tests.support import format_cases
from tests.support.codec_runs import cut_film, run_encode, tiny

SCENES = [14, 10, 12, 9]
GOALS: dict[str, dict[str, Any]] = {
    "quality": {"goal": Quality(0.6, "ms-ssim"), "base": "av1"},
    "bitrate over a base": {"goal": Bitrate(20_000), "base": "av1"},
    "size over a base": {"goal": Size(4000), "base": "av1"},
    # The dearest of all: without its last scene.
    "restored bitrate": {"goal": Bitrate(20_000), "prior": "pocket", "base": "av1", "duration": sum(SCENES[:3]) / 25},
    "bitrate": {"goal": Bitrate(20_000), "keep_steps": 2},
    "size": {"goal": Size(4000)},
}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cut_film(tmp_path_factory.mktemp("source") / "in.mp4", SCENES)


def _stopped(source: Path, output: Path, start_frame: int, **more: Any) -> None:
    """An encode that its user stopped once a GOP from `start_frame` on was done."""
    events = encode(source, output, tiny(gop_frames=8, **more))
    next(event for event in events if isinstance(event, GopDone) and event.start_frame >= start_frame)
    events.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("goal", GOALS)
def test_the_resumed_file_is_the_uninterrupted_one(source: Path, tmp_path: Path, goal: str) -> None:
    run_encode(source, tmp_path / "whole.fgvc", gop_frames=8, **GOALS[goal])
    output = tmp_path / "a.fgvc"
    _stopped(source, output, SCENES[0] + SCENES[1], **GOALS[goal])
    run_encode(source, output, resume=True, gop_frames=8, **GOALS[goal])
    assert output.read_bytes() == (tmp_path / "whole.fgvc").read_bytes()


def test_a_part_that_lacks_only_its_name_gets_it(source: Path, tmp_path: Path) -> None:
    # Killed, or refused by the system, between the end record and the renaming.
    goal = GOALS["quality"]
    whole, output = tmp_path / "whole.fgvc", tmp_path / "a.fgvc"
    first = run_encode(source, whole, gop_frames=8, **goal)
    part_path(output).write_bytes(whole.read_bytes())
    with pytest.raises(SettingsError, match="begun with another"):
        run_encode(source, output, resume=True, gop_frames=8, **{**goal, "goal": Quality(0.7, "ms-ssim")})
    assert part_path(output).exists()
    done = run_encode(source, output, resume=True, gop_frames=8, **goal).finished
    assert output.read_bytes() == whole.read_bytes()
    assert not part_path(output).exists()
    assert done.frames == first.finished.frames
    assert done.quality == pytest.approx(first.finished.quality, abs=1e-4)
    assert [gop.bits for gop in done.gops] == [gop.bits for gop in first.finished.gops]


def test_stopping_a_resumed_encode_at_once_leaves_what_there_was(source: Path, tmp_path: Path) -> None:
    output, settings = tmp_path / "a.fgvc", tiny(gop_frames=8, **GOALS["quality"])
    _stopped(source, output, 0, **GOALS["quality"])
    before = output.read_bytes()
    events = encode(source, output, replace(settings, resume=True))
    next(event for event in events if isinstance(event, Phase) and event.stage is Stage.CHOOSING)
    assert part_path(output).exists()
    events.close()  # type: ignore[attr-defined]
    assert output.read_bytes() == before
    assert list(tmp_path.iterdir()) == [output]


def test_stopping_a_resumed_encode_early_keeps_the_longer_file(source: Path, tmp_path: Path) -> None:
    output, goal = tmp_path / "a.fgvc", GOALS["bitrate"]
    _stopped(source, output, SCENES[0] + 8, overlap="guided", **goal)
    before, held = output.read_bytes(), describe(output)
    _stopped(source, output, 0, overlap="guided", resume=True, **goal)
    assert output.read_bytes() == before
    assert not part_path(output).exists()
    # The same encode begun anew and stopped earlier doesn't take its place either; another encode does.
    _stopped(source, output, 0, overlap="guided", **goal)
    assert output.read_bytes() == before
    _stopped(source, output, 0, overlap="guided", seed=4, **goal)
    assert describe(output).frames < held.frames


def test_other_pictures_under_the_same_name_are_refused(source: Path, tmp_path: Path) -> None:
    film, output = tmp_path / "in.mp4", tmp_path / "a.fgvc"
    film.write_bytes(source.read_bytes())
    _stopped(film, output, SCENES[0] + SCENES[1], **GOALS["bitrate over a base"])
    kept = output.read_bytes()
    cut_film(film, SCENES[::-1])
    with pytest.raises(SettingsError, match="from other pictures"):
        run_encode(film, output, resume=True, gop_frames=8, **GOALS["bitrate over a base"])
    left = part_path(output).read_bytes()
    assert kept.startswith(left)
    assert len(left) > len(kept) / 4


@pytest.mark.parametrize(
    ("goal", "missed"), [(Quality(0.15), True), (Quality(0.15, statistic="mean"), False), (Bitrate(2e4), False)]
)
def test_a_kept_gop_that_missed_its_target_still_does(goal: Goal, missed: bool) -> None:
    header = replace(format_cases.FILMS["plain"][0], target=Target.of(goal), metric="dists")
    record = GopRecord(0, 0, 48, 0, 0, (), b"", b"", BaseRun(60.0, 1, "modelled", b"x"), quality=0.17, restoration=5)
    kept = KeptGop(record, 400, is_worse(header, record.quality))
    assert kept.told(48, goal).missed is missed
    better = KeptGop(record, 400, is_worse(header, 0.155))
    assert not better.told(48, goal).missed


def test_a_restored_gop_gives_back_its_points_beyond_its_stored_steps() -> None:
    base = BaseRun(60.0, 1, "modelled", b"x" * 50)
    record = GopRecord(0, 0, 48, 0, 0, (), b"", b"", base, quality=0.15, probes=((0, 0.2), (12, 0.16)), restoration=5)
    probes = stored_gop(record, record.t_star, None).probes
    assert [(probe.step, probe.quality) for probe in probes] == [(0, 0.2), (5, 0.15), (12, 0.16)]
    assert {probe.bits for probe in probes} == {400}
