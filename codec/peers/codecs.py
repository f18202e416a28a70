"""The codecs that people would use otherwise, on the same frames and in the same harness. `PEERS` is their one list.

Torch is not imported here: the window and the command read the list too.

Sizes count the packets alone, without a container: a little in the peers' favour.
"""

from __future__ import annotations

import math
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation

from codec.arrays import Frames
from codec.errors import InputError, SettingsError
from codec.log import LOGGER
from codec.video.svt_av1 import leave_real_time, told_rate

# Without these swscale drops every other chroma sample and doubles them back, which peers would be blamed for.
EXACT = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP
FFMPEG_TIMEOUT_S = 3600
# x265 writes past its buffers in narrower pictures, which ends the whole process.
X265_MIN_WIDTH = 64


@dataclass(frozen=True)
class CodedClip:
    """What a peer made of a clip: bytes of its packets, and the decoded frames uint8 (T, H, W, 3)."""

    bytes: int
    frames: Frames = field(repr=False)


def _always_there() -> None:
    """What comes with this program needs nothing else."""


@dataclass(frozen=True)
class Peer:
    """One codec.

    Attributes:
        name: what the user types; `label` is what the window shows.
        quantisers: from the finest to the coarsest setting that makes sense.
        curve: those that `freegvc reproduce` draws a curve through, from good to as coarse as it goes.
        encode: (frames uint8 (T, H, W, 3), quantiser, frame rate) -> CodedClip.
        quick: whether it is compared with unless others are named.
        missing: why it can't run on this machine, as one sentence, or None where it can.
    """

    name: str
    label: str
    quantisers: range
    curve: tuple[int, ...]
    encode: Callable[[Frames, int, Fraction], CodedClip]
    quick: bool = True
    missing: Callable[[], str | None] = _always_there


def encode_av(
    frames: Frames, quantiser: float, rate: Fraction, encoder: str, decoder: str, options: Mapping[str, str]
) -> CodedClip:
    """uint8 (T, H, W, 3) through an encoder of FFmpeg's at a constant rate factor, and back."""
    context = cast(VideoCodecContext, av.CodecContext.create(encoder, "w"))
    context.height, context.width = frames.shape[1:3]
    context.pix_fmt, context.framerate, context.time_base = "yuv420p", rate, 1 / rate
    context.options = {**options, "crf": f"{quantiser:g}"}
    context.open()
    leave_real_time()
    packets = []
    for index, picture in enumerate(frames):
        frame = to_yuv(picture)
        frame.pts = index
        packets += context.encode(frame)
    packets += context.encode(None)
    reader = cast(VideoCodecContext, av.CodecContext.create(decoder, "r"))
    pictures = [picture for packet in packets for picture in reader.decode(packet)]
    pictures += reader.decode(None)
    return CodedClip(sum(packet.size for packet in packets), np.stack([to_rgb(picture) for picture in pictures]))


def to_yuv(picture: Frames) -> VideoFrame:
    """uint8 (H, W, 3) RGB, sides even -> what every peer codes: 8 bit 4:2:0, BT.709, limited range."""
    frame = VideoFrame.from_ndarray(picture, format="rgb24")
    return frame.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG", interpolation=EXACT)


def to_rgb(picture: VideoFrame) -> Frames:
    """`to_yuv` back: uint8 (H, W, 3)."""
    converted = picture.reformat(format="rgb24", src_colorspace="ITU709", src_color_range="MPEG", interpolation=EXACT)
    return np.asarray(converted.to_ndarray(), np.uint8)


def _svtav1(frames: Frames, quantiser: int, rate: Fraction) -> CodedClip:
    options = {"preset": "4", "svtav1-params": "keyint=-1:scd=0:lp=1"}
    return encode_av(frames, quantiser, told_rate(rate), "libsvtav1", "libdav1d", options)


def _x265(frames: Frames, quantiser: int, rate: Fraction) -> CodedClip:
    if frames.shape[2] < X265_MIN_WIDTH:
        raise InputError(
            f"x265 needs pictures at least {X265_MIN_WIDTH} pixels wide, not {frames.shape[2]}; leave it out."
        )
    options = {"preset": "slow", "x265-params": "keyint=-1:scenecut=0:log-level=none"}
    return encode_av(frames, quantiser, rate, "libx265", "hevc", options)


def _vvc(frames: Frames, quantiser: int, rate: Fraction) -> CodedClip:
    # Seconds from keyframe to keyframe, by default one: the others have a single one too.
    period = math.ceil(len(frames) / rate) + 1
    options = ["-preset", "medium", "-qp", str(quantiser), "-period", str(period), "-pix_fmt", "yuv420p10le"]
    return _encode_ffmpeg(frames, rate, "libvvenc", options, "vvc")


