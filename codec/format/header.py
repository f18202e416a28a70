"""All that a `.fgvc` file says before its first GOP; each part is checked when it is made (FormatError)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

from codec.format.limits import (
    BASE_CODECS,
    CODERS,
    MAX_BIT_DEPTH,
    MAX_CODER_PARAMS,
    MAX_EXTRADATA,
    MAX_GOP_FRAMES,
    MAX_LEVEL,
    MAX_LEVELS,
    MAX_PIXELS,
    MAX_REUSE,
    MAX_SIDE,
    METRICS,
    OVERLAP_MODES,
    SCHEDULES,
    STORED_DTYPES,
    TARGETS,
    WEIGHTS_HASH_BYTES,
    check_name,
    check_ratio,
    check_short,
)
from codec.format.wire import require
from codec.goals import GOAL_METRICS
from codec.settings import Bitrate, Goal, Quality


@dataclass(frozen=True)
class ScheduleSpec:
    """A noise schedule as integers, noisiest level first.

    Attributes:
        kind: "flow": sigma = level / unit; "vp": level is the model's own step out of `unit` training steps.
        levels: strictly falling, 2 to 256 of them, each <= min(unit, 65535).
    """

    kind: str
    unit: int
    levels: tuple[int, ...]

    def __post_init__(self) -> None:
        check_name(self.kind, SCHEDULES, "noise schedule")
        require(1 <= self.unit <= MAX_LEVEL, f"a schedule's unit is {self.unit}")
        require(2 <= len(self.levels) <= MAX_LEVELS, f"a schedule has {len(self.levels)} levels")
        require(self.levels[0] <= self.unit and self.levels[-1] >= 0, "a schedule's levels leave their range")
        require(all(a > b for a, b in pairwise(self.levels)), "a schedule's levels do not fall")


@dataclass(frozen=True)
class CoderSpec:
    """The channel coder and its integer parameters (trellis: k, v)."""

    id: str
    params: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        check_name(self.id, CODERS, "channel coder")
        require(len(self.params) <= MAX_CODER_PARAMS, f"a channel coder has {len(self.params)} parameters")
        require(all(0 <= value < 2**32 for value in self.params), "a channel coder's parameter is out of range")


@dataclass(frozen=True)
class TrajectorySpec:
    """What encoder and decoder share of a trajectory whose steps are sent.

    Attributes:
        seed: key of all shared randomness, 0 <= seed < 2**64.
        reuse: the trajectory calls the denoiser on every `reuse`-th step only (x0-cache).
    """

    seed: int
    coder: CoderSpec
    schedule: ScheduleSpec
    reuse: int

    def __post_init__(self) -> None:
        require(0 <= self.seed < 2**64, "the seed does not fit in 64 bits")
        require(1 <= self.reuse <= MAX_REUSE, f"the denoiser is called on every {self.reuse}th step")


@dataclass(frozen=True)
class ColourDescription:
    """The source's colour as code points of ITU-T H.273, 2 for unspecified; range: 0 unspecified, 1 limited, 2 full."""

    primaries: int = 2
    transfer: int = 2
    matrix: int = 2
    range: int = 0
    bit_depth: int = 8

    def __post_init__(self) -> None:
        points = (self.primaries, self.transfer, self.matrix, self.range)
        require(all(0 <= point <= 255 for point in points), "a colour code lies outside 0 to 255")
        require(1 <= self.bit_depth <= MAX_BIT_DEPTH, f"the bit depth is {self.bit_depth}")


@dataclass(frozen=True)
class Tiling:
    """Square tiles that a prior's VAE worked in for want of memory: `side` pixels, one every `stride`."""

    side: int
    stride: int

    def __post_init__(self) -> None:
        require(1 <= self.stride <= self.side <= MAX_SIDE, f"tiles of {self.side} pixels lie {self.stride} apart")


