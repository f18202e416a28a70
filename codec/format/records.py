"""The records behind a `.fgvc` file's header, and the bounds of their values; packing.py gives their bytes.

Each dataclass is checked when it is made, by hand or from a file, and raises FormatError where a value lies outside
its bounds, so whoever holds one need not check it again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

from codec.format.fingerprint import FINGERPRINT_BYTES, HASH_BYTES
from codec.format.header import Header
from codec.format.limits import (
    BASE_PACKINGS,
    CRF_UNIT,
    MAX_CRF,
    MAX_FRAMES,
    MAX_GOP_FRAMES,
    MAX_LEVELS,
    MAX_PACKETS,
    MAX_PROBES,
    MAX_RESTORATION,
    WHOLE_RESTORATION,
    check_name,
)
from codec.format.wire import require


@dataclass(frozen=True)
class BaseRun:
    """The base layer's share of a GOP: one temporal unit for each displayed frame beyond the overlap.

    Attributes:
        crf: the constant rate factor that these frames were coded at, in quarters.
        scale: 1 at coding size, 2 at half of it.
        packing: how `data` holds them: "modelled" as codec/base/units.py does; "plain" as version 1 of the format did,
            the length of each, then all of them.
    """

    crf: float
    scale: int
    packing: str
    data: bytes = field(repr=False)

    def __post_init__(self) -> None:
        require(0 <= self.crf <= MAX_CRF, f"the base layer's CRF is {self.crf}")
        require(self.crf * CRF_UNIT % 1 == 0, f"the base layer's CRF {self.crf} is no quarter")
        require(self.scale in (1, 2), f"the base layer's scale is {self.scale}")
        check_name(self.packing, BASE_PACKINGS, "base layer's packing")

    @property
    def bits(self) -> int:
        """What it takes."""
        return 8 * len(self.data)


@dataclass(frozen=True)
class GopRecord:
    """One group of pictures.

    Attributes:
        index: 0, 1, 2, ... through the file.
        start_frame, frames: the source frames it covers, the overlap included.
        overlap: how many of them the previous GOP covers too; 0 where a chain of GOPs starts.
        sent: stored steps that the decoder replays unless told otherwise, <= len(steps).
        steps: the channel coder's payload of each stored step; empty where a step has no bits.
        z_hash, fingerprint: of the latent state after `sent` steps (codec/format/fingerprint.py); empty where nothing
            was coded that could differ, at sent = 0, and where steps were left out afterwards.
        base: the explicit layer, or None.
        quality: the target metric measured at t_star, or None; stored as a half-precision float.
        probes: (t*, quality) measured at other steps, steps rising; lets a decoder aim at a lower quality.
        pts: display times of the frames beyond the overlap, where timing is variable: in the header's time base, from
            the clip's first frame on.
        restoration: the step at which the restoration of the base stops, 0 to MAX_RESTORATION; WHOLE_RESTORATION where
            steps are sent on top of it. None without a base, for a prior that doesn't restore in steps, and in files
            older than version 3: then the prior's picture is shown as it is.
    """

    index: int
    start_frame: int
    frames: int
    overlap: int
    sent: int
    steps: tuple[bytes, ...] = field(repr=False)
    z_hash: bytes
    fingerprint: bytes
    base: BaseRun | None = None
    quality: float | None = None
    probes: tuple[tuple[int, float], ...] = ()
    pts: tuple[int, ...] | None = field(default=None, repr=False)
    restoration: int | None = None

    def __post_init__(self) -> None:
        require(1 <= self.frames <= MAX_GOP_FRAMES, f"a GOP has {self.frames} frames")
        require(0 <= self.overlap < self.frames, f"a GOP of {self.frames} frames overlaps by {self.overlap}")
        require(self.start_frame >= 0 and self.end_frame <= MAX_FRAMES, f"a GOP starts at frame {self.start_frame}")
        require(0 <= self.index <= self.start_frame, f"GOP {self.index} starts at frame {self.start_frame}")
        require(len(self.steps) < MAX_LEVELS, f"a GOP has {len(self.steps)} steps")
        require(0 <= self.sent <= len(self.steps), f"{self.sent} of {len(self.steps)} steps are to be replayed")
        _check_restoration(self)
        _check_state(self)
        _check_quality(self)
        shown = self.frames - self.overlap
        require(self.pts is None or len(self.pts) == shown, "a GOP's times are not as many as its frames")
        require(self.pts is None or _are_times(self.pts), "a GOP's times go backwards or out of range")

    @property
    def t_star(self) -> int:
        """The step at which the trajectory stops: those of the restoration, which are free, and those sent."""
        return (self.restoration or 0) + self.sent

    @property
    def deepest(self) -> int:
        """The last step that this record lets a decoder stop at."""
        if self.restoration is not None and not self.steps:
            return MAX_RESTORATION
        return (self.restoration or 0) + len(self.steps)

    @property
    def end_frame(self) -> int:
        """First source frame after this GOP."""
        return self.start_frame + self.frames

    @property
    def base_bits(self) -> int:
        """Bits of the base layer."""
        return 0 if self.base is None else self.base.bits

    def prefix_bits(self) -> tuple[int, ...]:
        """Bits up to and including each prefix of 0, 1, ... len(steps) sent steps, base layer included."""
        return tuple(accumulate((8 * len(step) for step in self.steps), initial=self.base_bits))

    def bits_at(self, t_star: int) -> int:
        """Bits up to and including step `t_star`, base layer included; the restoration's steps cost none."""
        sent = t_star - (self.restoration or 0) if self.steps else 0
        return self.prefix_bits()[max(sent, 0)]

    def measured(self) -> tuple[tuple[int, float], ...]:
        """All known (step, quality) points, the one at t_star included, steps rising."""
        own = () if self.quality is None else ((self.t_star, self.quality),)
        return tuple(sorted((*self.probes, *own)))


