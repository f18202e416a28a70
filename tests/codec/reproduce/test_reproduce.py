"""The whole experiment on tiny films, from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import chdir, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from codec import cli
from codec.errors import SettingsError
from codec.metrics.psnr import Psnr
from codec.parallel.here import Here
from codec.parallel.units import Message, Work, all_wanted
from codec.reproduce.codecs import Made
from codec.reproduce.points import FILE, Ledger, Point
from codec.reproduce.run import Experiment, PointsMissing, Started, reproduce
from codec.reproduce.sequences import Clip, find_sources
from tests.support.codec_runs import moving
from tests.support.films.synthetic import write_video
from tests.support.learned import checkout, write_toml


def _film(path: Path) -> None:
    write_video(path, moving(6, 64, 48))


@pytest.fixture
def films(tmp_path: Path) -> Path:
    folder = tmp_path / "films"
    (folder / "B").mkdir(parents=True)
    _film(folder / "B" / "drift.mp4")
    _film(folder / "still.mp4")
    return folder


def _command(films: Path, out: Path, *more: str) -> list[str]:
    fast = ["--prior", "gaussian", "--base", "none", "--metric", "ms-ssim", "--targets", "0.5", "0.7", "--frames", "5"]
    return ["reproduce", str(films), "-o", str(out), *fast, "--metrics", "psnr", "ms-ssim", "--device", "cpu", *more]


def test_command_measures_reports_and_computes_nothing_twice(
    films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    described = write_toml(tmp_path / "l.toml", "dcvc-rt", checkout(tmp_path / "rt", "dcvc-rt"), qualities=[9, 40])
    command = _command(films, out, "--peers", "x265", "--learned", str(described))
    assert cli.main(command) == 0
    first = capsys.readouterr()
    assert first.out.strip() == str(out / "report.md")
    assert "still, dcvc-rt: q 9, q 40" in first.err
    kept = json.loads((out / FILE).read_text("utf-8"))
    assert len(kept["points"]) == 2 * (2 + 5 + 2)
    ours = [point for point in kept["points"] if point["codec"] == "gaussian base none"]
    assert {point["setting"] for point in ours} == {"ms-ssim 0.5", "ms-ssim 0.7"}
    assert all(point["weights"] and point["encode_fps"] > 0 and point["decode_fps"] > 0 for point in ours)
    page = (out / "report.md").read_text("utf-8")
    assert "| gaussian base none against | x265 | dcvc-rt |" in page
    assert (out / "plots" / "mean-of-B.svg").is_file()
    assert cli.main(command) == 0
    assert capsys.readouterr().err == ""
    assert json.loads((out / FILE).read_text("utf-8")) == kept


def test_results_of_other_conditions_are_not_mixed(
    films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert cli.main(_command(films / "B", out, "--peers", "--targets", "0.5")) == 0
    assert cli.main(_command(films / "B", out, "--peers", "--frames", "4")) == 1
    assert "frames 5, not 4" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--targets", "2"], "between 0 and 1"),
        (["--frames", "0"], "--frames must be at least 1"),
        (["--prior", "nothing"], "no prior named"),
    ],
)
def test_what_no_sequence_can_be_coded_with_is_refused_at_once(
    films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], message: str
) -> None:
    assert cli.main(_command(films, tmp_path / "out", *more)) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_broken_sequence_stops_nothing_and_is_tried_again(
    films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (films / "a_broken.mp4").write_bytes(b"no video")
    out, command = tmp_path / "out", _command(films, tmp_path / "out", "--peers", "--targets", "0.5")
    assert cli.main(command) == 1
    assert "FAILED a_broken" in capsys.readouterr().err
    assert len(json.loads((out / FILE).read_text("utf-8"))["points"]) == 2
    assert "a_broken" in (out / "report.md").read_text("utf-8")
    (films / "a_broken.mp4").unlink()
    _film(films / "a_broken.mp4")
    assert cli.main(command) == 0
    assert len(json.loads((out / FILE).read_text("utf-8"))["points"]) == 3
    assert "## Missing" not in (out / "report.md").read_text("utf-8")


@dataclass
class Fake:
    """A codec that returns the clip itself and fails as told.

    Attributes:
        broken: settings at which it dies.
        calls: what it was asked for.
    """

    name: str = "fake"
    settings: tuple[str, ...] = ("a", "b", "c")
    together: bool = False
    broken: tuple[str, ...] = ()
    weights: str = ""
    calls: list[tuple[str, ...]] = field(default_factory=list)

    def code(self, clip: Clip, settings: Sequence[str], log: Path) -> Iterator[tuple[str, Made]]:
        del log
        self.calls.append(tuple(settings))
        for setting in settings:
            if setting in self.broken:
                raise RuntimeError("CUDA out of memory\nand more")
            yield setting, Made(100, clip.frames, weights=self.weights)


def _run(films: Path, out: Path, codec: Fake) -> list[Started | PointsMissing | Point]:
    experiment = Experiment(find_sources(films)[:1], (codec,), (Psnr(),), 3, None)
    return list(reproduce(experiment, Ledger.open(out, {"frames": 3})))


@pytest.mark.parametrize(("together", "calls"), [(False, [("a",), ("b",), ("c",)]), (True, [("a", "b", "c")])])
def test_a_failing_point_leaves_the_others(
    films: Path, tmp_path: Path, together: bool, calls: list[tuple[str, ...]]
) -> None:
    codec = Fake(together=together, broken=("b",))
    events = _run(films, tmp_path, codec)
    assert codec.calls == calls
    failed = [event for event in events if isinstance(event, PointsMissing)]
    assert [event.reason for event in failed] == ["RuntimeError: CUDA out of memory"]
    assert failed[0].settings == (("b", "c") if together else ("b",))
    done = [event.setting for event in events if isinstance(event, Point)]
    assert done == (["a"] if together else ["a", "c"])
    again = Fake(together=together)
    _run(films, tmp_path, again)
    assert again.calls == ([("b", "c")] if together else [("b",)])


class Away(Here):
    """A worker that stands in another folder, as nodes of a cluster do."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def run(
        self, work: Work, tasks: Iterable[Any], is_wanted: Callable[[int], bool] = all_wanted
    ) -> Generator[Message, None, None]:
        """See `Workers`."""
        with closing(super().run(work, tasks, is_wanted)) as messages:
            while True:
                with chdir(self._folder):
                    message = next(messages, None)
                if message is None:
                    return
                yield message


