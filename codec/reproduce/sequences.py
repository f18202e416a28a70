"""Test sequences as they are published: y4m or ordinary video, or raw 4:2:0 with size and rate in the file's name."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation

from codec.arrays import Frames
from codec.errors import InputError
from codec.peers.codecs import EXACT, to_rgb
from codec.video import VideoReader, coding_size, probe
from codec.video.container.source import check_size

SUFFIXES = {".y4m", ".mp4", ".m4v", ".mkv", ".mov", ".webm", ".avi"}
RAW = ".yuv"
FALLBACK_RATE = "30"
# Size, then perhaps the rate, which is not the 420 of a chroma format.
_NAME = r"(?<!\d)(\d{2,5})x(\d{2,5})(?:[_p](?!4[0-4][0-4](?:_|p|$))(\d{2,3}(?:\.\d+)?)(?:fps|p|hz)?(?=_|$))?"


@dataclass(frozen=True)
class Source:
    """A sequence of the folder; `name` is its path inside, without suffix: "HEVC_C/BQMall_832x480_60"."""

    name: str
    path: Path


@dataclass(frozen=True)
class Clip:
    """What every codec gets and is judged against: uint8 (T, H, W, 3) with even sides, and frames a second."""

    frames: Frames = field(repr=False)
    rate: Fraction

    @property
    def pixels(self) -> int:
        """Of all frames together."""
        return int(self.frames[..., 0].size)


@dataclass(frozen=True)
class RawFormat:
    """What a raw file's name says of it; `pixels` is FFmpeg's name of the sample format."""

    width: int
    height: int
    rate: str
    pixels: str


def find_sources(folder: Path) -> tuple[Source, ...]:
    """Every sequence in `folder` and the folders in it, by name.

    Raises:
        InputError: there is none, or two have one name.
    """
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}; check its name.")
    wanted = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES | {RAW} and path.is_file())
    found: dict[str, Source] = {}
    for path in wanted:
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name in found:
            raise InputError(f"{path} and {found[name].path} have one name; rename or move one of them.")
        found[name] = Source(name, path)
    if not found:
        raise InputError(f"{folder} holds no .y4m, .yuv or other video; name the folder of the test sequences.")
    return tuple(found.values())


def read_clip(source: Source, most: int, lines: int | None) -> Clip:
    """The first `most` frames of a sequence, its shorter side scaled to `lines` (None: as it is).

    Raises:
        InputError: it can't be read, or a raw file's name doesn't say its size.
    """
    read = _read_raw if source.path.suffix.lower() == RAW else _read_video
    return read(source.path, most, lines)


def _read_video(path: Path, most: int, lines: int | None) -> Clip:
    info = probe(path)
    size = coding_size(info, lines or min(info.width, info.height), 2)
    with VideoReader(path, size=size) as reader:
        return Clip(np.stack([frame.pixels for frame in islice(reader.frames(), most)]), info.frame_rate)


def raw_format(path: Path) -> RawFormat:
    """Read from names such as BQMall_832x480_60.yuv or Beauty_1920x1080_120fps_420_10bit_YUV.yuv.

    Raises:
        InputError: there is no size in the name, or it names another chroma format than 4:2:0.
    """
    match = re.search(_NAME, path.stem, re.IGNORECASE)
    if match is None:
        raise InputError(f"The name of {path} has no size such as _1920x1080_; raw video doesn't say it itself.")
    rest = path.stem[match.end() :]
    if re.search(r"_(400|422|444)(?=_|p|$)", rest):
        raise InputError(f"{path} isn't 4:2:0 by its name; convert it to .y4m.")
    width, height = int(match[1]), int(match[2])
    check_size(width, height, path)
    deep = re.search(r"(?<!\d)(10|12|16)[_-]?bit", rest, re.IGNORECASE)
    pixels = "yuv420p" if deep is None else f"yuv420p{deep[1]}le"
    return RawFormat(width, height, match[3] or FALLBACK_RATE, pixels)


def _read_raw(path: Path, most: int, lines: int | None) -> Clip:
    """BT.709, limited range, as the test sequences are."""
    form = raw_format(path)
    scale = min(1.0, (lines or form.height) / min(form.width, form.height))
    width, height = (max(2, 2 * round(side * scale / 2)) for side in (form.width, form.height))
    options = {"video_size": f"{form.width}x{form.height}", "pixel_format": form.pixels, "framerate": form.rate}
    try:
        with av.open(str(path), "r", format="rawvideo", options=options) as container:
            frames = [_scaled(frame, width, height) for frame in islice(container.decode(video=0), most)]
    except (FFmpegError, OSError) as error:
        raise InputError(f"{path} can't be read as raw {form.width}x{form.height}; check size and name.") from error
    if not frames:
        raise InputError(f"{path} is shorter than one frame of {form.width}x{form.height}; check size and name.")
    return Clip(np.stack(frames), Fraction(form.rate))


def _scaled(frame: VideoFrame, width: int, height: int) -> Frames:
    if (frame.width, frame.height) == (width, height):
        return to_rgb(frame)
    rgb = frame.reformat(
        width,
        height,
        "rgb24",
        src_colorspace="ITU709",
        src_color_range="MPEG",
        interpolation=EXACT ^ Interpolation.BICUBIC | Interpolation.AREA,
    )
    return np.asarray(rgb.to_ndarray(), np.uint8)