@dataclass(frozen=True, slots=True)
class AudioPacket:
    """One coded packet; `pts` and `duration` count the track's time base from the clip's first video frame on.

    `pts` is negative for the packets that a decoder only needs to warm up.
    """

    pts: int
    duration: int
    data: bytes = field(repr=False)

    def __post_init__(self) -> None:
        require(abs(self.pts) < 2**62 and 0 <= self.duration < 2**32, "an audio packet's time is out of range")


@dataclass(frozen=True)
class AudioRecord:
    """A run of audio packets, about a GOP's time of them."""

    packets: tuple[AudioPacket, ...]

    def __post_init__(self) -> None:
        require(1 <= len(self.packets) <= MAX_PACKETS, f"an audio record has {len(self.packets)} packets")


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """Where GOP number `its position in the index` lies: its record's offset in the file, its first frame."""

    offset: int
    start_frame: int
    chain_start: bool


@dataclass(frozen=True)
class EndRecord:
    """The file's last record: its totals and its index.

    Attributes:
        complete: False where encoding was stopped before the source's end.
        frames: source frames covered.
        base_bytes, audio_bytes: base units, and whole audio records.
        last_duration: how long the last frame is shown, in the header's time base; 0 where nothing says.
        quality_at_source: the header's metric at the source's size, on a few pictures, or None; stored as a
            half-precision float.
    """

    complete: bool
    frames: int
    base_bytes: int
    audio_bytes: int
    index: tuple[IndexEntry, ...] = field(repr=False)
    last_duration: int = 0
    quality_at_source: float | None = None

    def __post_init__(self) -> None:
        require(0 <= self.last_duration < 2**62, "the last frame's duration is out of range")
        require(self.quality_at_source is None or _is_quality(self.quality_at_source), "the quality is out of range")


def check_belongs(record: GopRecord | AudioRecord, header: Header) -> None:
    """Refuse a record that contradicts its file's header.

    Raises:
        FormatError: more steps than the schedule has, a trajectory, a base layer, times or audio where the header has
            none.
    """
    if isinstance(record, AudioRecord):
        require(header.audio is not None, "there is audio that the header does not announce")
        return
    if header.trajectory is None:
        require(record.restoration is not None and not record.steps, "there is a trajectory without its noise schedule")
    else:
        levels = len(header.trajectory.schedule.levels)
        require(len(record.steps) < levels, "a GOP has more steps than the noise schedule")
    require(
        record.base is None or header.base_codec != "none", "there is a base layer that the header does not announce"
    )
    require((record.pts is not None) == header.variable_timing, "a GOP's times do not match the header's timing")


def _are_times(values: Sequence[int]) -> bool:
    return all(0 <= a < 2**62 for a in values) and all(a <= b for a, b in pairwise(values))


def _check_state(gop: GopRecord) -> None:
    sizes = len(gop.z_hash), len(gop.fingerprint)
    told = (HASH_BYTES, FINGERPRINT_BYTES)
    require(sizes in (told, (0, 0)), "a hash's size is wrong")


def _check_restoration(gop: GopRecord) -> None:
    if gop.restoration is None:
        return
    require(gop.base is not None, "a GOP without a base restores one")
    require(0 <= gop.restoration <= MAX_RESTORATION, f"a restoration stops at step {gop.restoration}")
    require(not gop.steps or gop.restoration == WHOLE_RESTORATION, "steps are sent on top of half a restoration")


def _check_quality(gop: GopRecord) -> None:
    steps = [step for step, _ in gop.probes]
    require(len(steps) <= MAX_PROBES and all(a < b for a, b in pairwise(steps)), "a GOP's probes are not in order")
    require(all(0 <= step <= gop.deepest for step in steps), "a GOP's probe lies beyond its steps")
    require(gop.t_star not in steps, "a GOP's quality at t* is given twice")
    values = [value for _, value in gop.measured()]
    require(all(map(_is_quality, values)), "a GOP's quality is out of range")


def _is_quality(value: float) -> bool:
    return math.isfinite(value) and abs(value) < 65504
