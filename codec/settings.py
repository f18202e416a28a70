"""What the user chose, validated once, at the edge."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from codec.errors import SettingsError
from codec.goals import QUALITY_METRICS

HOME_VARIABLE = "FREEGVC_HOME"
"""Names the folder of all that this program keeps, where the user has chosen one."""
STATISTICS = ("gop", "mean")
CHANNELS: Mapping[str, str] = {
    "trellis": "trellis-4-9",
    "trellis-best": "trellis-4-16",
    "greedy": "greedy",
    "pfr": "pfr",
}
"""The channel coders that a user may ask for, each with the coder of `codec.channel.CODERS` that it is today."""
OVERLAPS = ("guided", "plain")
BASES = ("auto", "av1", "none")
DEINTERLACING = ("auto", "off")
LEAST_AUDIO, MOST_AUDIO = 6_000, 256_000
AUDIO_MODES = ("opus", "copy", "none")
DEVICES = ("auto", "cpu", "cuda")
DTYPES = ("auto", "float32", "bfloat16", "float8")
# Thirty years: no video begins later, and every file's own clock counts that far.
LATEST_START = 1e9
# Of bits a second, and of bytes.
MOST = 1e15


def check_start(start: float) -> None:
    """Refuse a place in a video, in seconds from its beginning, that no video has.

    Raises:
        SettingsError: it is negative, endless or no number.
    """
    if not 0 <= start < LATEST_START:
        raise SettingsError(f"The start can't be {start:g} s; give seconds from the beginning of the video.")


def _check_machine(device: str, dtype: str) -> None:
    _one_of("device", device, DEVICES)
    _one_of("dtype", dtype, DTYPES)


def _one_of(name: str, value: str, known: Collection[str]) -> None:
    if value not in known:
        raise SettingsError(f"The {name} {value!r} is unknown; choose one of {', '.join(known)}.")


def _positive(name: str, value: float) -> None:
    if not 0 < value < math.inf:
        raise SettingsError(f"The {name} must be above zero, not {value}.")


def _amount(name: str, value: float) -> None:
    if not 0 < value < MOST:
        raise SettingsError(f"The {name} must be above zero and below {MOST:g}, not {value}.")


@dataclass(frozen=True)
class Quality:
    """Aim at a perceptual quality: `metric` near `value`.

    Attributes:
        statistic: "gop" holds every GOP there; "mean" the mean of every scene, in which some GOPs may look better and
            others worse.
    """

    value: float = 0.15
    metric: str = "dists"
    statistic: str = "gop"

    def __post_init__(self) -> None:
        _one_of("metric", self.metric, QUALITY_METRICS)
        _one_of("statistic", self.statistic, STATISTICS)
        if not (math.isfinite(self.value) and 0 < self.value < 1):
            raise SettingsError(f"A target for {self.metric} lies between 0 and 1, not at {self.value}.")


@dataclass(frozen=True)
class Bitrate:
    """Aim at video bits a second, averaged over the file."""

    bits_per_second: float

    def __post_init__(self) -> None:
        _amount("bitrate", self.bits_per_second)


@dataclass(frozen=True)
class Size:
    """Aim at bytes of the whole file, audio included, and never exceed them where any level of a whole-size base
    allows."""

    bytes: int

    def __post_init__(self) -> None:
        _amount("size", self.bytes)


Goal = Quality | Bitrate | Size


@dataclass(frozen=True)
class EncodeSettings:
    """Everything that shapes an encode.

    Attributes:
        start, duration: seconds of the source to take; duration None takes all.
        short_side: coding size, the shorter side in pixels; None lets the program choose (`codec.control.coding_size`).
        gop_frames: GOP length l in frames; None lets the prior choose.
        audio_track: number of the sound track, 1 for the first that can be decoded; None takes the default one.
        audio_bitrate: of the sound where it is coded as Opus, bits a second; None lets it follow the pictures' goal.
        keep_steps: trajectory steps stored beyond t*, so that a decoder may re-target within them.
        resume: go on with an interrupted encode of the same settings.
        deinterlace: "auto" joins the fields of interlaced frames, "off" codes them as they are.
        preview: also hand out pictures as PreviewReady: of bases that are tried, and of each finished GOP.
    """

    prior: str = "pocket"
    goal: Goal = Quality()
    start: float = 0.0
    duration: float | None = None
    short_side: int | None = None
    gop_frames: int | None = None
    channel: str = "trellis"
    overlap: str = "guided"
    base: str = "auto"
    audio: str = "opus"
    audio_track: int | None = None
    audio_bitrate: float | None = None
    deinterlace: str = "auto"
    seed: int = 0
    keep_steps: int = 0
    device: str = "auto"
    dtype: str = "auto"
    resume: bool = False
    preview: bool = False

    def __post_init__(self) -> None:
        _one_of("channel", self.channel, CHANNELS)
        _one_of("overlap", self.overlap, OVERLAPS)
        _one_of("base", self.base, BASES)
        _one_of("audio", self.audio, AUDIO_MODES)
        _one_of("deinterlacing", self.deinterlace, DEINTERLACING)
        _check_machine(self.device, self.dtype)
        if self.audio_bitrate is not None and not LEAST_AUDIO <= self.audio_bitrate <= MOST_AUDIO:
            raise SettingsError(
                f"Opus takes {LEAST_AUDIO // 1000} to {MOST_AUDIO // 1000} kbit/s, not {self.audio_bitrate / 1000:g}."
            )
        check_start(self.start)
        for name, value in (
            ("duration", self.duration),
            ("short side", self.short_side),
            ("GOP", self.gop_frames),
            ("number of the audio track", self.audio_track),
        ):
            if value is not None:
                _positive(name, value)
        if not 0 <= self.seed < 2**64:
            raise SettingsError("The seed must fit in 64 bits without a sign.")
        if not 0 <= self.keep_steps < 256:
            raise SettingsError("Between 0 and 255 steps can be kept beyond t*.")
        if self.keep_steps and isinstance(self.goal, Size):
            raise SettingsError(
                "Steps kept beyond t* would make the file larger than its --size; leave out one of both."
            )


@dataclass(frozen=True)
class DecodeSettings:
    """Everything that shapes a decode.

    Attributes:
        goal: re-target downward: a quality or a bitrate that costs fewer steps than the file holds; None plays t*.
        audio: whether the file's audio goes into the output.
    """

    goal: Quality | Bitrate | None = None
    device: str = "auto"
    dtype: str = "auto"
    audio: bool = True

    def __post_init__(self) -> None:
        _check_machine(self.device, self.dtype)
