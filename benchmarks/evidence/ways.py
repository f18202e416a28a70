"""The codecs that are compared, each from the same frames to bytes and pictures. `WAYS` is their one list."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from pathlib import Path

from benchmarks.clips import Clip, decoded, write_source
from benchmarks.results import weights_hash
from codec.base.av1 import PRESET, SVT_PARAMETERS, encode_clip
from codec.encoder import encode
from codec.events import Finished
from codec.peers.codecs import PEERS, encode_av
from codec.settings import EncodeSettings, Quality


@dataclass(frozen=True)
class Made:
    """What a way made of a clip.

    Attributes:
        size: bytes; of the whole file for this codec, of the packets alone for the others: a little in their favour.
        encode_s, decode_s: wall seconds; decoding is 0 where it is not taken apart.
    """

    size: int
    frames: Clip = field(repr=False)
    encode_s: float
    decode_s: float = 0.0


@dataclass(frozen=True)
class Way:
    """One codec with its settings.

    Attributes:
        label: for people.
        settings: targets or quantisers, a curve is drawn through them.
        make: (frames uint8 (T, H, W, 3), frame rate, setting) -> Made.
        missing: why it can't run on this machine, or None.
        weighed: whether this codec's weights have a part in it.
    """

    label: str
    settings: tuple[float, ...]
    make: Callable[[Clip, Fraction, float], Made]
    missing: Callable[[], str | None] = lambda: None
    weighed: bool = False

    @property
    def weights(self) -> str:
        """Hash of those that a row is of, "" where they have no part in it."""
        return weights_hash() if self.weighed else ""


def _ours(frames: Clip, rate: Fraction, target: float) -> Made:
    """Through real files: a lossless source, the .fgvc, a lossless decode."""
    with tempfile.TemporaryDirectory() as name:
        source, coded = Path(name) / "source.mkv", Path(name) / "coded.fgvc"
        write_source(frames, rate, source)
        settings = EncodeSettings(goal=Quality(target), short_side=min(frames.shape[1:3]), audio="none")
        began = time.perf_counter()
        done = next(event for event in encode(source, coded, settings) if isinstance(event, Finished))
        coded_at = time.perf_counter()
        pictures = decoded(coded, Path(name) / "out.mkv")
        return Made(done.bytes, pictures, coded_at - began, time.perf_counter() - coded_at)


def _own_base(frames: Clip, rate: Fraction, crf: float) -> Made:
    """One level for all, nothing restored; bytes as a file holds them."""
    began = time.perf_counter()
    size, pictures = encode_clip(frames, crf, 1, rate)
    return Made(size, pictures, time.perf_counter() - began)


def _base_settings(frames: Clip, rate: Fraction, crf: float) -> Made:
    """SVT-AV1 as anybody could call it, with the base's settings and plain packets."""
    options = {"preset": str(PRESET), "svtav1-params": SVT_PARAMETERS}
    began = time.perf_counter()
    made = encode_av(frames, crf, rate, "libsvtav1", "libdav1d", options)
    return Made(made.bytes, made.frames, time.perf_counter() - began)


def _peer(name: str, frames: Clip, rate: Fraction, quantiser: float) -> Made:
    began = time.perf_counter()
    made = PEERS[name].encode(frames, int(quantiser), rate)
    return Made(made.bytes, made.frames, time.perf_counter() - began)


OURS, OWN_BASE = "fgvc", "own-base"
# 63 is where SVT-AV1 ends when FFmpeg calls it.
_CRFS = (63.0, 59.0, 55.0, 50.0, 45.0)
WAYS: Mapping[str, Way] = {
    OURS: Way("Free-GVC", (0.22, 0.18, 0.15, 0.12, 0.09), _ours, weighed=True),
    OWN_BASE: Way("its own base, nothing restored", (68.0, 64.0, 60.0, 55.0, 50.0), _own_base),
    "svtav1-base": Way("SVT-AV1, the base's settings", _CRFS, _base_settings),
} | {
    name: Way(peer.label, tuple(map(float, peer.curve)), partial(_peer, name), peer.missing)
    for name, peer in PEERS.items()
}
