from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PySide6.QtTest import QAbstractItemModelTester

from app.core.jobs.job import Job, State, from_json, to_json
from app.core.jobs.queue import JOB_ROLE, JobQueue
from codec.errors import SettingsError
from codec.settings import Bitrate, DecodeSettings, EncodeSettings, Quality, Size


def job(name: str, **changes: object) -> Job:
    return Job(Path(f"/in/{name}.mp4"), Path(f"/out/{name}.fgvc"), EncodeSettings(), **changes)  # type: ignore[arg-type]


@pytest.fixture
def queue(tmp_path: Path) -> JobQueue:
    made = JobQueue(tmp_path / "state" / "queue.json")
    made.tester = QAbstractItemModelTester(  # type: ignore[attr-defined]
        made, QAbstractItemModelTester.FailureReportingMode.Fatal
    )
    for name in "abc":
        made.add(job(name))
    return made


def names(queue: JobQueue) -> str:
    return "".join(item.source.stem for item in queue)


@pytest.mark.parametrize(
    ("name", "by", "order"), [("c", -1, "acb"), ("a", 1, "bac"), ("a", 9, "bca"), ("a", -1, "abc")]
)
def test_reorder(queue: JobQueue, name: str, by: int, order: str) -> None:
    moved = next(item for item in queue if item.source.stem == name)
    queue.move(moved.id, by)
    assert names(queue) == order


def test_survives_a_restart_and_what_ran_is_interrupted(queue: JobQueue, tmp_path: Path) -> None:
    first, second, _ = queue
    queue.update(first.id, state=State.DONE, bytes=99)
    queue.update(second.id, state=State.RUNNING)
    again = JobQueue(tmp_path / "state" / "queue.json")
    again.load()
    assert [item.state for item in again] == [State.DONE, State.INTERRUPTED, State.QUEUED]
    assert [item.id for item in again] == [item.id for item in queue]


def test_after_a_restart_what_was_made_is_looked_after(queue: JobQueue, tmp_path: Path) -> None:
    first, second, _ = queue
    here = tmp_path / "here.fgvc"
    here.write_bytes(b"x" * 99)
    queue.update(first.id, state=State.STOPPED, bytes=99, output=here)
    queue.update(second.id, state=State.STOPPED, bytes=99, output=tmp_path / "gone.fgvc")
    again = JobQueue(tmp_path / "state" / "queue.json")
    again.load()
    assert [item.bytes for item in again] == [99, None, None]


def test_a_running_job_stays(queue: JobQueue) -> None:
    first = next(iter(queue))
    queue.update(first.id, state=State.RUNNING)
    assert not queue.remove(first.id)
    queue.update(first.id, state=State.DONE)
    assert queue.remove(first.id)
    assert names(queue) == "bc"


def test_an_unreadable_queue_is_kept_aside_and_told(tmp_path: Path) -> None:
    path = tmp_path / "queue.json"
    path.write_text('{"jobs": [{"id": 3}]}')
    told: list[str] = []
    queue = JobQueue(path)
    queue.unreadable.connect(told.append)
    queue.load()
    assert len(queue) == 0
    assert "unreadable.json" in told[0]
    assert (tmp_path / "queue.unreadable.json").exists()


def test_a_job_that_cannot_be_read_costs_no_other(queue: JobQueue, tmp_path: Path) -> None:
    path = tmp_path / "state" / "queue.json"
    assert names(queue) == "abc"
    saved = json.loads(path.read_text())
    saved["jobs"][1]["settings"]["goal"] = {"kind": "beauty"}
    path.write_text(json.dumps(saved))
    told: list[str] = []
    for _ in range(2):
        again = JobQueue(path)
        again.unreadable.connect(told.append)
        again.load()
        assert names(again) == "ac"
    # Told once, and nothing is lost of it.
    assert len(told) == 1
    assert told[0].startswith("1 of the saved jobs could not be read")
    aside = json.loads((tmp_path / "state" / "queue.unreadable.json").read_text())
    assert aside["jobs"] == [saved["jobs"][1]]


def test_screen_readers_hear_the_state(queue: JobQueue) -> None:
    assert queue.data(queue.index(0)) == "a.fgvc: queued, 0%"
    assert isinstance(queue.data(queue.index(0), JOB_ROLE), Job)


def test_resuming_asks_the_engine_to_go_on_only_where_something_is_left(tmp_path: Path) -> None:
    lost = Job(tmp_path / "a.mp4", tmp_path / "a.fgvc", EncodeSettings(), State.INTERRUPTED)
    assert lost.renewed().settings == EncodeSettings()
    (tmp_path / "a.fgvc.part").touch()
    renewed = lost.renewed().settings
    assert isinstance(renewed, EncodeSettings)
    assert renewed.resume


def test_what_another_job_has_left_is_nothing_to_go_on_with(tmp_path: Path) -> None:
    (tmp_path / "a.fgvc.part").touch()
    new = Job(tmp_path / "a.mp4", tmp_path / "a.fgvc", EncodeSettings())
    assert new.renewed() == new


goals = st.one_of(
    st.builds(Quality, st.floats(0.01, 0.99), st.sampled_from(["dists", "lpips"])),
    st.builds(Bitrate, st.floats(1, 1e9)),
    st.builds(Size, st.integers(1, 2**40)),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(goal=goals, side=st.none() | st.integers(1, 4096), state=st.sampled_from(list(State)), share=st.floats(0, 1))
def test_json_round_trip(goal: Quality | Bitrate | Size, side: int | None, state: State, share: float) -> None:
    before = Job(Path("/in/ä.mp4"), Path("/out.fgvc"), EncodeSettings(goal=goal, short_side=side), state, share)
    assert from_json(to_json(before)) == before


def test_exports_round_trip_too_and_nonsense_is_refused() -> None:
    export = Job(Path("/a.fgvc"), Path("/a.mp4"), DecodeSettings(goal=Quality(0.2)))
    assert from_json(to_json(export)) == export
    with pytest.raises(SettingsError):
        from_json({**to_json(export), "settings": {"goal": {"kind": "beauty"}}})
