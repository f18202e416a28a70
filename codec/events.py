"""What the engine tells whoever watches: the CLI prints these, the window draws them, tests assert on them.

`encode()` and `decode()` are generators of these values. Closing the generator cancels.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


class Stage(StrEnum):
    """What the engine is at; the value is a short verb phrase for people."""

    OPENING = "opening the file"
    LOADING = "loading the prior"
    LOOKING_AHEAD = "looking ahead"
    CHOOSING = "choosing the base layer"
    CODING = "coding"
    DECODING = "decoding"
    FINISHING = "finishing the file"


@dataclass(frozen=True)
class Phase:
    """The engine starts something that may take a while.

    Attributes:
        detail: what of the stage it is ("trying CRF 60, GOP 2 of 5"), or "".
        done: the share of the whole work that lies behind it, 0 to 1; None where nobody can tell.
    """

    stage: Stage
    detail: str = ""
    done: float | None = None

    @property
    def name(self) -> str:
        """Both in one line."""
        return f"{self.stage.value}: {self.detail}" if self.detail else self.stage.value


@dataclass(frozen=True)
class Warned:
    """Something the user should know although the work goes on; a complete sentence.

    Attributes:
        missed_gop: index of the GOP of which it says no more than that it misses its goal, as `GopDone.missed` does.
    """

    message: str
    missed_gop: int | None = None


@dataclass(frozen=True)
class SizeTried:
    """A size that a video might be coded at, and what was measured of it."""

    width: int
    height: int
    value: float


@dataclass(frozen=True)
class SizeChosen:
    """At which size the video is going to be coded, where the user has left that to the program.

    Attributes:
        short_side: what one would have to ask for to get the same.
        measured: what the values of `tried` are: a metric's name, of pictures scaled to that size and back; or
            "bits a second" of a base. "" where nothing was tried.
        tried: rising in size.
        reason: what decided, a clause.
    """

    width: int
    height: int
    short_side: int
    tried: tuple[SizeTried, ...]
    measured: str
    reason: str


@dataclass(frozen=True)
class StepCoded:
    """One trajectory step of a GOP was coded or replayed. `bits` counts this step's payload."""

    gop: int
    step: int
    steps: int
    bits: int


@dataclass(frozen=True)
class Probe:
    """One measured point of a GOP's rate-perception curve: stopping after `step` costs `bits` and looks `quality`.

    Attributes:
        crf: of the base that it was measured over, where that was not yet the chosen one; else None.
    """

    step: int
    bits: int
    quality: float
    crf: float | None = None


@dataclass(frozen=True)
class Fit:
    """A curve that one of a GOP's two knobs was chosen by: through what was measured, beyond that as was learnt.

    Attributes:
        form: name of the surrogate's form.
        points: (bits, quality) or (step, quality), rising, from somewhat before the first probe to beyond the last.
    """

    form: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class GopDone:
    """A GOP is finished and safe on disk (encode) or decoded (decode).

    Attributes:
        t_star: the step at which the trajectory stops: over a base first those of its restoration (8 shows all of it),
            which are free, then those that were sent.
        bits: every bit of the GOP's record, base layer included.
        base_bits: the share of the base layer.
        quality: the target metric at t_star, or None where none was measured.
        probes: the points the controller measured.
        frames_total: None while the source's length is unknown.
        fit: quality over bits; None where nothing was measured, or too little to know a slope.
        crf, scale: level of the base; None and 1 without one.
        step_fit: quality over steps of the restoration, or None.
        missed: whether it misses the goal by more than the tolerance: no choice, or none that was found, comes nearer.
        sent_bits: of the steps that were sent over the base; what is left of `bits` is the record's own.
    """

    index: int
    start_frame: int
    frames: int
    t_star: int
    bits: int
    base_bits: int
    quality: float | None
    probes: tuple[Probe, ...]
    frames_done: int
    frames_total: int | None
    fit: Fit | None = None
    crf: float | None = None
    scale: int = 1
    step_fit: Fit | None = None
    missed: bool = False
    sent_bits: int = 0


@dataclass(frozen=True)
class BaseTrial:
    """One coding of a segment's base on the way to its levels, a value for each GOP.

    Attributes:
        preset: SVT-AV1's; a trial's is faster than the last one's.
        crfs, scale: its levels.
        bits: of each GOP's base.
        steps: of the restoration that look best.
        qualities: the goal's metric at those.
    """

    preset: int
    crfs: tuple[float, ...]
    scale: int
    bits: tuple[int, ...]
    steps: tuple[int, ...]
    qualities: tuple[float, ...]


@dataclass(frozen=True)
class BaseChosen:
    """A segment's base is settled; its GOPs follow.

    Attributes:
        first_gop: number of its first GOP.
        chosen: as the file holds it.
        tried: everything that was coded, in order; the chosen one is among them.
        reason: why the search ended, a sentence.
    """

    first_gop: int
    chosen: BaseTrial
    tried: tuple[BaseTrial, ...]
    reason: str


@dataclass(frozen=True)
class PreviewReady:
    """Decoded frames at coding size, uint8 (T, H, W, 3) RGB, starting at source frame `start_frame`.

    Attributes:
        provisional: these are a base's own pictures, of a level that is being tried; the finished ones will follow.
    """

    gop: int
    start_frame: int
    frames: NDArray[np.uint8] = field(repr=False, compare=False)
    provisional: bool = False


@dataclass(frozen=True)
class Finished:
    """The output is complete under its final name.

    Attributes:
        bytes: size of the whole file; audio_bytes and base_bytes are its shares.
        bpp: video bits (all but audio) per pixel at coding size.
        kbps: video kilobits a second; audio_kbps the sound's.
        source_width, source_height: what decoding writes.
        metric: what qualities are measured in, one of `codec.goals.GOAL_METRICS`; "" where none is.
        quality: at coding size, mean over all frames; None where none was measured.
        quality_at_source: at the source's size, on parts of a few pictures; None where nobody looked.
    """

    path: Path
    bytes: int
    audio_bytes: int
    base_bytes: int
    frames: int
    bpp: float
    kbps: float
    audio_kbps: float
    source_width: int
    source_height: int
    coding_width: int
    coding_height: int
    metric: str
    quality: float | None
    quality_at_source: float | None
    gops: tuple[GopDone, ...]


Event = Phase | Warned | SizeChosen | StepCoded | BaseChosen | GopDone | PreviewReady | Finished