def _libaom(frames: Frames, quantiser: int, rate: Fraction) -> CodedClip:
    options = ["-cpu-used", "4", "-crf", str(quantiser), "-b:v", "0", "-g", str(len(frames)), "-pix_fmt", "yuv420p"]
    return _encode_ffmpeg(frames, rate, "libaom-av1", options, "obu")


def _encode_ffmpeg(frames: Frames, rate: Fraction, encoder: str, options: Sequence[str], bare: str) -> CodedClip:
    """An encoder that PyAV lacks, through an ffmpeg that has it, never through a shell.

    Frames go in by a pipe: where this process is ended, ffmpeg sees the end of its input and ends too.

    Args:
        bare: ffmpeg's name of the format that holds packets alone.
    """
    program = ffmpeg_with(encoder)
    if program is None:
        raise SettingsError(_without(encoder))
    count, height, width, _ = frames.shape
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = [*raw, "-s", f"{width}x{height}", "-r", str(rate), "-i", "pipe:0"]
        run = partial(_run, program, folder, encoder)
        run([*source, "-c:v", encoder, *options, "-f", bare, "coded"], frames.tobytes())
        run(["-f", bare, "-i", "coded", *raw, "out.rgb"], b"")
        decoded = np.fromfile(folder / "out.rgb", np.uint8)
        return CodedClip((folder / "coded").stat().st_size, decoded.reshape(-1, height, width, 3)[:count])


def _run(program: str, folder: Path, encoder: str, arguments: list[str], given: bytes) -> None:
    command = [program, "-hide_banner", "-loglevel", "error", "-y", *arguments]
    told: dict[str, Any] = {"cwd": folder, "input": given, "capture_output": True, "timeout": FFMPEG_TIMEOUT_S}
    try:
        done = subprocess.run(command, **told, check=False)
    except subprocess.TimeoutExpired as error:
        raise SettingsError(
            f"{encoder} was not done after {error.timeout:g} s; leave it out, or compare a shorter clip."
        ) from error
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no reason given"]
        raise SettingsError(f"{encoder} could not code the clip: {reason[0]}.")


def ffmpeg_with(encoder: str) -> str | None:
    """Path of an ffmpeg that has an encoder, or None."""
    candidates = [shutil.which("ffmpeg")]
    try:
        import imageio_ffmpeg

        candidates.append(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError):
        pass
    for program in filter(None, candidates):
        try:
            listed = subprocess.run(
                [program, "-hide_banner", "-encoders"], capture_output=True, timeout=30, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            continue
        if encoder.encode() in listed.stdout.split():
            return program
    return None


def _without(encoder: str) -> str:
    return f"No ffmpeg with {encoder} was found; install imageio-ffmpeg to compare with it."


def _missing(encoder: str) -> str | None:
    return None if ffmpeg_with(encoder) is not None else _without(encoder)


PEERS: Mapping[str, Peer] = {
    peer.name: peer
    for peer in (
        Peer("x265", "HEVC (x265)", range(18, 52), (30, 35, 40, 45, 51), _x265),
        Peer("svtav1", "AV1 (SVT)", range(20, 64), (38, 44, 50, 56, 63), _svtav1),
        Peer(
            "libaom",
            "AV1 (libaom)",
            range(20, 64),
            (38, 44, 50, 56, 63),
            _libaom,
            quick=False,
            missing=partial(_missing, "libaom-av1"),
        ),
        Peer(
            "vvc", "VVC", range(18, 64), (37, 43, 49, 56, 63), _vvc, quick=False, missing=partial(_missing, "libvvenc")
        ),
    )
}
QUICK = tuple(peer.name for peer in PEERS.values() if peer.quick)


def at_size(peer: Peer, frames: Frames, rate: Fraction, most_bytes: int) -> tuple[int, CodedClip]:
    """The finest quantiser whose bytes stay within `most_bytes`, and the result; the coarsest if none does."""
    search = search_size(peer, frames, rate, most_bytes)
    while True:
        try:
            next(search)
        except StopIteration as end:
            quantiser, made = end.value
            return quantiser, made


def trials(peer: Peer) -> int:
    """How often `search_size` codes at most."""
    return (len(peer.quantisers) - 1).bit_length() + 1


def search_size(
    peer: Peer, frames: Frames, rate: Fraction, most_bytes: int
) -> Generator[int, None, tuple[int, CodedClip]]:
    """`at_size`, yielding each quantiser before it is tried."""
    low, high = 0, len(peer.quantisers) - 1
    best: CodedClip | None = None
    while low < high:
        middle = (low + high) // 2
        yield peer.quantisers[middle]
        made = peer.encode(frames, peer.quantisers[middle], rate)
        LOGGER.debug("%s at %d: %d bytes of %d", peer.name, peer.quantisers[middle], made.bytes, most_bytes)
        if made.bytes <= most_bytes:
            high, best = middle, made
        else:
            low = middle + 1
    if best is None:
        yield peer.quantisers[high]
        best = peer.encode(frames, peer.quantisers[high], rate)
    return peer.quantisers[high], best
