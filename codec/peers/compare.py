"""A `.fgvc` file beside what other codecs make of the same frames in the same number of bytes."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np

from codec.arrays import Frames, Picture
from codec.decoding.chain import decode_records
from codec.decoding.prior import prior_for
from codec.decoding.retarget import step_choice
from codec.decoding.sink import DecodedItem
from codec.errors import FormatError, InputError, SettingsError
from codec.events import Warned
from codec.format.info import describe
from codec.format.reader import BitstreamReader
from codec.metrics.base import Metric, mean
from codec.peers.codecs import PEERS, CodedClip, search_size, trials
from codec.peers.events import Compared, PeerRow, PeerTrial
from codec.settings import DecodeSettings, check_start
from codec.trajectory.assembly import Pictures
from codec.video import VideoReader

# All frames of source, file and peer are held at once; a comparison is made of a scene, not of a film: of 300 frames at
# up to 720 lines, of fewer above.
MAX_JUDGED, MAX_PIXELS = 300, 300 * 1280 * 720


def compare(
    source: Path,
    coded: Path,
    names: Sequence[str],
    metrics: Sequence[Metric],
    start: float,
    judged: int = MAX_JUDGED,
    deinterlace: str = "auto",
) -> Iterator[PeerTrial | Compared | Warned]:
    """What is missing of the file, our result, then one per peer in `names`, each coded to at most our bytes.

    Everything is compared at coding size, on the first frames that the file covers: at most MAX_JUDGED of them, and
    MAX_PIXELS.

    Args:
        start: seconds into `source` at which the file's first frame lies.
        judged: frames that the metrics look at, at most, evenly spread.
        deinterlace: as the file was made: "auto" joins the fields of interlaced frames, "off" leaves them.

    Raises:
        InputError: a file can't be read, or source and file don't cover the same frames.
        FormatError: the file `coded` is damaged where its first frames were.
        SettingsError: a peer is unknown or missing here, or the start lies nowhere.
    """
    check_start(start)
    _check_names(names)
    info = describe(coded)
    for sentence in info.damage[:1]:
        yield Warned(f"{sentence} Only what comes before it is compared.")
    size = (info.header.coding_width, info.header.coding_height)
    ours = _decoded(coded, _judged_frames(info.frames, size))
    with VideoReader(source, size=size, start=start, deinterlace=deinterlace == "auto") as reader:
        originals = [frame.pixels for frame in islice(reader.frames(), len(ours))]
    if len(originals) < len(ours):
        raise InputError(f"{source} has fewer frames than {coded}; give the video it was made from, and its --start.")
    judging = _Judging(np.stack(originals), judged, metrics)
    budget = round((info.bytes - info.audio_bytes) * (len(ours) / info.frames))
    yield PeerTrial("fgvc", 1, 1)
    yield judging.result("fgvc", f"prior {info.header.prior_id}", budget, ours)
    for name in names:
        quantiser, made = yield from _search(name, judging.reference, info.header.frame_rate, budget)
        yield judging.result(name, f"q {quantiser}", made.bytes, made.frames)


@dataclass(frozen=True)
class _Judging:
    """The source's frames, and what looks at how many of them."""

    reference: Frames
    judged: int
    metrics: Sequence[Metric]

    def result(self, codec: str, setting: str, count: int, frames: Frames) -> Compared:
        """What `count` bytes of a codec have made of the reference."""
        total = len(self.reference)
        looked_at = np.linspace(0, total - 1, min(self.judged, total)).round().astype(int)
        shown, coded = self.reference[looked_at], frames[looked_at]
        values = {metric.name: mean(metric(shown, coded)) for metric in self.metrics}
        return Compared(PeerRow(codec, setting, count, 8 * count / self.reference[..., 0].size, values), frames)


def _judged_frames(frames: int, size: tuple[int, int]) -> int:
    """How many of a file's frames of that (width, height) are held and looked at."""
    return min(frames, MAX_JUDGED, max(1, MAX_PIXELS // (size[0] * size[1])))


def _check_names(names: Sequence[str]) -> None:
    unknown = sorted(set(names) - set(PEERS))
    if unknown:
        raise SettingsError(f"No peer is named {unknown[0]!r}; choose from {', '.join(PEERS)}.")


def _search(
    name: str, reference: Frames, rate: Fraction, budget: int
) -> Generator[PeerTrial, None, tuple[int, CodedClip]]:
    search = search_size(PEERS[name], reference, rate, budget)
    most = trials(PEERS[name]) + 1
    number = 0
    while True:
        try:
            next(search)
        except StopIteration as end:
            yield PeerTrial(name, most, most)
            quantiser, made = end.value
            return quantiser, made
        number += 1
        yield PeerTrial(name, number, most)


def _decoded(path: Path, count: int) -> Frames:
    """The file's first `count` frames at coding size, or those up to where it is damaged."""
    with BitstreamReader(path) as reader:
        prior = prior_for(reader.header, DecodeSettings())
        items = decode_records(reader.header, prior, reader.records(), step_choice(None, reader.header))
        frames = list(islice(_unbroken(items), count))
    if not frames:
        raise FormatError(f"{path} has lost its first frames; compare a whole file.")
    return np.stack(frames)


def _unbroken(items: Iterator[DecodedItem]) -> Iterator[Picture]:
    """Pictures from the first frame on, up to where some are lost."""
    expected = 0
    for item in items:
        if isinstance(item, Pictures):
            if item.start_frame != expected:
                return
            yield from item.frames
            expected += len(item.frames)
