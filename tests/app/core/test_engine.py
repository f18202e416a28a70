from __future__ import annotations

import multiprocessing
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.core.engine import Engine, coalesce
from app.core.jobs.job import Job, State
from app.core.jobs.queue import JobQueue
from app.core.jobs.session import Session
from codec.events import GopDone, Phase, PreviewReady, Stage, StepCoded
from codec.format.info import describe
from codec.settings import Bitrate, DecodeSettings, EncodeSettings
from codec.worker.tasks import Encode, Measure, Outcome, Play, Settled, Task
from tests.support import PATIENCE, skips
from tests.support.windows import lose_children

# Two GOPs of the pocket prior without its base layer, and no metric to load: as quick as a real encode gets.
QUICK = EncodeSettings(goal=Bitrate(4000), short_side=64, gop_frames=16, base="none", preview=True)


def test_only_the_last_of_following_steps_is_told() -> None:
    pending: list[object] = []
    for message in (Phase(Stage.CODING), StepCoded(0, 1, 9, 8), StepCoded(0, 2, 9, 8), Phase(Stage.FINISHING)):
        coalesce(pending, message)  # type: ignore[arg-type]
    assert pending == [Phase(Stage.CODING), StepCoded(0, 2, 9, 8), Phase(Stage.FINISHING)]


def settle(qtbot: QtBot, engine: Engine, task: Task) -> Settled:
    """Run a task; a crash of the child fails at once."""
    ends: list[object] = []
    engine.settled.connect(ends.append)
    engine.crashed.connect(ends.append)
    engine.submit(task)
    qtbot.waitUntil(lambda: bool(ends), timeout=PATIENCE)
    engine.settled.disconnect(ends.append)
    engine.crashed.disconnect(ends.append)
    assert isinstance(ends[0], Settled), ends
    return ends[0]


def test_encode_then_play_through_the_child(qtbot: QtBot, engine: Engine, short_clip: Path, tmp_path: Path) -> None:
    told: list[object] = []
    engine.told.connect(told.extend)
    output = tmp_path / "a.fgvc"
    settled = settle(qtbot, engine, Encode(short_clip, output, QUICK))
    assert settled.outcome is Outcome.DONE, settled
    assert sum(isinstance(event, GopDone) for event in told) == len(describe(output).gops)
    encoded = [event for event in told if isinstance(event, PreviewReady)]
    told.clear()
    assert settle(qtbot, engine, Play(output, DecodeSettings(), 0, 10_000)).outcome is Outcome.DONE
    played = [event for event in told if isinstance(event, PreviewReady)]
    assert [e.start_frame for e in played] == [e.start_frame for e in encoded]
    assert sum(len(e.frames) for e in played) == 30
    assert all((a.frames == b.frames).all() for a, b in zip(encoded, played, strict=True))


def test_the_child_may_have_children_of_its_own(qtbot: QtBot, engine: Engine) -> None:
    engine.launch()
    qtbot.waitUntil(lambda: bool(multiprocessing.active_children()), timeout=PATIENCE)
    # As a long encode has them; Python refuses a daemon any.
    assert not any(child.daemon for child in multiprocessing.active_children())


def test_all_hear_in_one_go_that_the_engine_is_free(qtbot: QtBot, engine: Engine, tmp_path: Path) -> None:
    # Told by its thread, one after the other, somebody could submit in between and take the end for that of his task.
    heard: list[tuple[bool, bool]] = []

    def hear(_: object) -> None:
        heard.append((threading.current_thread() is threading.main_thread(), engine.busy))

    engine.settled.connect(hear, Qt.ConnectionType.DirectConnection)
    engine.crashed.connect(hear, Qt.ConnectionType.DirectConnection)
    settle(qtbot, engine, Encode(tmp_path / "gone.mp4", tmp_path / "a.fgvc", QUICK))
    with qtbot.waitSignal(engine.crashed, timeout=PATIENCE):
        engine.kill()
    assert heard == [(True, False), (True, False)]


def test_handing_over_pictures_never_waits_for_the_child(
    qtbot: QtBot, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A child that isn't there yet reads as little as one that imports torch.
    monkeypatch.setattr(engine, "start", lambda: None)
    picture = np.zeros((1080, 1920, 3), np.uint8)
    task = Measure(0, picture, picture, ("psnr",))
    engine.submit(task)
    engine.cancel()
    monkeypatch.undo()
    with qtbot.waitSignal(engine.settled, timeout=PATIENCE) as settled:
        engine.start()
    # In the order in which it was told.
    assert settled.args[0].outcome is Outcome.CANCELLED
    assert settle(qtbot, engine, task).outcome is Outcome.DONE


def test_a_child_that_is_lost_while_it_is_told_something_is_told_of(qtbot: QtBot, engine: Engine) -> None:
    engine.launch()
    picture = np.zeros((1080, 1920, 3), np.uint8)
    engine.submit(Measure(0, picture, picture, ("psnr",)))
    with qtbot.waitSignal(engine.crashed, timeout=PATIENCE):
        lose_children(qtbot)
    assert settle(qtbot, engine, Measure(1, picture, picture, ("psnr",))).outcome is Outcome.DONE


def test_a_refusal_is_a_sentence_and_the_child_lives_on(qtbot: QtBot, engine: Engine, tmp_path: Path) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"no video")
    for _ in range(2):
        settled = settle(qtbot, engine, Encode(bad, tmp_path / "a.fgvc", QUICK))
        assert settled.outcome is Outcome.REFUSED
        assert str(bad) in settled.message


