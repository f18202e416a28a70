"""Learned peers by their own command line: DCVC-RT, DCVC-FM and GLC-Video from checkouts that the user has.

Their code is never imported. Each is given the clip as its `test_video.py` wants it, raw 4:2:0 or PNGs, and leaves
streams, decoded frames and a JSON with rates, which are read back.
"""

from __future__ import annotations

import json
import math
import os
import re
import signal
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.frame import VideoFrame

from codec.arrays import Frames
from codec.errors import SettingsError
from codec.peers.codecs import to_rgb, to_yuv
from codec.reproduce.codecs import Made
from codec.reproduce.sequences import Clip

SCRIPT = "test_video.py"
SET, CLIP = "set", "clip"
# All three have 64 qualities, 0 the coarsest.
QUALITIES = (0, 8, 16, 24, 32, 48, 63)
MOST_QUALITIES = 64
_DAY_S = 86_400


@dataclass(frozen=True)
class Kind:
    """How one family's script is called.

    Attributes:
        flags: of the qualities of intra and inter frames.
        source: "yuv420" or "png".
        intra_period: what stands for one intra frame only.
        arguments: the rest, as its authors publish results; the user's own follow and win.
    """

    flags: tuple[str, str]
    source: str
    intra_period: int
    arguments: tuple[str, ...]


_COMMON = ("--cuda", "1", "--worker", "1", "--save_decoded_frame", "1")
KINDS: Mapping[str, Kind] = {
    "dcvc-rt": Kind(
        flags=("--qp_i", "--qp_p"),
        source="yuv420",
        intra_period=-1,
        arguments=(*_COMMON, "--write_stream", "1", "--force_zero_thres", "0.12", "--reset_interval", "64"),
    ),
    "dcvc-fm": Kind(
        flags=("--q_indexes_i", "--q_indexes_p"),
        source="yuv420",
        # -1 would make every frame an intra frame there.
        intra_period=9999,
        arguments=(*_COMMON, "--write_stream", "1"),
    ),
    "glc-video": Kind(flags=("--q_indexes_i", "--q_indexes_p"), source="png", intra_period=9999, arguments=_COMMON),
}


@dataclass(frozen=True)
class Learned:
    """One learned codec as the user's file describes it.

    Attributes:
        checkout: the folder that holds its test_video.py.
        python: the interpreter of the environment it is installed in.
        image_weights, video_weights: its two checkpoints.
        arguments: the user's own, after ours.
    """

    name: str
    checkout: Path
    python: str
    image_weights: Path
    video_weights: Path
    qualities: tuple[int, ...] = QUALITIES
    arguments: tuple[str, ...] = ()
    together: bool = True

    @property
    def settings(self) -> tuple[str, ...]:
        """Such as "q 21"."""
        return tuple(f"q {quality}" for quality in self.qualities)

    def code(self, clip: Clip, settings: Sequence[str], log: Path) -> Iterator[tuple[str, Made]]:
        """See `Candidate`; the model is loaded once for all of `settings`.

        Raises:
            SettingsError: its program fails, or leaves something else than expected.
        """
        qualities = [self.qualities[self.settings.index(setting)] for setting in settings]
        with tempfile.TemporaryDirectory() as name:
            work = Path(name)
            kind = KINDS[self.name]
            _write_source(clip, kind, work)
            _call(self.name, self._command(kind, qualities, work), self.checkout, log)
            for setting, quality in zip(settings, qualities, strict=True):
                yield setting, _result(self.name, clip, work, qualities.index(quality), quality)

    def _command(self, kind: Kind, qualities: Sequence[int], work: Path) -> list[str]:
        steps = [str(quality) for quality in qualities]
        return [
            *(self.python, SCRIPT, "--test_config", str(work / "config.json")),
            *("--output_path", str(work / "result.json"), "--stream_path", str(work / "streams")),
            *("--model_path_i", str(self.image_weights), "--model_path_p", str(self.video_weights)),
            *("--rate_num", str(len(steps)), kind.flags[0], *steps, kind.flags[1], *steps),
            *kind.arguments,
            *self.arguments,
        ]


def read_learned(path: Path) -> tuple[Learned, ...]:
    """The learned codecs of a TOML file: a table each, see docs/reproduce.md.

    Raises:
        SettingsError: it can't be read, or names what isn't there.
    """
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path} can't be read as TOML ({error}); see docs/reproduce.md.") from error
    return tuple(_learned(path, name, table) for name, table in tables.items())


def _learned(path: Path, name: str, table: Any) -> Learned:
    if name not in KINDS or not isinstance(table, dict):
        raise SettingsError(
            f"{path} names {name!r}; it can have the tables {', '.join(f'[{kind}]' for kind in KINDS)}."
        )
    extra = sorted(set(table) - {"checkout", "python", "image_weights", "video_weights", "qualities", "arguments"})
    if extra:
        raise SettingsError(f"[{name}] in {path} has the unknown entry {extra[0]!r}; see docs/reproduce.md.")
    checkout = _existing(path, name, table, "checkout", path.parent)
    if not (checkout / SCRIPT).is_file():
        raise SettingsError(f"{checkout} holds no {SCRIPT}; [{name}] in {path} needs the folder that does.")
    qualities = table.get("qualities", list(QUALITIES))
    if not _whole_numbers(qualities):
        raise SettingsError(f"The qualities of [{name}] in {path} must be different whole numbers from 0 to 63.")
    return Learned(
        name=name,
        checkout=checkout,
        python=str(table.get("python", sys.executable)),
        image_weights=_existing(path, name, table, "image_weights", checkout),
        video_weights=_existing(path, name, table, "video_weights", checkout),
        qualities=tuple(qualities),
        arguments=tuple(map(str, table.get("arguments", []))),
    )