def test_workers_in_another_folder_find_the_sequences(
    films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    experiment = Experiment(find_sources(Path(films.name))[:1], (Fake(),), (Psnr(),), 3, None)
    events = list(reproduce(experiment, Ledger.open(Path("out"), {}), Away(tmp_path / "elsewhere")))
    assert [event.setting for event in events if isinstance(event, Point)] == ["a", "b", "c"]
    assert (tmp_path / "out" / FILE).is_file()


def test_points_of_other_weights_are_not_mixed(films: Path, tmp_path: Path) -> None:
    _run(films, tmp_path, Fake(settings=("a",), weights="11"))
    with pytest.raises(SettingsError, match="other weights"):
        _run(films, tmp_path, Fake(settings=("b",), weights="22"))


def test_a_damaged_ledger_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("{", "utf-8")
    with pytest.raises(SettingsError, match="damaged"):
        Ledger.open(tmp_path, {})
    (tmp_path / FILE).write_text('{"points": [{"name": 1}]}', "utf-8")
    with pytest.raises(SettingsError, match="another version"):
        Ledger.open(tmp_path, {})


@pytest.mark.slow
def test_processes_measure_the_same(films: Path, tmp_path: Path) -> None:
    fast = ("--peers", "x265", "--targets", "0.5")
    assert cli.main(_command(films, tmp_path / "one", *fast)) == 0
    assert cli.main(_command(films, tmp_path / "two", *fast, "--jobs", "2")) == 0
    first, second = (json.loads((tmp_path / name / FILE).read_text("utf-8"))["points"] for name in ("one", "two"))

    def figures(points: list[dict[str, object]]) -> list[tuple[object, ...]]:
        return sorted((p["sequence"], p["codec"], p["setting"], p["bytes"], str(p["metrics"])) for p in points)

    assert figures(first) == figures(second)
