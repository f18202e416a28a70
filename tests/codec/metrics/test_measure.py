"""Comparing real files: matching in time, sizes, lengths, blocks."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from codec.arrays import Frames
from codec.errors import InputError, SettingsError
from codec.metrics import measure as module
from codec.metrics.measure import measure
from codec.metrics.ms_ssim import MsSsim
from codec.metrics.psnr import Psnr
from codec.metrics.temporal.tof import Tof
from codec.video import VideoReader

Times = list[Fraction]


@pytest.fixture(scope="module")
def frames(data: Path) -> Frames:
    """Twelve frames full of texture, 176x144."""
    with VideoReader(data / "scene.mp4", size=(176, 144)) as reader:
        return np.stack([frame.pixels for frame, _ in zip(reader.frames(), range(12), strict=False)])


def write(path: Path, frames: Frames, times: Times | None = None, size: tuple[int, int] | None = None) -> Path:
    """Lossless Matroska; `times` in seconds, by default 25 frames a second."""
    height, width = frames.shape[1:3]
    times = times or [Fraction(i, 25) for i in range(len(frames))]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height = size or (width, height)
        stream.pix_fmt = "bgr0"
        stream.codec_context.time_base = Fraction(1, 1000)
        for picture, time in zip(frames, times, strict=True):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(*(size or (width, height)))
            frame.pts, frame.time_base = int(time * 1000), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def darker(frames: Frames) -> Frames:
    return frames - np.minimum(frames, 10)


def test_values_are_those_of_the_metrics(tmp_path: Path, frames: Frames) -> None:
    result = measure(write(tmp_path / "a.mkv", frames), write(tmp_path / "b.mkv", darker(frames)), [Psnr(), Tof.load()])
    assert [r.name for r in result.results] == ["psnr", "tof"]
    assert result.results[0].values == pytest.approx(Psnr()(frames, darker(frames)))
    assert result.results[1].values == pytest.approx(Tof()(frames, darker(frames)))
    assert result.results[0].mean == pytest.approx(Psnr()(frames, darker(frames)).mean())
    assert result.times == pytest.approx([i / 25 for i in range(12)], abs=1e-3)
    assert (result.width, result.height, result.notes) == (176, 144, ())


def test_blocks_make_no_difference(tmp_path: Path, frames: Frames, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = write(tmp_path / "a.mkv", frames), write(tmp_path / "b.mkv", darker(frames))
    whole = measure(a, b, [Psnr(), Tof.load(), MsSsim(torch.device("cpu"))])
    monkeypatch.setattr(module, "BLOCK_BYTES", 5 * 176 * 144 * 3)
    seen: list[int] = []
    pieces = measure(a, b, [Psnr(), Tof.load(), MsSsim(torch.device("cpu"))], on_frames=seen.append)
    assert seen == [5, 10, 12]
    for one, other in zip(whole.results, pieces.results, strict=True):
        assert other.values == pytest.approx(one.values, rel=1e-6)


def test_other_size_is_scaled_to_the_references(tmp_path: Path, frames: Frames) -> None:
    half = write(tmp_path / "half.mkv", frames, size=(88, 72))
    result = measure(write(tmp_path / "a.mkv", frames), half, [Psnr()])
    assert (result.width, result.height) == (176, 144)
    assert result.notes == ("The test clip is 88x72 and was compared at the reference's 176x144.",)
    assert 20 < result.results[0].mean < 45


def test_shorter_test_compares_the_common_part(tmp_path: Path, frames: Frames) -> None:
    a, b = write(tmp_path / "a.mkv", frames), write(tmp_path / "b.mkv", frames[:8])
    result = measure(a, b, [Psnr()])
    assert result.results[0].values.tolist() == [100.0] * 8
    assert result.notes == ("The test clip ends first; what the reference clip shows after that is left out.",)
    assert measure(b, a, [Psnr()]).notes[0].startswith("The reference clip ends first")


def test_dropped_frames_are_found_by_time(tmp_path: Path, frames: Frames) -> None:
    kept = [0, 1, 2, 5, 6, 9, 10, 11]
    times = [Fraction(i, 25) for i in kept]
    a, b = write(tmp_path / "a.mkv", frames), write(tmp_path / "b.mkv", frames[kept], times)
    for one, other, name in ((a, b, "reference"), (b, a, "test")):
        result = measure(one, other, [Psnr()])
        assert result.results[0].values.tolist() == [100.0] * 8
        assert result.notes == (f"4 frames of the {name} clip have no counterpart and are left out.",)


def test_limit_stops_without_a_note(tmp_path: Path, frames: Frames) -> None:
    a = write(tmp_path / "a.mkv", frames)
    result = measure(a, a, [Psnr()], limit=3)
    assert len(result.times) == 3
    assert result.notes == ()


def test_refusals(tmp_path: Path, frames: Frames) -> None:
    a = write(tmp_path / "a.mkv", frames)
    with pytest.raises(SettingsError, match="At least one frame"):
        measure(a, a, [Psnr()], limit=0)
    with pytest.raises(InputError, match=r"gone\.mkv"):
        measure(a, tmp_path / "gone.mkv", [Psnr()])
