"""Learned peers by their command lines, with a stand-in that takes their arguments and writes what they write."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from codec.errors import SettingsError
from codec.metrics.psnr import Psnr
from codec.peers.codecs import to_rgb, to_yuv
from codec.reproduce import learned
from codec.reproduce.learned import KINDS, Learned, read_learned
from codec.reproduce.sequences import Clip
from tests.support.codec_runs import moving
from tests.support.learned import checkout, write_toml


@pytest.fixture
def clip() -> Clip:
    return Clip(np.stack(moving(3)), Fraction(25))


@pytest.mark.parametrize("family", KINDS)
def test_streams_and_pictures_are_read_back(family: str, clip: Clip, tmp_path: Path) -> None:
    described = write_toml(tmp_path / "l.toml", family, checkout(tmp_path / family, family), qualities=[2, 21, 63])
    (codec,) = read_learned(described)
    assert codec.name == family
    assert codec.settings == ("q 2", "q 21", "q 63")
    made = dict(codec.code(clip, ("q 2", "q 63", "q 21"), tmp_path / "log.txt"))
    assert {setting: result.bytes for setting, result in made.items()} == {"q 2": 120, "q 21": 310, "q 63": 730}
    assert all(result.frames.shape == clip.frames.shape for result in made.values())
    fidelity = [Psnr()(clip.frames, made[setting].frames).mean() for setting in codec.settings]
    assert fidelity == sorted(fidelity)
    # The finest stand-in changes nothing, so that what 4:2:0 takes away is all that is lost.
    exact = family == "glc-video"
    expected = clip.frames if exact else np.stack([to_rgb(to_yuv(picture)) for picture in clip.frames])
    assert np.array_equal(made["q 63"].frames, expected)
    assert "Test finished" in (tmp_path / "log.txt").read_text("utf-8")


def test_a_failing_program_is_told_by_its_last_words(clip: Clip, tmp_path: Path) -> None:
    folder = checkout(tmp_path / "rt", "dcvc-rt")
    (codec,) = read_learned(write_toml(tmp_path / "l.toml", "dcvc-rt", folder, arguments=["--cuda", "1"]))
    with pytest.raises(SettingsError, match="no NVIDIA driver"):
        list(codec.code(clip, codec.settings, tmp_path / "logs" / "rt.txt"))
    assert (tmp_path / "logs" / "rt.txt").is_file()


def test_a_program_that_leaves_nothing_is_told(clip: Clip, tmp_path: Path) -> None:
    folder = checkout(tmp_path / "rt", "dcvc-rt")
    (folder / "test_video.py").write_text("", "utf-8")
    (codec,) = read_learned(write_toml(tmp_path / "l.toml", "dcvc-rt", folder))
    with pytest.raises(SettingsError, match="no 3 decoded frames"):
        list(codec.code(clip, codec.settings, tmp_path / "log.txt"))


def test_a_python_that_is_not_there_is_told(clip: Clip, tmp_path: Path) -> None:
    folder = checkout(tmp_path / "rt", "dcvc-rt")
    (codec,) = read_learned(write_toml(tmp_path / "l.toml", "dcvc-rt", folder, python=str(tmp_path / "python")))
    with pytest.raises(SettingsError, match="can't be started"):
        list(codec.code(clip, codec.settings, tmp_path / "log.txt"))


class _StopError(Exception):
    """Stands for what a user's Ctrl-C raises in `wait`."""


def test_an_interruption_ends_the_program(clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = checkout(tmp_path / "rt", "dcvc-rt")
    (folder / "test_video.py").write_text("import sys\nsys.stdin.read()\nimport time\ntime.sleep(600)\n", "utf-8")
    (codec,) = read_learned(write_toml(tmp_path / "l.toml", "dcvc-rt", folder))
    children = []

    class Child(learned.subprocess.Popen):  # type: ignore[type-arg]
        interrupted = False

        def wait(self, timeout: float | None = None) -> int:
            if not self.interrupted:
                self.interrupted = True
                children.append(self)
                raise _StopError
            return super().wait(timeout)

    monkeypatch.setattr(learned.subprocess, "Popen", Child)
    with pytest.raises(_StopError):
        list(codec.code(clip, codec.settings, tmp_path / "log.txt"))
    assert children[0].returncode not in (None, 0)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"checkout": "nowhere"}, "needs checkout"),
        ({"video_weights": "nowhere"}, "needs video_weights"),
        ({"image_weights": None}, "needs image_weights"),
        ({"qualities": [64]}, "0 to 63"),
        ({"qualities": []}, "0 to 63"),
        ({"qualities": [1, 1]}, "different"),
        ({"qualities": "all"}, "0 to 63"),
        ({"quality": 3}, "unknown entry 'quality'"),
    ],
)
def test_descriptions_that_do_not_fit_are_refused(more: dict[str, object], message: str, tmp_path: Path) -> None:
    described = write_toml(tmp_path / "l.toml", "dcvc-fm", checkout(tmp_path / "fm", "dcvc-fm"), **more)
    with pytest.raises(SettingsError, match=message):
        read_learned(described)


@pytest.mark.parametrize(("text", "message"), [("[dcvc]\n", "names 'dcvc'"), ("a = 1\n", "names 'a'"), ("[", "TOML")])
def test_files_that_are_no_descriptions_are_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "l.toml").write_text(text, "utf-8")
    with pytest.raises(SettingsError, match=message):
        read_learned(tmp_path / "l.toml")
    with pytest.raises(SettingsError, match="can't be read"):
        read_learned(tmp_path / "nowhere.toml")


def test_a_folder_without_the_script_is_refused(tmp_path: Path) -> None:
    folder = checkout(tmp_path / "fm", "dcvc-fm")
    (folder / "test_video.py").unlink()
    with pytest.raises(SettingsError, match=r"no test_video\.py"):
        read_learned(write_toml(tmp_path / "l.toml", "dcvc-fm", folder))


def test_defaults() -> None:
    codec = Learned("dcvc-rt", Path(), "python", Path(), Path())
    assert codec.settings[0] == "q 0"
    assert codec.together