def _whole_numbers(qualities: Any) -> bool:
    whole = isinstance(qualities, list) and all(type(quality) is int for quality in qualities)
    inside = whole and all(0 <= quality < MOST_QUALITIES for quality in qualities)
    return bool(inside and qualities and len(set(qualities)) == len(qualities))


def _existing(path: Path, name: str, table: Mapping[str, Any], key: str, beside: Path) -> Path:
    """A path of the table, relative ones to `beside`."""
    value = table.get(key)
    place = None if not isinstance(value, str) else (beside / Path(value).expanduser()).resolve()
    if place is None or not place.exists():
        raise SettingsError(f"[{name}] in {path} needs {key}, a path that exists (here: {value}).")
    return place


def _write_source(clip: Clip, kind: Kind, work: Path) -> None:
    """The clip, and the JSON that leads the script to it."""
    source = work / "source"
    source.mkdir()
    if kind.source == "png":
        (source / CLIP).mkdir()
        for number, picture in enumerate(clip.frames, 1):
            (source / CLIP / f"im{number:05d}.png").write_bytes(_png(picture))
    else:
        with (source / f"{CLIP}.yuv").open("wb") as file:
            for picture in clip.frames:
                file.write(to_yuv(picture).to_ndarray().tobytes())
    count, height, width, _ = clip.frames.shape
    size = {"width": width, "height": height, "frames": count, "intra_period": kind.intra_period}
    # Without suffix: their readers put it on, and DCVC-RT would replace it twice in the name of what it writes.
    test = {"test": 1, "base_path": source.name, "src_type": kind.source, "sequences": {CLIP: size}}
    config = {"root_path": str(work), "test_classes": {SET: test}}
    (work / "config.json").write_text(json.dumps(config), "utf-8")


def _png(picture: Frames) -> bytes:
    context = av.CodecContext.create("png", "w")
    context.height, context.width = picture.shape[:2]
    context.pix_fmt, context.framerate = "rgb24", Fraction(1)
    packets = context.encode(VideoFrame.from_ndarray(picture, format="rgb24")) + context.encode(None)
    return b"".join(bytes(packet) for packet in packets)


def _call(name: str, command: list[str], folder: Path, log: Path) -> None:
    """Run the script in its own folder and process group: its workers must not outlive an interruption."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        try:
            child = subprocess.Popen(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise SettingsError(f"{name} can't be started with {command[0]} ({error.strerror}).") from error
        try:
            code = child.wait(_DAY_S)
        except BaseException:
            _end(child)
            raise
    if code:
        said = log.read_text("utf-8", "replace").strip().splitlines()[-1:] or ["it says nothing"]
        raise SettingsError(f"{name} failed ({said[0].strip()}); all it said is in {log}.")


def _end(child: subprocess.Popen[bytes]) -> None:
    if hasattr(os, "killpg"):
        os.killpg(child.pid, signal.SIGKILL)
    else:
        child.kill()
    child.wait()


def _result(name: str, clip: Clip, work: Path, index: int, quality: int) -> Made:
    streams = work / "streams" / SET
    stream = streams / f"{CLIP}_q{quality}.bin"
    frames = _decoded_frames(streams, quality, clip)
    if frames is None or frames.shape != clip.frames.shape:
        raise SettingsError(f"{name} left no {len(clip.frames)} decoded frames at quality {quality}.")
    if stream.is_file():
        return Made(stream.stat().st_size, frames)
    # GLC-Video writes no stream and states the bits that its entropy model would need.
    try:
        rate = float(
            json.loads((work / "result.json").read_text("utf-8"))[SET][CLIP][f"{index:03d}"]["ave_all_frame_bpp"]
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SettingsError(f"{name} left neither a stream nor its rate at quality {quality}.") from error
    return Made(math.ceil(rate * clip.pixels / 8), frames)


def _decoded_frames(streams: Path, quality: int, clip: Clip) -> Frames | None:
    pictures = sorted((streams / f"{CLIP}_q{quality}").glob("im*.png"))
    if pictures:
        return np.stack([_read_png(path.read_bytes()) for path in pictures])
    # DCVC-RT adds the bitrate to the name.
    named = re.compile(rf"{CLIP}_q{quality}(_\d+kbps)?\.yuv")
    found = [path for path in streams.glob("*.yuv") if named.fullmatch(path.name)]
    if not found:
        return None
    height, width = clip.frames.shape[1:3]
    data = np.frombuffer(found[0].read_bytes(), np.uint8)
    if not data.size or data.size % (height * width * 3 // 2):
        return None
    planes = data.reshape(-1, height * 3 // 2, width)
    return np.stack([to_rgb(VideoFrame.from_ndarray(picture, format="yuv420p")) for picture in planes])


def _read_png(data: bytes) -> Frames:
    context = av.CodecContext.create("png", "r")
    pictures = context.decode(av.Packet(data)) + context.decode(None)
    return np.asarray(pictures[0].to_ndarray(format="rgb24"), np.uint8)
