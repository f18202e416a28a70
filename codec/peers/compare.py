"""A `.fgvc` file beside what x265, SVT-AV1 and VVC make of the same frames in the same number of bytes."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np

from codec.arrays import Frames
from codec.decoding.chain import decode_records
from codec.decoding.prior import prior_for
from codec.decoding.retarget import step_choice
from codec.errors import InputError, SettingsError
from codec.format.info import describe
from codec.format.reader import BitstreamReader
from codec.metrics.base import Metric
from codec.peers.codecs import PEERS, CodedClip, search_size, trials
from codec.peers.events import Compared, PeerRow, PeerTrial
from codec.settings import DecodeSettings, check_start
from codec.trajectory.assembly import Pictures
from codec.video import VideoReader

# All frames of all codecs are held at once; a comparison is made of a scene, not of a film.
MAX_JUDGED = 300


def compare(
    source: Path,
    coded: Path,
    names: Sequence[str],
    metrics: Sequence[Metric],
    start: float,
    judged: int = MAX_JUDGED,
    deinterlace: str = "auto",
) -> Iterator[PeerTrial | Compared]:
    """Our result first, then one per peer in `names`, each coded to at most our bytes.

    Everything is compared at coding size, on the frames that the file covers, at most MAX_JUDGED.

    Args:
        start: seconds into `source` at which the file's first frame lies.
        judged: frames that the metrics look at, at most, evenly spread.
        deinterlace: as the file was made: "auto" joins the fields of interlaced frames, "off" leaves them.

    Raises:
        InputError: a file can't be read, or source and file don't cover the same frames.
        SettingsError: a peer is unknown or missing here, or the start lies nowhere.
    """
    check_start(start)
    _check_names(names)
    info = describe(coded)
    size = (info.header.coding_width, info.header.coding_height)
    ours = _decoded(coded, min(info.frames, MAX_JUDGED))
    with VideoReader(source, size=size, start=start, deinterlace=deinterlace == "auto") as reader:
        reference = np.stack([frame.pixels for frame in islice(reader.frames(), len(ours))])
    if len(reference) < len(ours):
        raise InputError(f"{source} has fewer frames than {coded}; give the video it was made from, and its --start.")
    budget = round((info.bytes - info.audio_bytes) * (len(ours) / info.frames))
    looked_at = np.linspace(0, len(ours) - 1, min(judged, len(ours))).round().astype(int)

    def result(codec: str, setting: str, count: int, frames: Frames) -> Compared:
        values = {judge.name: float(np.mean(judge(reference[looked_at], frames[looked_at]))) for judge in metrics}
        return Compared(PeerRow(codec, setting, count, 8 * count / reference[..., 0].size, values), frames)

    yield PeerTrial("fgvc", 1, 1)
    yield result("fgvc", f"prior {info.header.prior_id}", budget, ours)
    rate: Fraction = info.header.frame_rate
    for name in names:
        quantiser, made = yield from _search(name, reference, rate, budget)
        yield result(name, f"q {quantiser}", made.bytes, made.frames)


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
    """The file's first `count` frames at coding size."""
    with BitstreamReader(path) as reader:
        prior = prior_for(reader.header, DecodeSettings())
        items = decode_records(reader.header, prior, reader.records(), step_choice(None, reader.header))
        frames = (picture for item in items if isinstance(item, Pictures) for picture in item.frames)
        return np.stack(list(islice(frames, count)))
