"""Many files become a folder of files and a table, whatever happens to one of them or in the middle."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from codec.batch.events import FileDone, OfFile
from codec.batch.run import Batch
from codec.batch.sources import batch_files
from codec.batch.table import FILE, BatchRow, FileStatus, Table
from codec.cli import main
from codec.encoder import encode
from codec.errors import OutputError
from codec.events import GopDone
from codec.files import part_path
from codec.format.info import describe
from codec.parallel.here import Here
from codec.parallel.pool import Pool
from codec.parallel.units import Told, Workers, all_wanted
from codec.settings import EncodeSettings, Quality
from tests.support import ROOT, skips
from tests.support.by_command import TINY
from tests.support.codec_runs import cut_film, run_decode, run_encode, tiny
from tests.support.workers.work import Shuffled

# A part is gone on with at a scene's beginning, and what follows is as if nothing had happened.
BASED: dict[str, Any] = {"base": "av1", "goal": Quality(0.6, "ms-ssim"), "gop_frames": 8}
SETTINGS = tiny(**BASED)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three films and something that is none."""
    folder = tmp_path_factory.mktemp("films")
    for number in range(3):
        cut_film(folder / f"{number}.mp4", [20, 8 + number])
    (folder / "damaged.mp4").write_bytes(bytes(5000))
    return folder


