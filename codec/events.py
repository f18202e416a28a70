"""What the engine tells whoever watches: the CLI prints these, the window draws them, tests assert on them.

`encode()` and `decode()` are generators of these values. Closing the generator cancels.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Phase:
    """The engine starts something that may take a while: `name` is a short verb phrase ("loading the prior")."""

    name: str


@dataclass(frozen=True)
class Warned:
    """Something the user should know although the work goes on; a complete sentence."""

    message: str


@dataclass(frozen=True)
class StepCoded:
    """One trajectory step of a GOP was coded or replayed. `bits` counts this step's payload."""

    gop: int
    step: int
    steps: int
    bits: int


@dataclass(frozen=True)
class Probe:
    """One measured point of a GOP's rate-perception curve: stopping after `step` costs `bits` and looks `quality`."""

    step: int
    bits: int
    quality: float


@dataclass(frozen=True)
class Fit:
    """The rate-perception curve that a GOP's prefix was chosen by: through its probes, beyond them as was learnt.

    Attributes:
        form: name of the surrogate's form.
        points: (bits, quality), bits rising, from somewhat before the first probe to somewhat beyond the last.
    """

    form: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class GopDone:
    """A GOP is finished and safe on disk (encode) or decoded (decode).

    Attributes:
        t_star: steps of the trajectory the decoder replays; 0 means no implicit bits at all.
        bits: every bit of the GOP's record, base layer included.
        base_bits: the share of the base layer.
        quality: the target metric at t_star, or None where none was measured.
        probes: the points the controller measured.
        frames_total: None while the source's length is unknown.
        fit: None where nothing was measured, or too little to know a slope.
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


@dataclass(frozen=True)
class PreviewReady:
    """Decoded frames at coding size, uint8 (T, H, W, 3) RGB, starting at source frame `start_frame`."""

    gop: int
    start_frame: int
    frames: NDArray[np.uint8] = field(repr=False, compare=False)


@dataclass(frozen=True)
class Finished:
    """The output is complete under its final name.

    Attributes:
        bytes: size of the whole file; audio_bytes and base_bytes are its shares.
        bpp: video bits (all but audio) per pixel at coding size.
        kbps: video kilobits a second.
    """

    path: Path
    bytes: int
    audio_bytes: int
    base_bytes: int
    frames: int
    bpp: float
    kbps: float
    coding_width: int
    coding_height: int
    gops: tuple[GopDone, ...]


Event = Phase | Warned | StepCoded | GopDone | PreviewReady | Finished
