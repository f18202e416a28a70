"""Test sequences as they lie in folders."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from codec.errors import InputError
from codec.peers.codecs import to_rgb, to_yuv
from codec.reproduce.sequences import Clip, RawFormat, Source, find_sources, raw_format, read_clip
from tests.support.codec_runs import film, moving


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("BQMall_832x480_60", RawFormat(832, 480, "60", "yuv420p")),
        ("Beauty_1920x1080_120fps_420_8bit_YUV", RawFormat(1920, 1080, "120", "yuv420p")),
        ("Beauty_3840x2160_120fps_420_10bit_YUV", RawFormat(3840, 2160, "120", "yuv420p10le")),
        ("videoSRC01_1920x1080_30", RawFormat(1920, 1080, "30", "yuv420p")),
        ("Traffic_2560x1600_30_crop", RawFormat(2560, 1600, "30", "yuv420p")),
        ("clip_640x360_23.98fps", RawFormat(640, 360, "23.98", "yuv420p")),
        ("clip_640x360_420", RawFormat(640, 360, "30", "yuv420p")),
        ("clip_640x360", RawFormat(640, 360, "30", "yuv420p")),
        ("clip_1280x720p50", RawFormat(1280, 720, "50", "yuv420p")),
    ],
)
def test_names_say_what_is_in_raw_files(name: str, expected: RawFormat) -> None:
    assert raw_format(Path(f"{name}.yuv")) == expected


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("crowd_run_1080p50", "no size"),
        ("clip_640x360_30_444p", "4:2:0"),
        ("clip_0x0000_30", "no size"),
        ("clip_00x00_30", "doesn't say"),
        ("clip_99999x99999_30", "scale it down"),
    ],
)
def test_names_that_do_not_say_it_are_refused(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        raw_format(Path(f"{name}.yuv"))


def _raw(path: Path, count: int = 6) -> list[np.ndarray]:
    """Writes a raw file; returns what its frames are in RGB."""
    frames = [to_yuv(picture) for picture in moving(count)]
    path.write_bytes(b"".join(frame.to_ndarray().tobytes() for frame in frames))
    return [to_rgb(frame) for frame in frames]


def test_raw_pictures_come_as_they_were_written(tmp_path: Path) -> None:
    pictures = _raw(tmp_path / "drift_48x32_50.yuv")
    clip = read_clip(Source("drift", tmp_path / "drift_48x32_50.yuv"), 4, None)
    assert clip.rate == 50
    assert clip.frames.shape == (4, 32, 48, 3)
    assert np.abs(clip.frames.astype(int) - np.stack(pictures[:4])).mean() < 1


def test_deep_raw_pictures_are_the_same_ones(tmp_path: Path) -> None:
    frames = [to_yuv(picture) for picture in moving(3)]
    deep = [(frame.to_ndarray().astype("<u2") << 2).tobytes() for frame in frames]
    (tmp_path / "drift_48x32_25fps_420_10bit_YUV.yuv").write_bytes(b"".join(deep))
    clip = read_clip(Source("drift", tmp_path / "drift_48x32_25fps_420_10bit_YUV.yuv"), 9, None)
    assert np.abs(clip.frames.astype(int) - np.stack([to_rgb(frame) for frame in frames])).mean() < 1


def test_scaling_keeps_sides_even(tmp_path: Path) -> None:
    _raw(tmp_path / "drift_48x32_25.yuv")
    film(tmp_path / "drift.mp4", 5)
    for path in tmp_path.iterdir():
        clip = read_clip(Source("x", path), 3, 18)
        assert clip.frames.shape == (3, 18, 28, 3)
        assert clip.pixels == 3 * 18 * 28


def test_y4m(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "drift.y4m"), "w", format="yuv4mpegpipe") as container:
        stream = container.add_stream("wrapped_avframe", 50)
        stream.width, stream.height, stream.pix_fmt = 48, 32, "yuv420p"
        for picture in moving(4):
            container.mux(stream.encode(to_yuv(picture)))
        container.mux(stream.encode(None))
    clip = read_clip(Source("drift", tmp_path / "drift.y4m"), 3, None)
    assert clip.frames.shape == (3, 32, 48, 3)
    assert clip.rate == 50


def test_damaged_raw_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "short_48x32_25.yuv"
    path.write_bytes(bytes(100))
    with pytest.raises(InputError, match="check size and name"):
        read_clip(Source("short", path), 4, None)


def test_sequences_are_found_in_folders_of_the_folder(tmp_path: Path) -> None:
    for name in ("HEVC_C/BQMall_832x480_60.yuv", "UVG/Beauty.Y4M", "top.mp4", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    found = find_sources(tmp_path)
    assert [source.name for source in found] == ["HEVC_C/BQMall_832x480_60", "UVG/Beauty", "top"]


def test_a_folder_without_sequences_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no folder"):
        find_sources(tmp_path / "nowhere")
    with pytest.raises(InputError, match="holds no"):
        find_sources(tmp_path)
    for name in ("a.mp4", "a.y4m"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(InputError, match="one name"):
        find_sources(tmp_path)


def test_a_clip_counts_its_pixels() -> None:
    assert Clip(np.zeros((3, 4, 6, 3), np.uint8), Fraction(25)).pixels == 72