@pytest.fixture
def sources(films: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return shutil.copytree(films, tmp_path / "sources")


@pytest.fixture(scope="module")
def alone(films: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, ...]:
    """What each film becomes outside of a batch."""
    output = tmp_path_factory.mktemp("alone") / "a.fgvc"
    made = []
    for number in range(3):
        run_encode(films / f"{number}.mp4", output, **BASED)
        made.append(output.read_bytes())
    return tuple(made)


def _batch(sources: Path, output: Path, settings: EncodeSettings = SETTINGS, **more: Any) -> Batch:
    return Batch(batch_files([sources], output), settings, Table.open(output), **more)


def _rows(batch: Batch, workers: Workers | None = None) -> dict[str, BatchRow]:
    return {event.row.output: event.row for event in batch.run(workers or Here()) if isinstance(event, FileDone)}


def _statuses(rows: dict[str, BatchRow]) -> list[str]:
    return [str(rows[name].status) for name in sorted(rows)]


def test_one_bad_file_fails_alone_and_what_is_done_is_kept(
    sources: Path, tmp_path: Path, alone: tuple[bytes, ...]
) -> None:
    output = tmp_path / "out"
    first = _rows(_batch(sources, output))
    assert _statuses(first) == ["done", "done", "done", "failed"]
    assert "isn't a video that can be read" in first["damaged.fgvc"].reason
    assert tuple((output / f"{number}.fgvc").read_bytes() for number in range(3)) == alone
    kept = _rows(_batch(sources, output))
    assert _statuses(kept) == ["kept", "kept", "kept", "failed"]
    assert replace(kept["0.fgvc"], status=FileStatus.DONE) == first["0.fgvc"]


def test_other_settings_or_another_source_are_coded_anew(sources: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    _rows(_batch(sources, output))
    cut_film(sources / "1.mp4", [30])
    (output / "2.fgvc").unlink()
    assert _statuses(_rows(_batch(sources, output))) == ["kept", "done", "done", "failed"]
    assert describe(output / "1.fgvc").frames == 30
    assert _statuses(_rows(_batch(sources, output, tiny(**BASED, seed=1)))) == ["done", "done", "done", "failed"]
    trajectory = describe(output / "0.fgvc").header.trajectory
    assert trajectory is not None
    assert trajectory.seed == 1


def test_a_stopped_batch_leaves_parts_that_play_and_goes_on(
    sources: Path, tmp_path: Path, alone: tuple[bytes, ...]
) -> None:
    output = tmp_path / "out"
    with closing(_batch(sources, output).run(Here())) as events:
        gops = (event for event in events if isinstance(event, OfFile) and isinstance(event.event, GopDone))
        assert [next(gops).file.output.name for _ in range(4)] == ["0.fgvc"] * 4
    part = part_path(output / "0.fgvc")
    assert run_decode(part, tmp_path / "out.mkv").finished.frames >= 20
    begun = part.read_bytes()
    again = _batch(sources, output).run(Here())
    first = next(event.event for event in again if isinstance(event, OfFile) and isinstance(event.event, GopDone))
    assert first.index == 3
    assert FileDone in {type(event) for event in again}
    assert (output / "0.fgvc").read_bytes() == alone[0]
    assert (output / "0.fgvc").read_bytes().startswith(begun[: len(begun) // 2])
    assert not list(output.glob("*.part"))


@skips.posix
def test_two_batches_do_not_write_one_folder(sources: Path, tmp_path: Path) -> None:
    with closing(_batch(sources, tmp_path / "out").run(Here())) as events:
        next(events)
        with pytest.raises(OutputError, match=r"batch\.jsonl is being written by another process"):
            _rows(_batch(sources, tmp_path / "out"))
    assert _statuses(_rows(_batch(sources, tmp_path / "out"))) == ["done", "done", "done", "failed"]


def test_what_encode_left_unfinished_is_gone_on_with(sources: Path, tmp_path: Path, alone: tuple[bytes, ...]) -> None:
    output = tmp_path / "out"
    output.mkdir()
    with closing(encode(sources / "0.mp4", output / "0.fgvc", SETTINGS)) as events:
        next(event for event in events if isinstance(event, GopDone) and event.index == 3)
    assert not describe(output / "0.fgvc").complete
    assert _statuses(_rows(_batch(sources, output)))[0] == "done"
    assert (output / "0.fgvc").read_bytes() == alone[0]


def test_a_part_of_other_settings_is_begun_anew(sources: Path, tmp_path: Path, alone: tuple[bytes, ...]) -> None:
    output = tmp_path / "out"
    with closing(_batch(sources, output, tiny(**BASED, seed=7)).run(Here())) as events:
        next(event for event in events if isinstance(event, OfFile) and isinstance(event.event, GopDone))
    assert part_path(output / "0.fgvc").exists()
    assert _statuses(_rows(_batch(sources, output))) == ["done", "done", "done", "failed"]
    assert (output / "0.fgvc").read_bytes() == alone[0]


@pytest.mark.parametrize("seed", range(3))
def test_workers_that_die_and_end_in_any_order_change_nothing(
    sources: Path, tmp_path: Path, alone: tuple[bytes, ...], seed: int
) -> None:
    output = tmp_path / "out"
    assert _statuses(_rows(_batch(sources, output), Shuffled(seed))) == ["done", "done", "done", "failed"]
    assert tuple((output / f"{number}.fgvc").read_bytes() for number in range(3)) == alone


def test_a_source_that_a_node_does_not_see_travels(sources: Path, tmp_path: Path) -> None:
    batch = _batch(sources, tmp_path / "out", contents_up_to=10**6)

    class Elsewhere(Here):
        def run(self, work: Any, tasks: Any, is_wanted: Any = all_wanted) -> Any:
            unseen = (replace(task, source=Path("/nowhere") / task.source.name) for task in tasks)
            yield from super().run(work, unseen, is_wanted)

    assert _statuses(_rows(batch, Elsewhere())) == ["done", "done", "done", "failed"]


def test_an_output_that_can_not_be_written_fails_alone(sources: Path, tmp_path: Path) -> None:
    (tmp_path / "out" / "1.fgvc").mkdir(parents=True)
    rows = _rows(_batch(sources, tmp_path / "out"))
    assert _statuses(rows) == ["done", "failed", "done", "failed"]
    assert "is a folder" in rows["1.fgvc"].reason


def test_a_part_that_is_no_file_costs_its_own_file(sources: Path, tmp_path: Path) -> None:
    part_path(tmp_path / "out" / "0.fgvc").mkdir(parents=True)
    rows = _rows(_batch(sources, tmp_path / "out"))
    assert _statuses(rows) == ["failed", "done", "done", "failed"]
    assert "0.fgvc.part beside it is no file" in rows["0.fgvc"].reason


def test_what_can_not_be_written_on_the_way_fails_alone(sources: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    rows: dict[str, BatchRow] = {}
    for event in _batch(sources, output).run(Here()):
        # Somebody puts folders where the first file grows, and where the second one is to end.
        if isinstance(event, OfFile) and isinstance(event.event, GopDone):
            if event.file.output.name == "0.fgvc" and part_path(event.file.output).is_file():
                part_path(event.file.output).unlink()
                part_path(event.file.output).mkdir()
            elif event.file.output.name == "1.fgvc":
                event.file.output.mkdir(exist_ok=True)
        if isinstance(event, FileDone):
            assert event.row.output not in rows
            rows[event.row.output] = event.row
    assert _statuses(rows) == ["failed", "failed", "done", "failed"]
    assert all("can't be written" in rows[name].reason for name in ("0.fgvc", "1.fgvc"))
    assert {name: row.status for name, row in Table.open(output).rows.items()} == {
        name: row.status for name, row in rows.items()
    }


@pytest.mark.slow
def test_a_worker_stops_where_what_it_makes_can_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "sources").mkdir()
    cut_film(tmp_path / "sources" / "0.mp4", [20] * 8)
    part = part_path(tmp_path / "out" / "0.fgvc")
    gops: list[GopDone] = []

    class Heard(Pool):
        def run(self, work: Any, tasks: Any, is_wanted: Any = all_wanted) -> Any:
            for message in super().run(work, tasks, is_wanted):
                if isinstance(message, Told) and isinstance(message.what, GopDone):
                    gops.append(message.what)
                    if part.is_file():
                        part.unlink()
                        part.mkdir()
                yield message

    with Heard(1) as pool:
        assert _statuses(_rows(_batch(tmp_path / "sources", tmp_path / "out"), pool)) == ["failed"]
    # A scene has five, and what is refused is what follows the first that is heard of.
    assert 0 < len(gops) <= 10


@skips.posix
def test_a_part_that_can_not_be_read_is_begun_anew(
    sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = part_path(tmp_path / "out" / "0.fgvc")
    part.parent.mkdir()
    part.write_bytes(b"begun")
    read = Path.read_bytes

    def closed(path: Path) -> bytes:
        if path == part:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", closed)
    assert _statuses(_rows(_batch(sources, tmp_path / "out"))) == ["done", "done", "done", "failed"]


def test_lines_that_nobody_can_read_count_for_nothing(sources: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / FILE).write_text('{"output": 3}\nno json\n{"output": "0.fgvc", "status": "odd"}\n')
    assert Table.open(tmp_path / "out").rows == {}
    assert _statuses(_rows(_batch(sources, tmp_path / "out"))) == ["done", "done", "done", "failed"]


def test_a_row_behind_a_line_that_was_cut_off_is_kept(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('{"output": "a.fgvc", "sta')
    row = BatchRow("b.mp4", "b.fgvc", FileStatus.DONE, {})
    Table.open(tmp_path).add(row)
    assert Table.open(tmp_path).rows == {"b.fgvc": row}


@pytest.mark.slow
def test_few_files_share_the_workers(sources: Path, tmp_path: Path) -> None:
    (sources / "1.mp4").unlink()
    (sources / "2.mp4").unlink()
    (sources / "damaged.mp4").unlink()
    quality = ["--target", "0.6", "--metric", "ms-ssim", "--gop", "8"]
    command = [*TINY[:4], *TINY[6:], *quality]
    assert main(["batch", str(sources), "-o", str(tmp_path / "out"), *command, "--jobs", "2"]) == 0
    assert main(["encode", str(sources / "0.mp4"), "-o", str(tmp_path / "a.fgvc"), *command]) == 0
    assert (tmp_path / "out" / "0.fgvc").read_bytes() == (tmp_path / "a.fgvc").read_bytes()


def test_the_command_tells_and_exits(sources: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["batch", str(sources), "-o", str(tmp_path / "out"), *TINY]
    assert main(command) == 1
    said = capsys.readouterr()
    assert "3 done, 0 kept, 1 failed" in said.out
    assert said.err.splitlines()[-1] == "1 of 4 files failed, see above; run this again to try only those."
    (sources / "damaged.mp4").unlink()
    assert main([*command, "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["status"] for row in rows if row["event"] == "file"] == ["kept"] * 3


@skips.posix
@pytest.mark.slow
def test_ctrl_c_leaves_parts_that_play(sources: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "codec.cli", "batch", str(sources), "-o", str(tmp_path / "out"), *TINY]
    # A shell that puts this into the background has its children ignore Ctrl-C.
    with subprocess.Popen(
        [*command, "--gop", "8", "--jobs", "2", "--json"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        assert process.stdout is not None
        next(line for line in process.stdout if json.loads(line)["event"] == "gop")
        os.killpg(process.pid, signal.SIGINT)
        process.stdout.read()
    assert process.returncode == 130
    parts = [path for path in (tmp_path / "out").glob("*.part") if path.stat().st_size > 400]
    done = list((tmp_path / "out").glob("*.fgvc"))
    assert parts or done
    for part in parts:
        assert run_decode(part, tmp_path / "out.mkv").finished.frames > 0
