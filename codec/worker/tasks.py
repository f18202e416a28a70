"""What the window asks of the engine's child, and what it is answered: values, without torch or a codec."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from codec.events import Event
from codec.peers.events import Absent, Compared, PeerTrial
from codec.settings import DecodeSettings, EncodeSettings
from codec.store.tasks import StoreEvent, StoreTask


@dataclass(frozen=True)
class Encode:
    """Run `codec.encoder.encode`."""

    source: Path
    output: Path
    settings: EncodeSettings


@dataclass(frozen=True)
class Decode:
    """Run `codec.decoder.decode`."""

    source: Path
    output: Path
    settings: DecodeSettings


@dataclass(frozen=True)
class SaveSmaller:
    """Run `codec.decoding.smaller.save_smaller`."""

    source: Path
    output: Path
    settings: DecodeSettings


@dataclass(frozen=True)
class Play:
    """Decode to pictures only, from the chain that holds `first_frame` on until `frames` frames beyond it exist."""

    source: Path
    settings: DecodeSettings
    first_frame: int
    frames: int


@dataclass(frozen=True)
class Measure:
    """Measure one frame, uint8 (H, W, 3), against its reference: a `Measured`.

    A reference of another size is brought to that of the frame. Metrics that can't run here, or that the picture is too
    small for, are left out; it is refused where none is left.

    Attributes:
        metrics: names of those to measure by; none stands for every one that people look at and that can run here.
    """

    frame: int
    reference: NDArray[np.uint8] = field(repr=False)
    distorted: NDArray[np.uint8] = field(repr=False)
    metrics: tuple[str, ...] = ()


@dataclass(frozen=True)
class Compare:
    """Code the source, from `start` seconds on, with other codecs to at most the bytes of the file made from it.

    `deinterlace` is as the file was made.
    """

    source: Path
    coded: Path
    start: float
    peers: tuple[str, ...]
    deinterlace: str = "auto"


@dataclass(frozen=True)
class Survey:
    """Say what this machine can do: a `Machine`."""


Task = Encode | Decode | SaveSmaller | Play | Measure | Compare | Survey | StoreTask


class Command(Enum):
    """What may be said to a child that works."""

    PAUSE = auto()
    GO_ON = auto()
    CANCEL = auto()


class Outcome(StrEnum):
    """How a task ended; REFUSED carries a sentence for the user, FAILED is a defect."""

    DONE = "done"
    CANCELLED = "cancelled"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True)
class Settled:
    """The last message of a task.

    Attributes:
        detail: a traceback for the log.
        model: one whose weights were missing.
        stuck: what the task should have gone on with can't be; it can only be begun anew.
    """

    outcome: Outcome
    message: str = ""
    detail: str = ""
    model: str = ""
    stuck: bool = False


@dataclass(frozen=True)
class Measured:
    """The answer to Measure; `width` and `height` are those at which it was measured."""

    frame: int
    width: int
    height: int
    values: dict[str, float]


@dataclass(frozen=True)
class Reached:
    """Play has decoded as far as this GOP."""

    gop: int


@dataclass(frozen=True)
class Machine:
    """The answer to Survey.

    Attributes:
        priors: names that EncodeSettings.prior may take.
        gpu: name of the CUDA device, or None; gpu_bytes is its memory.
    """

    priors: tuple[str, ...]
    gpu: str | None
    gpu_bytes: int


@dataclass(frozen=True)
class Logged:
    """A line that the child wrote to the logger `freegvc`."""

    level: int
    message: str


Told = Event | Measured | Reached | Machine | PeerTrial | Compared | Absent | StoreEvent
Message = Told | Logged | Settled
