"""`.fgvc` to frames, whole or from any chain of GOPs on.

record -> base pictures -> replay of the trajectory to t* -> clean latent -> overlap fused with the next GOP's ->
frames. Holds two GOPs at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np
from torch import Tensor

from codec.alignment import shared_slots
from codec.assembly import Assembler, DenoisedGop, Pictures
from codec.audio_track import track_of
from codec.base_layer import BaseDecoder, base_size
from codec.bitstream import BitstreamReader, Damage
from codec.channel_choice import coder_for
from codec.errors import PriorError
from codec.events import Event, Finished, GopDone, Phase, PreviewReady, Probe, StepCoded, Warned
from codec.fingerprint import drift, fingerprint, state_hash
from codec.priors.base import BaseClip, Frames, VideoPrior
from codec.priors.catalog import open_prior
from codec.records import AudioRecord, GopRecord, Header
from codec.retarget import StepChoice, step_choice
from codec.settings import DecodeSettings
from codec.trajectory import Known, Walk
from codec.video import AudioPacket, Colour, VideoWriter

# A state this far from the encoder's (RMS, in units of the latent's own spread) shows in the picture.
VISIBLE_DRIFT = 0.1


def decode(source: Path, output: Path, settings: DecodeSettings) -> Iterator[Event]:
    """Decode the file `source` into the video `output`; closing the generator leaves nothing behind.

    A truncated or damaged file gives all GOPs that are whole, and says what is lost.

    Raises:
        InputError: the file can't be opened.
        FormatError: it is no `.fgvc` file, or holds no whole GOP.
        PriorError: the prior that wrote it is missing or differs.
        OutputError: the video can't be written.
    """
    yield Phase("opening the file")
    with BitstreamReader(source) as reader:
        yield Phase("loading the prior")
        prior = prior_for(reader.header, settings)
        yield from map(Warned, (*prior.notes, *differences(reader.header, prior)))
        yield Phase("decoding")
        with _open_writer(output, reader.header, settings) as writer:
            sink = _Sink(reader.header, writer, settings.audio)
            choose = step_choice(settings.goal, reader.header)
            for item in decode_records(reader.header, prior, reader.records(), choose):
                yield from sink.take(item)
        yield sink.finished(source, output)


def prior_for(header: Header, settings: DecodeSettings) -> VideoPrior:
    """The prior that wrote a file, checked against its header; computes as the encoder did unless told otherwise.

    Raises:
        PriorError: it is unknown, missing, has other weights or another schedule.
    """
    dtype = header.dtype if settings.dtype == "auto" else settings.dtype
    prior = open_prior(header.prior_id, settings.device, dtype)
    if prior.weights_hash != header.weights_hash:
        raise PriorError(
            f"The file was made with other weights of the prior {prior.id} "
            f"({header.weights_hash.hex()}, here {prior.weights_hash.hex()}); get those, or encode the source again."
        )
    if prior.schedule.spec != header.schedule:
        raise PriorError(f"The file was made with another noise schedule of the prior {prior.id}; update this program.")
    return prior


def differences(header: Header, prior: VideoPrior) -> Iterator[str]:
    """What this decode computes otherwise than the encoder did, as sentences."""
    if prior.dtype != header.dtype:
        yield (
            f"The file was made in {header.dtype} and is decoded in {prior.dtype}, so pictures may differ from what "
            f"the encoder measured; --dtype {header.dtype} avoids that."
        )


@dataclass(frozen=True)
class Decoded:
    """A GOP's record was replayed; `probes` and `bits` as the file tells."""

    record: GopRecord
    t_star: int


DecodedItem = Pictures | Decoded | StepCoded | Warned | AudioRecord


def decode_records(
    header: Header,
    prior: VideoPrior,
    records: Iterator[GopRecord | AudioRecord | Damage],
    choose: StepChoice,
) -> Iterator[DecodedItem]:
    """Decode records in file order, from the file's start or from any chain's first GOP on.

    Args:
        choose: how many steps of a GOP to replay.
    """
    chain = _Chain(header, prior, choose)
    for record in records:
        if isinstance(record, GopRecord):
            yield from chain.push(record)
        elif isinstance(record, Damage):
            yield Warned(record.message)
        else:
            yield record
    yield from chain.finish()