def test_killed_in_mid_gop_the_job_is_interrupted_and_resumes(
    qtbot: QtBot, engine: Engine, short_clip: Path, tmp_path: Path
) -> None:
    queue = JobQueue(tmp_path / "queue.json")
    session = Session(queue, engine)
    job = Job(short_clip, tmp_path / "a.fgvc", QUICK)
    queue.add(job)

    def kill_in_a_step(events: tuple[object, ...]) -> None:
        if any(isinstance(event, StepCoded) for event in events):
            engine.kill()
            engine.told.disconnect(kill_in_a_step)

    engine.told.connect(kill_in_a_step)
    with qtbot.waitSignal(session.crashed, timeout=PATIENCE) as crashed:
        session.start()
    assert "ended by the system" in crashed.args[1]
    assert queue.get(job.id).state is State.INTERRUPTED  # type: ignore[union-attr]
    with qtbot.waitSignal(session.ended, timeout=PATIENCE) as ended:
        session.resume(job.id)
    assert ended.args == [job.id, State.DONE]
    info = describe(job.output)
    assert info.complete
    assert info.frames == 30


def test_cancelling_leaves_whole_gops_playable(qtbot: QtBot, engine: Engine, short_clip: Path, tmp_path: Path) -> None:
    queue = JobQueue(tmp_path / "queue.json")
    session = Session(queue, engine)
    job = Job(short_clip, tmp_path / "a.fgvc", QUICK)
    queue.add(job)

    def stop(events: tuple[object, ...]) -> None:
        if any(isinstance(event, GopDone) for event in events):
            session.cancel()

    engine.told.connect(stop)
    with qtbot.waitSignal(session.ended, timeout=PATIENCE) as ended:
        session.start()
    # The second GOP may have been finished before the command was seen.
    assert ended.args[1] in (State.STOPPED, State.DONE)
    assert describe(job.output).gops


def test_a_paused_job_waits_and_goes_on(qtbot: QtBot, engine: Engine, short_clip: Path, tmp_path: Path) -> None:
    queue = JobQueue(tmp_path / "queue.json")
    session = Session(queue, engine)
    job = Job(short_clip, tmp_path / "a.fgvc", QUICK)
    queue.add(job)
    session.start()
    session.pause()
    assert [item.state for item in queue] == [State.PAUSED]
    # The child has come to its first event and holds there: it tells this one and no other.
    with qtbot.waitSignal(session.progressed, timeout=PATIENCE):
        pass
    assert session.progress is not None
    assert not session.progress.gops
    with qtbot.waitSignal(session.ended, timeout=PATIENCE) as ended:
        session.pause()
    assert ended.args == [job.id, State.DONE]


def test_the_childs_log_comes_to_the_window(qtbot: QtBot, engine: Engine, short_clip: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    engine.logged.connect(lines.append)
    settings = EncodeSettings(prior="gaussian", goal=Bitrate(20_000), base="none", short_side=32, channel="greedy")
    with qtbot.waitSignal(engine.settled, timeout=PATIENCE):
        engine.submit(Encode(short_clip, tmp_path / "out.fgvc", settings))
    assert "opening the prior gaussian on cpu in float32" in lines


ORPHAN = """
import multiprocessing, os, threading
from codec.parallel.lifeline import leave_with_parent

def stuck():
    leave_with_parent()
    threading.Event().wait()

if __name__ == "__main__":
    multiprocessing.get_context("spawn").Process(target=stuck).start()
    os.kill(os.getpid(), 9)
"""


@skips.posix
def test_an_engine_in_the_middle_of_work_leaves_with_its_window(tmp_path: Path) -> None:
    script = tmp_path / "orphan.py"
    script.write_text(ORPHAN)
    # The child holds the pipe of standard output open: this returns only once it has gone.
    parent = subprocess.run([sys.executable, str(script)], capture_output=True, cwd=Path.cwd())
    assert parent.returncode == -signal.SIGKILL


def test_two_thousand_signals_do_not_wear_out_true() -> None:
    """PySide6 6.12.0 on Python 3.11 loses a reference to True per emit and aborts the process."""
    code = (
        "import sys\n"
        "from PySide6.QtCore import QObject, Signal\n"
        "class A(QObject):\n"
        "    s = Signal(int)\n"
        "a, seen = A(), []\n"
        "a.s.connect(seen.append)\n"
        "before = sys.getrefcount(True)\n"
        "for n in range(2000): a.s.emit(n)\n"
        "assert len(seen) == 2000\n"
        "assert before - sys.getrefcount(True) < 100, 'references to True were lost'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
