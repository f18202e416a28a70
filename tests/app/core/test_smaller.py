"""What a finished file can be taken down to."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from app.core.document import of_result
from app.core.smaller import choices
from codec.decoding.smaller import save_smaller
from codec.format.header import Target
from codec.format.records import GopRecord
from codec.settings import Bitrate, DecodeSettings, Quality
from tests.support.format_cases import FILMS, PLAIN, gop, write

STEPS = {"sent": 4, "steps": (bytes(400),) * 6, "quality": 0.125, "probes": ((0, 0.5), (2, 0.2), (6, 0.08))}
RECORDS = tuple(gop(n, 44 * n, 48, 4 if n else 0, **STEPS) for n in range(3))


@pytest.mark.parametrize(
    ("target", "kind"), [(Target("dists", 0.125), Quality), (Target("bitrate", 3.0), Bitrate), (PLAIN.target, Quality)]
)
def test_each_choice_is_smaller_and_is_what_saving_gives(tmp_path: Path, target: Target, kind: type) -> None:
    path = tmp_path / "a.fgvc"
    write(path, (dataclasses.replace(PLAIN, target=target), RECORDS))
    found = choices(of_result(path))
    assert len(found) > 2
    assert (found[0].goal, found[0].bytes) == (None, path.stat().st_size)
    assert all(isinstance(choice.goal, kind) for choice in found[1:])
    sizes = [choice.bytes for choice in found]
    assert sizes == sorted(set(sizes), reverse=True)
    for number, choice in enumerate(found[1:]):
        output = tmp_path / f"{number}.fgvc"
        list(save_smaller(path, output, DecodeSettings(goal=choice.goal)))
        # What a record spends on lengths and hashes goes with its steps.
        assert choice.bytes - 100 <= output.stat().st_size <= choice.bytes


def test_another_metric_goes_its_own_way(tmp_path: Path) -> None:
    path = tmp_path / "a.fgvc"
    steps = STEPS | {"quality": 0.9, "probes": ((0, 0.5), (2, 0.8), (6, 0.95))}
    records = tuple(gop(n, 44 * n, 48, 4 if n else 0, **steps) for n in range(3))
    write(path, (dataclasses.replace(PLAIN, target=Target("ms_ssim", 0.9), metric="ms_ssim"), records))
    goals = [choice.goal for choice in choices(of_result(path))[1:]]
    assert goals
    assert all(isinstance(goal, Quality) and goal.metric == "ms-ssim" and goal.value < 0.9 for goal in goals)


def test_a_base_layer_alone_has_one_choice(tmp_path: Path) -> None:
    path = tmp_path / "a.fgvc"
    header, records = FILMS["full"]
    restored = records[-1]
    assert isinstance(restored, GopRecord)
    alone = dataclasses.replace(restored, index=0, start_frame=0, overlap=0, pts=tuple(range(4)))
    write(path, (header, (alone,)))
    assert [choice.goal for choice in choices(of_result(path))] == [None]
