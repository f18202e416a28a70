"""The command as other programs call it: exit codes, one sentence on stderr, and the last line of --json."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from codec.cli import main
from codec.commands.settings import bits
from codec.format.info import describe
from codec.format.reader import SIGNATURE
from tests.support import ROOT, skips
from tests.support.codec_runs import film

TINY = ("--prior", "gaussian", "--base", "none", "--channel", "greedy", "--short-side", "32", "--bitrate", "8k")
COMMAND = (sys.executable, "-m", "codec.cli")

Output = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("cli") / "in.mp4", 20)


@pytest.fixture(scope="module")
def coded(source: Path) -> Path:
    assert main(["encode", str(source), "-o", str(source.with_suffix(".fgvc")), *TINY]) == 0
    return source.with_suffix(".fgvc")


def _refused(output: Output, *arguments: object) -> str:
    """The one sentence of a refusal."""
    output.readouterr()
    assert main([str(argument) for argument in arguments]) == 1
    told = output.readouterr()
    assert told.out == ""
    lines = told.err.splitlines()
    assert len(lines) == 1, told.err
    assert lines[0].endswith(".")
    assert "Traceback" not in lines[0]
    return lines[0]


def _lines(output: Output, *arguments: object) -> list[dict[str, Any]]:
    output.readouterr()
    assert main([str(argument) for argument in (*arguments, "--json")]) == 0
    told = output.readouterr()
    assert told.err == ""
    return [json.loads(line) for line in told.out.splitlines()]


def test_the_last_line_of_an_encode_keeps_its_contract(source: Path, tmp_path: Path, capsys: Output) -> None:
    lines = _lines(capsys, "encode", source, "-o", tmp_path / "a.fgvc", *TINY)
    last = lines[-1]
    assert last["event"] == "finished"
    assert last["bytes"] == (tmp_path / "a.fgvc").stat().st_size
    assert (last["audio_bytes"], last["base_bytes"], last["frames"]) == (0, 0, 20)
    assert last["bpp"] == pytest.approx(8 * last["bytes"] / (20 * last["coding_width"] * last["coding_height"]))
    assert last["kbps"] == pytest.approx(8 * last["bytes"] / (20 / 25) / 1000)
    assert [gop["index"] for gop in last["gops"]] == list(range(len(last["gops"])))
    for gop in last["gops"]:
        assert {"index", "t_star", "bits", "quality", "probes"} <= gop.keys()
        assert isinstance(gop["probes"], int)
    assert {"phase", "step", "gop"} <= {line["event"] for line in lines}


def test_probes_are_counted(source: Path, tmp_path: Path, capsys: Output) -> None:
    goal = ("--prior", "gaussian", "--base", "none", "--short-side", "32", "--metric", "ms-ssim", "--target", "0.4")
    last = _lines(capsys, "encode", source, "-o", tmp_path / "a.fgvc", *goal, "--duration", "0.3")[-1]
    (gop,) = last["gops"]
    assert gop["probes"] == len(gop["points"]) >= 1
    assert isinstance(gop["quality"], float)


def test_a_file_is_decoded_described_and_measured(source: Path, coded: Path, tmp_path: Path, capsys: Output) -> None:
    finished = _lines(capsys, "decode", coded, "-o", tmp_path / "out.mkv")[-1]
    assert (finished["event"], finished["frames"]) == ("finished", 20)
    (described,) = _lines(capsys, "info", coded)
    assert described["header"]["prior_id"] == "gaussian"
    assert {"t_star", "bits", "quality"} <= described["gops"][0].keys()
    (measured,) = _lines(capsys, "measure", source, tmp_path / "out.mkv")
    assert measured["metrics"]["psnr"]["mean"] > 10
    assert len(measured["metrics"]["psnr"]["frames"]) == 20
    (measured,) = _lines(capsys, "measure", source, tmp_path / "out.mkv", "--metrics", "psnr", "tof", "--frames", 3)
    assert {name: len(row["frames"]) for name, row in measured["metrics"].items()} == {"psnr": 3, "tof": 2}


def test_what_one_picture_has_no_figure_of_is_null_or_a_dash(source: Path, capsys: Output) -> None:
    command = ["measure", str(source), str(source), "--metrics", "tof", "--frames", "1"]
    (measured,) = _lines(capsys, *command)
    assert measured["metrics"]["tof"]["mean"] is None
    assert main(command) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[:2] == ["tof", "-"]


def test_a_file_is_made_smaller(coded: Path, tmp_path: Path, capsys: Output) -> None:
    finished = _lines(capsys, "retarget", coded, "-o", tmp_path / "less.fgvc", "--bitrate", "2k")[-1]
    assert (finished["event"], finished["frames"]) == ("finished", 20)
    assert finished["bytes"] == (tmp_path / "less.fgvc").stat().st_size < coded.stat().st_size
    assert "can be left out" in _refused(capsys, "retarget", coded, "-o", tmp_path / "same.fgvc", "--no-audio")


def test_a_name_that_the_outputs_encoding_lacks_is_printed_with_escapes(
    coded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "\u5f71.fgvc"
    file.write_bytes(coded.read_bytes())
    printed = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(printed, "ascii"))
    assert main(["info", str(file)]) == 0
    assert b"\\u5f71.fgvc" in printed.getvalue()


@pytest.mark.parametrize("start", ["nan", "inf", "-1", "1e18"])
def test_a_start_that_no_video_has_is_refused(source: Path, coded: Path, capsys: Output, start: str) -> None:
    assert "start can't be" in _refused(capsys, "compare", source, coded, "--start", start)


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        (["--keep-steps", "2"], "sends no steps, so --keep-steps would do nothing"),
        (["--channel", "greedy"], "sends no steps, so --channel would do nothing"),
        (["--overlap", "plain", "--base", "av1"], "sends no steps, so --overlap would do nothing"),
        (["--bitrate", "8k", "--metric", "lpips"], "leave it out beside --bitrate"),
        (["--size", "8k", "--statistic", "mean"], "leave it out beside --size"),
        (["--metric", "ms-ssim"], "give a --target for ms-ssim"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_an_option_that_would_do_nothing_or_nonsense_is_refused(
    source: Path, tmp_path: Path, capsys: Output, option: list[str], sentence: str
) -> None:
    assert sentence in _refused(capsys, "encode", source, "-o", tmp_path / "a.fgvc", *option)
    assert sentence in _refused(capsys, "batch", source, "-o", tmp_path / "batch", *option)


def test_a_metric_without_a_target_takes_nothing_down(coded: Path, tmp_path: Path, capsys: Output) -> None:
    for command in ("decode", "retarget"):
        assert "give a --target" in _refused(capsys, command, coded, "-o", tmp_path / "a.mp4", "--metric", "lpips")


def test_people_get_a_line_and_a_table(coded: Path, tmp_path: Path, capsys: Output) -> None:
    assert main(["decode", str(coded), "-o", str(tmp_path / "out.mp4")]) == 0
    told = capsys.readouterr()
    assert told.err == ""
    assert told.out.count("\n") == 1
    assert "20 frames" in told.out
    assert main(["info", str(coded)]) == 0
    assert "GOP" in capsys.readouterr().out


def test_every_malformed_source_is_one_sentence(malformed: Path, tmp_path: Path, capsys: Output) -> None:
    files = sorted(malformed.iterdir())
    assert len(files) >= 10
    for path in files:
        assert path.name in _refused(capsys, "encode", path, "-o", tmp_path / "a.fgvc", *TINY)
        assert not (tmp_path / "a.fgvc").exists()
        for left in tmp_path.iterdir():
            assert left.name == "a.fgvc.part"
            left.unlink()


@pytest.mark.parametrize("name", ["zero_bytes.mp4", "png.mp4", "ftyp_then_noise.mp4"])
def test_no_malformed_file_is_a_fgvc(malformed: Path, tmp_path: Path, capsys: Output, name: str) -> None:
    assert "is not a Free-GVC file" in _refused(capsys, "decode", malformed / name, "-o", tmp_path / "a.mp4")
    assert "is not a Free-GVC file" in _refused(capsys, "info", malformed / name)


def test_folders_and_missing_files_are_told(source: Path, coded: Path, tmp_path: Path, capsys: Output) -> None:
    nowhere = tmp_path / "nowhere"
    assert "no file" in _refused(capsys, "encode", nowhere, "-o", tmp_path / "a.fgvc", *TINY)
    assert "is a folder" in _refused(capsys, "encode", tmp_path, "-o", tmp_path / "a.fgvc", *TINY)
    assert "is a folder" in _refused(capsys, "encode", source, "-o", tmp_path, *TINY)
    assert "folder doesn't exist" in _refused(capsys, "encode", source, "-o", nowhere / "a.fgvc", *TINY)
    assert "can't be opened" in _refused(capsys, "decode", nowhere, "-o", tmp_path / "a.mp4")
    assert "can't be opened" in _refused(capsys, "decode", tmp_path, "-o", tmp_path / "a.mp4")
    assert "folder doesn't exist" in _refused(capsys, "decode", coded, "-o", nowhere / "a.mp4")
    assert "no extension" in _refused(capsys, "decode", coded, "-o", tmp_path / "a.gif")
    assert "can't be opened" in _refused(capsys, "info", nowhere)
    assert "no file" in _refused(capsys, "measure", source, nowhere)
    assert "no metric 'nonsense'" in _refused(capsys, "measure", source, source, "--metrics", "nonsense")
    assert list(tmp_path.iterdir()) == []


@skips.posix
def test_a_name_that_no_file_system_has_is_told(tmp_path: Path, capsys: Output) -> None:
    assert "name too long" in _refused(capsys, "encode", tmp_path / ("n" * 300), "-o", tmp_path / "a.fgvc", *TINY)
    assert list(tmp_path.iterdir()) == []


@skips.posix
@skips.not_root
def test_a_read_only_folder_is_told(source: Path, tmp_path: Path, capsys: Output) -> None:
    tmp_path.chmod(0o555)
    assert "write-protected" in _refused(capsys, "encode", source, "-o", tmp_path / "a.fgvc", *TINY)


def test_a_newer_version_is_told(coded: Path, tmp_path: Path, capsys: Output) -> None:
    data = bytearray(coded.read_bytes())
    data[len(SIGNATURE)] = 9
    (tmp_path / "new.fgvc").write_bytes(bytes(data))
    assert "version 9 of the format" in _refused(capsys, "decode", tmp_path / "new.fgvc", "-o", tmp_path / "a.mp4")
    assert "update it" in _refused(capsys, "info", tmp_path / "new.fgvc")


def test_a_truncated_file_decodes_with_a_note(coded: Path, tmp_path: Path, capsys: Output) -> None:
    (tmp_path / "cut.fgvc").write_bytes(coded.read_bytes()[:-30])
    assert main(["decode", str(tmp_path / "cut.fgvc"), "-o", str(tmp_path / "a.mp4")]) == 0
    told = capsys.readouterr()
    assert all(line.startswith("Note: ") and line.endswith(".") for line in told.err.splitlines())
    assert told.err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["encode"],
        ["encode", "a.mp4"],
        ["transcode", "a.mp4"],
        ["encode", "a.mp4", "-o", "b", "--channel", "morse"],
        ["encode", "a.mp4", "-o", "b", "--target", "0.1", "--bitrate", "9k"],
        ["encode", "a.mp4", "-o", "b", "--bitrate", "nan"],
        ["encode", "a.mp4", "-o", "b", "--size", "inf"],
        ["encode", "a.mp4", "-o", "b", "--size", "1e308k"],
        ["encode", "a.mp4", "-o", "b", "--bitrate", "20q"],
        ["encode", "a.mp4", "-o", "b", "--size", "-5"],
        ["decode", "a.fgvc", "-o", "b.mp4", "--threads", "0"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_2(arguments: list[str], capsys: Output) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: freegvc" in capsys.readouterr().err


@pytest.mark.parametrize(("text", "value"), [("800", 800), ("20k", 20_000), ("1.5M", 1_500_000), ("2G", 2e9)])
def test_amounts_have_suffixes(text: str, value: float) -> None:
    assert bits(text) == value


def _limit_files() -> None:
    """No file may grow beyond 600 bytes: what a full disk is to a process."""
    import resource

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))


@skips.posix
@pytest.mark.slow
def test_a_disk_that_fills_up_is_told(source: Path, coded: Path, tmp_path: Path) -> None:
    tasks: list[list[object]] = [
        ["encode", source, "-o", tmp_path / "a.fgvc", *TINY],
        ["decode", coded, "-o", tmp_path / "a.mp4"],
    ]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    # Side by side, since most of their time goes into starting.
    running = [
        subprocess.Popen([*COMMAND, *map(str, task)], **pipes, preexec_fn=_limit_files, cwd=ROOT) for task in tasks
    ]
    for task, process in zip(tasks, running, strict=True):
        _, told = process.communicate()
        assert process.returncode == 1, told
        assert "can't be written" in told
        assert len(told.splitlines()) == 1
        assert not Path(str(task[3])).exists()


# Frames: no machine, however its processes wait for each other, is through before a signal arrives.
LONG = 6000


@skips.posix
@pytest.mark.slow
def test_ctrl_c_leaves_a_playable_file_and_exit_130(tmp_path: Path) -> None:
    source, output = film(tmp_path / "in.mp4", LONG), tmp_path / "a.fgvc"
    command = [*COMMAND, "encode", str(source), "-o", str(output), *TINY, "--gop", "8", "--json"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    # A shell starts what it puts into the background deaf to Ctrl-C, and its children inherit that.
    hearing = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(command, **pipes, cwd=ROOT, preexec_fn=hearing) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line)["event"] == "gop":
                break
        process.send_signal(signal.SIGINT)
        _, told = process.communicate()
    assert process.returncode == 130
    assert told == "Interrupted.\n"
    assert not describe(output).complete
    assert 8 <= describe(output).frames < LONG
    assert main(["decode", str(output), "-o", str(tmp_path / "out.mp4")]) == 0


def test_a_reader_that_leaves_is_no_crash(coded: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""], stdin=subprocess.PIPE) as gone:
        gone.wait()
        run = subprocess.run(
            [*COMMAND, "info", str(coded), "--json"],
            stdout=gone.stdin,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
    assert (run.returncode, run.stderr) == (1, "")


def test_the_version_is_that_of_the_installation(capsys: Output) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"freegvc {version('freegvc')}\n"


@pytest.mark.parametrize("arguments", [["-v", "info"], ["info", "-vv"]])
def test_verbose_tells_what_happens_inside_on_stderr(coded: Path, tmp_path: Path, arguments: list[str]) -> None:
    decode = [argument.replace("info", "decode") for argument in arguments]
    command = [*COMMAND, *decode, str(coded), "-o", str(tmp_path / "a.mkv")]
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert "INFO opening the prior gaussian on cpu in float32" in run.stderr


def test_without_it_nothing_is_told_there(coded: Path, tmp_path: Path) -> None:
    quiet = [*COMMAND, "decode", str(coded), "-o", str(tmp_path / "b.mkv")]
    assert subprocess.run(quiet, capture_output=True, text=True, cwd=ROOT, check=True).stderr == ""
