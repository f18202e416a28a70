"""Records to pictures: the replay of a chain of GOPs. Holds two GOPs at a time."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field

import numpy as np

from codec.arrays import Frames
from codec.base.av1 import BaseReader
from codec.base.pictures import base_size
from codec.channel.choice import coder_for
from codec.decoding.retarget import StepChoice
from codec.decoding.sink import Decoded, DecodedItem
from codec.errors import FormatError
from codec.events import StepCoded, Warned
from codec.format.fingerprint import drift, fingerprint, state_hash
from codec.format.header import Header
from codec.format.limits import MAX_GOP_PIXELS
from codec.format.reader import Damage
from codec.format.records import AudioRecord, GopRecord
from codec.priors.base import BaseClip, Condition, VideoPrior
from codec.trajectory.alignment import shared_slots
from codec.trajectory.assembly import Assembler, Restored, Sent, StoppedGop
from codec.trajectory.walk import Known, Walk

# A state this far from the encoder's (RMS, in units of the latent's own spread) shows in the picture.
VISIBLE_DRIFT = 0.1


def decode_records(
    header: Header,
    prior: VideoPrior[Condition],
    records: Iterator[GopRecord | AudioRecord | Damage],
    choose: StepChoice,
) -> Generator[DecodedItem, None, None]:
    """Decode records in file order, from the file's start or from any chain's first GOP on.

    Args:
        choose: how many steps of a GOP to replay.
    """
    chain = Chain(header, prior, choose)
    for record in records:
        if isinstance(record, GopRecord):
            yield from chain.push(record)
        elif isinstance(record, Damage):
            yield Warned(record.message)
        else:
            yield record
    yield from chain.finish()


@dataclass
class Chain:
    """The state that GOPs of a chain hand on: base decoder, base pictures of the overlap, denoised overlap."""

    header: Header
    prior: VideoPrior[Condition]
    choose: StepChoice
    assembler: Assembler = field(init=False)
    base: BaseReader | None = None
    scale: int = 1
    tail: list[Frames] = field(default_factory=list)
    known: Known | None = None
    next_frame: int = 0
    drifted: bool = False

    def __post_init__(self) -> None:
        self.assembler = Assembler(self.prior)

    def push(self, record: GopRecord) -> Iterator[DecodedItem]:
        """Decode one GOP; hands out the frames that got final.

        Raises:
            FormatError: no encoder writes such a GOP.
        """
        stopped = yield from self.stopped(record)
        if stopped is not None:
            yield from self.assembler.push(stopped)

    def stopped(self, record: GopRecord) -> Generator[DecodedItem, None, StoppedGop | None]:
        """A GOP up to where its trajectory stops, before there are pictures; None where it is lost.

        Raises:
            FormatError: no encoder writes such a GOP.
        """
        self._check_shape(record)
        if record.overlap == 0:
            yield from self._begin()
        elif record.start_frame + record.overlap != self.next_frame:
            if self.header.base_codec != "none" or self.header.overlap_mode == "guided":
                yield Warned(
                    f"GOP {record.index} can't be decoded without the lost one before it; its frames are lost."
                )
                return None
            yield from self._begin()
        condition = self.prior.prepare(self._base_clip(record), record.frames, *self._size())
        sent = self.choose(record)
        if record.restoration is not None and not sent:
            stop: Sent | Restored = Restored(record.restoration)
            self._remember(record, None)
        else:
            stop = yield from self._replay(record, condition, sent)
            self._remember(record, stop)
        yield Decoded(record, sent)
        return StoppedGop(record.index, record.start_frame, record.frames, record.overlap, stop, condition)

    def _replay(self, record: GopRecord, condition: Condition, sent: int) -> Generator[DecodedItem, None, Sent]:
        """The walk along the steps that were sent."""
        trajectory = self.header.trajectory
        # What reads records refuses such a one where the header has no trajectory.
        assert trajectory is not None
        walk = Walk(
            self.prior,
            condition,
            self.prior.geometry.latent_shape(record.frames, *self._size()),
            trajectory.seed,
            record.index,
            self.known if record.overlap else None,
            trajectory.reuse,
        )
        state = walk.start()
        for step in walk.replay(record.steps[:sent], coder_for(trajectory.coder)):
            state = step.state
            yield StepCoded(record.index, step.step, sent, 8 * len(step.payload))
        if sent == record.sent:
            yield from self._check(record, state.cpu().numpy())
        return Sent(sent, walk.denoise(state, sent))

    def finish(self) -> Iterator[DecodedItem]:
        """The frames still held back."""
        yield from self.assembler.finish()

    def _check_shape(self, record: GopRecord) -> None:
        """Before anything as large as the record claims is allocated."""
        header = self.header
        fits = record.frames * header.coding_width * header.coding_height <= MAX_GOP_PIXELS
        overlaps = record.overlap in (0, header.overlap_frames) and record.overlap < record.frames
        based = (record.base is not None) == (header.base_codec != "none")
        restorable = record.restoration is None or self.prior.restores
        if not (fits and overlaps and based and restorable):
            raise FormatError(f"GOP {record.index} contradicts the file's header; encode the source again.")

    def _begin(self) -> Iterator[DecodedItem]:
        yield from self.assembler.finish()
        self.assembler = Assembler(self.prior)
        self.base, self.tail, self.known = None, [], None

    def _size(self) -> tuple[int, int]:
        return self.header.coding_height, self.header.coding_width

    def _base_clip(self, record: GopRecord) -> BaseClip | None:
        if record.base is None:
            return None
        if self.base is None:
            self.scale = record.base.scale
            self.base = BaseReader(*base_size(self.header.coding_width, self.header.coding_height, self.scale))
        if record.base.scale != self.scale:
            raise FormatError(f"GOP {record.index} contradicts the GOPs before it; encode the source again.")
        pictures = self.tail[-record.overlap :] if record.overlap else []
        pictures = pictures + self.base.read(record.base, record.frames - record.overlap)
        self.tail = pictures
        return BaseClip(np.stack(pictures), record.base.crf, record.base.scale)

    def _remember(self, record: GopRecord, stop: Sent | None) -> None:
        self.next_frame = record.end_frame
        self.known = None
        if stop is None:
            return
        shared = shared_slots(self.prior.geometry, record.frames, self.header.overlap_frames)
        guided = self.header.overlap_mode == "guided" and shared.count > 0
        self.known = Known(shared.of_before(stop.latent), shared.after, stop.steps) if guided else None

    def _check(self, record: GopRecord, state: np.ndarray) -> Iterator[Warned]:
        """Warn once where this device's arithmetic has led visibly away from the encoder's."""
        if self.drifted or not record.z_hash or state_hash(state) == record.z_hash:
            return
        distance = drift(fingerprint(state), record.fingerprint)
        if distance > VISIBLE_DRIFT:
            self.drifted = True
            yield Warned(
                f"GOP {record.index} drifted by {distance:.2f} from what the encoder saw, since this device or number "
                "type computes differently; decode with --dtype float32 for a closer picture."
            )