@dataclass
class _Chain:
    """The state that GOPs of a chain hand on: base decoder, base pictures of the overlap, denoised overlap."""

    header: Header
    prior: VideoPrior
    choose: StepChoice
    assembler: Assembler = field(init=False)
    base: BaseDecoder | None = None
    tail: list[Frames] = field(default_factory=list)
    known: Known | None = None
    next_frame: int = 0
    drifted: bool = False

    def __post_init__(self) -> None:
        self.assembler = Assembler(self.prior)

    def push(self, record: GopRecord) -> Iterator[DecodedItem]:
        """Decode one GOP; hands out the frames that got final."""
        if record.overlap == 0:
            yield from self._begin()
        elif record.start_frame + record.overlap != self.next_frame:
            if self.header.base_codec != "none" or self.header.overlap_mode == "guided":
                yield Warned(
                    f"GOP {record.index} can't be decoded without the lost one before it; its frames are lost."
                )
                return
            yield from self._begin()
        condition = self.prior.prepare(self._base_clip(record), record.frames, *self._size())
        walk = Walk(
            self.prior,
            condition,
            self.prior.geometry.latent_shape(record.frames, *self._size()),
            self.header.seed,
            record.index,
            self.known if record.overlap else None,
            self.header.reuse,
        )
        t_star = self.choose(record)
        state = walk.start()
        for step in walk.replay(record.steps[:t_star], coder_for(self.header.coder)):
            state = step.state
            yield StepCoded(record.index, step.step, t_star, 8 * len(step.payload))
        if t_star == record.t_star:
            yield from self._check(record, state.cpu().numpy())
        latent = walk.denoise(state, t_star)
        self._remember(record, latent, t_star)
        yield Decoded(record, t_star)
        yield from self.assembler.push(
            DenoisedGop(record.index, record.start_frame, record.frames, record.overlap, t_star, latent, condition)
        )

    def finish(self) -> Iterator[DecodedItem]:
        """The frames still held back."""
        yield from self.assembler.finish()

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
            self.base = BaseDecoder(*base_size(self.header.coding_width, self.header.coding_height, record.base.scale))
        pictures = self.tail[-record.overlap :] if record.overlap else []
        pictures = pictures + [self.base.decode(unit) for unit in record.base.units]
        self.tail = pictures
        return BaseClip(np.stack(pictures), record.base.crf, record.base.scale)

    def _remember(self, record: GopRecord, latent: Tensor, t_star: int) -> None:
        self.next_frame = record.end_frame
        shared = shared_slots(self.prior.geometry, record.frames, self.header.overlap_frames)
        guided = self.header.overlap_mode == "guided" and shared.count > 0
        self.known = Known(shared.of_before(latent), shared.after, t_star) if guided else None

    def _check(self, record: GopRecord, state: np.ndarray) -> Iterator[Warned]:
        """Warn once where this device's arithmetic has led visibly away from the encoder's."""
        if self.drifted or state_hash(state) == record.z_hash:
            return
        distance = drift(fingerprint(state), record.fingerprint)
        if distance > VISIBLE_DRIFT:
            self.drifted = True
            yield Warned(
                f"GOP {record.index} drifted by {distance:.2f} from what the encoder saw, since this device or number "
                "type computes differently; decode with --dtype float32 for a closer picture."
            )


def _open_writer(output: Path, header: Header, settings: DecodeSettings) -> VideoWriter:
    colour = header.colour
    return VideoWriter(
        output,
        header.source_width,
        header.source_height,
        frame_rate=header.frame_rate,
        time_base=header.time_base if header.variable_timing else 1 / header.frame_rate,
        colour=Colour(colour.primaries, colour.transfer, colour.matrix, colour.range),
        audio=track_of(header.audio) if header.audio is not None and settings.audio else None,
    )


@dataclass
class _Sink:
    """Puts decoded items into the output in order; a lost frame repeats the last good one (audio stays in step)."""

    header: Header
    writer: VideoWriter
    audio: bool
    times: dict[int, Fraction] = field(default_factory=dict)
    written: int = 0
    last: Frames | None = None
    audio_bytes: int = 0
    done: list[GopDone] = field(default_factory=list)

    def take(self, item: DecodedItem) -> Iterator[Event]:
        """Write what is to be written and tell what is to be told."""
        if isinstance(item, Pictures):
            yield PreviewReady(item.gop, item.start_frame, item.frames)
            self._write(item)
        elif isinstance(item, AudioRecord):
            self._write_audio(item)
        elif isinstance(item, Decoded):
            self._note_times(item.record)
            self.done.append(_gop_done(item))
            yield self.done[-1]
        else:
            yield item

    def finished(self, source: Path, output: Path) -> Finished:
        """The closing event; its rates are those of the `.fgvc` file as it was played."""
        width, height = self.header.coding_width, self.header.coding_height
        bits = sum(gop.bits for gop in self.done)
        return Finished(
            path=output,
            bytes=source.stat().st_size,
            audio_bytes=self.audio_bytes,
            base_bytes=sum(gop.base_bits for gop in self.done) // 8,
            frames=self.written,
            bpp=bits / max(1, self.written * width * height),
            kbps=bits * float(self.header.frame_rate) / max(1, self.written) / 1000,
            coding_width=width,
            coding_height=height,
            gops=tuple(self.done),
        )

    def _write(self, made: Pictures) -> None:
        while self.last is not None and self.written < made.start_frame:
            self._put(self.last)
        for picture in made.frames:
            self._put(picture)

    def _put(self, picture: Frames) -> None:
        self.writer.write(picture, self._time(self.written))
        self.last = picture
        self.written += 1

    def _time(self, frame: int) -> Fraction:
        return self.times.pop(frame, frame / self.header.frame_rate)

    def _note_times(self, record: GopRecord) -> None:
        first = record.start_frame + record.overlap
        for offset, ticks in enumerate(record.pts or ()):
            self.times[first + offset] = ticks * self.header.time_base

    def _write_audio(self, record: AudioRecord) -> None:
        self.audio_bytes += sum(len(packet.data) for packet in record.packets)
        if self.audio:
            for packet in record.packets:
                self.writer.write_audio(AudioPacket(packet.pts, packet.duration, packet.data))


def _gop_done(item: Decoded) -> GopDone:
    record, bits = item.record, item.record.prefix_bits()
    quality = dict(record.measured()).get(item.t_star)
    return GopDone(
        index=record.index,
        start_frame=record.start_frame,
        frames=record.frames,
        t_star=item.t_star,
        bits=bits[item.t_star],
        base_bits=record.base_bits,
        quality=quality,
        probes=tuple(Probe(step, bits[step], value) for step, value in record.measured()),
        frames_done=record.end_frame,
        frames_total=None,
    )
