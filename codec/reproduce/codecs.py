"""Everything that codes a clip for the comparison: our codec at its targets, and the peers that ship with this program.

The learned peers, which users point at, are in `learned`.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from codec.arrays import Frames
from codec.decoder import decode
from codec.encoder import encode
from codec.events import Finished
from codec.format.reader import BitstreamReader
from codec.peers.codecs import PEERS, Peer
from codec.priors.defaults import defaults_of
from codec.reproduce.sequences import Clip
from codec.settings import DecodeSettings, EncodeSettings, Quality
from codec.video import Colour, VideoReader, VideoWriter


@dataclass(frozen=True)
class Made:
    """What a codec made of a clip: bytes, the decoded frames at the clip's size, and what else is known."""

    bytes: int
    frames: Frames = field(repr=False)
    encode_s: float | None = None
    decode_s: float | None = None
    weights: str = ""


class Candidate(Protocol):
    """A codec in the comparison.

    Attributes:
        name: as it appears in tables.
        settings: all points of its curve.
        together: whether one call for many settings is cheaper than many calls.
    """

    @property
    def name(self) -> str:
        """See above."""
        ...

    @property
    def settings(self) -> tuple[str, ...]:
        """See above."""
        ...

    @property
    def together(self) -> bool:
        """See above."""
        ...

    def code(self, clip: Clip, settings: Sequence[str], log: Path) -> Iterator[tuple[str, Made]]:
        """Code `clip` at each of `settings`.

        Args:
            log: a file for what another program prints.

        Raises:
            FreeGvcError: it can't.
        """
        ...


@dataclass(frozen=True)
class Ours:
    """Our codec with one prior, through real files: a lossless source, the `.fgvc`, a lossless decode.

    Attributes:
        encode_settings: all but the goal; the prior codes at its own size, decoding brings the clip's back.
    """

    metric: str
    targets: tuple[float, ...]
    encode_settings: EncodeSettings
    together: bool = False

    @property
    def name(self) -> str:
        """The prior, and what differs from its defaults."""
        chosen, own = self.encode_settings, defaults_of(self.encode_settings.prior).short_side
        extras = (
            f" base {chosen.base}" if chosen.base != "auto" else "",
            f" {chosen.short_side} lines" if chosen.short_side not in (None, own) else "",
            f" GOP {chosen.gop_frames}" if chosen.gop_frames else "",
            f" {chosen.dtype}" if chosen.dtype != "auto" else "",
        )
        return chosen.prior + "".join(extras)

    @property
    def settings(self) -> tuple[str, ...]:
        """Such as "dists 0.15"."""
        return tuple(f"{self.metric} {target:g}" for target in self.targets)

    def code(self, clip: Clip, settings: Sequence[str], log: Path) -> Iterator[tuple[str, Made]]:
        """See `Candidate`."""
        del log
        for setting in settings:
            goal = Quality(self.targets[self.settings.index(setting)], self.metric)
            with tempfile.TemporaryDirectory() as folder:
                yield setting, _through_files(clip, replace(self.encode_settings, goal=goal), Path(folder))


def _through_files(clip: Clip, settings: EncodeSettings, folder: Path) -> Made:
    source, coded, out = folder / "source.mkv", folder / "coded.fgvc", folder / "out.mkv"
    height, width = clip.frames.shape[1:3]
    with VideoWriter(source, width, height, frame_rate=clip.rate, time_base=1 / clip.rate, colour=Colour()) as writer:
        for index, picture in enumerate(clip.frames):
            writer.write(picture, index / clip.rate)
    began = time.perf_counter()
    done = next(event for event in encode(source, coded, settings) if isinstance(event, Finished))
    coded_at = time.perf_counter()
    for _ in decode(coded, out, DecodeSettings(device=settings.device)):
        pass
    ended = time.perf_counter()
    with VideoReader(out) as reader:
        frames = np.stack([frame.pixels for frame in reader.frames()])
    with BitstreamReader(coded) as written:
        weights = written.header.weights_hash.hex()
    return Made(done.bytes, frames, coded_at - began, ended - coded_at, weights)


@dataclass(frozen=True)
class Classic:
    """A peer by quantiser."""

    peer: Peer
    together: bool = False

    @property
    def name(self) -> str:
        """See `Candidate`."""
        return self.peer.name

    @property
    def settings(self) -> tuple[str, ...]:
        """Such as "q 38"."""
        return tuple(f"q {quantiser}" for quantiser in self.peer.curve)

    def code(self, clip: Clip, settings: Sequence[str], log: Path) -> Iterator[tuple[str, Made]]:
        """See `Candidate`."""
        del log
        for setting in settings:
            began = time.perf_counter()
            coded = self.peer.encode(clip.frames, self.peer.curve[self.settings.index(setting)], clip.rate)
            # Encode and decode are one call there.
            yield setting, Made(coded.bytes, coded.frames, time.perf_counter() - began)


def classics(names: Sequence[str]) -> tuple[Classic, ...]:
    """The peers called `names` that are on this machine."""
    return tuple(Classic(PEERS[name]) for name in names if PEERS[name].missing() is None)