@dataclass(frozen=True)
class Target:
    """What the encoder aimed at: a metric and its value, kbit/s, bytes or a number of steps. Decoding ignores it."""

    kind: str
    value: float

    def __post_init__(self) -> None:
        check_name(self.kind, TARGETS, "target")
        require(math.isfinite(self.value) and abs(self.value) < 3e38, f"the target is {self.value}")

    @classmethod
    def of(cls, goal: Goal) -> Target:
        """What the user asked for."""
        if isinstance(goal, Quality):
            return cls(GOAL_METRICS[goal.metric].kind, goal.value)
        return cls("bitrate", goal.bits_per_second / 1000) if isinstance(goal, Bitrate) else cls("size", goal.bytes)


@dataclass(frozen=True)
class AudioHeader:
    """The sound that the file carries, as its packets are coded; their times count in `time_base` seconds."""

    codec: str
    extradata: bytes = field(repr=False)
    sample_rate: int
    channels: int
    time_base: Fraction

    def __post_init__(self) -> None:
        check_short(self.codec, "the audio codec's name")
        require(len(self.extradata) <= MAX_EXTRADATA, "the audio codec's extradata exceed 64 KiB")
        require(1 <= self.sample_rate <= 2**24, f"the audio sample rate is {self.sample_rate}")
        require(1 <= self.channels <= 255, f"the audio has {self.channels} channels")
        check_ratio(self.time_base, "the audio time base")


@dataclass(frozen=True)
class Header:
    """All that a decoder must know before the first GOP.

    Attributes:
        weights_hash: first 8 bytes of the prior's hash of its weights.
        trajectory: along which GOPs' steps are sent; None where all of them only restore a base.
        source_width, source_height: upright display size; coding_*: the size GOPs are coded at.
        frame_rate: frames a second; where `variable_timing`, only its average, and GOPs carry times in `time_base`.
        gop_frames, overlap_frames: the usual GOP length l and overlap m.
        writer: name and version of the program that wrote the file; the version alone where that is freegvc.
        metric: what the GOPs' quality is measured in, or "none".
        tiling: how the encoder's VAE was tiled, or None; a decoder that tiles otherwise makes slightly other pictures.
    """

    prior_id: str
    weights_hash: bytes
    dtype: str
    trajectory: TrajectorySpec | None
    source_width: int
    source_height: int
    coding_width: int
    coding_height: int
    frame_rate: Fraction
    time_base: Fraction
    variable_timing: bool
    colour: ColourDescription
    overlap_mode: str
    gop_frames: int
    overlap_frames: int
    base_codec: str
    target: Target
    audio: AudioHeader | None
    writer: str
    tiling: Tiling | None = None
    metric: str = "none"

    def __post_init__(self) -> None:
        check_short(self.prior_id, "the prior's id")
        check_short(self.writer, "the writer's name")
        require(len(self.weights_hash) == WEIGHTS_HASH_BYTES, "the weights' hash is not 8 bytes long")
        check_name(self.dtype, STORED_DTYPES, "number type")
        for width, height in ((self.source_width, self.source_height), (self.coding_width, self.coding_height)):
            sides = 1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE
            require(sides and width * height <= MAX_PIXELS, f"a picture of {width}x{height} is outside the limits")
        check_ratio(self.frame_rate, "the frame rate")
        check_ratio(self.time_base, "the time base")
        check_name(self.overlap_mode, OVERLAP_MODES, "overlap mode")
        require(1 <= self.gop_frames <= MAX_GOP_FRAMES, f"a GOP has {self.gop_frames} frames")
        require(0 <= self.overlap_frames < self.gop_frames, f"GOPs overlap by {self.overlap_frames} frames")
        check_name(self.base_codec, BASE_CODECS, "base codec")
        require(
            self.trajectory is not None or self.base_codec != "none", "there is neither a base layer nor a trajectory"
        )
        check_name(self.metric, METRICS, "metric")

    @property
    def program(self) -> str:
        """Name and version of the program that wrote the file."""
        return f"freegvc {self.writer}" if self.writer[0].isdigit() else self.writer
