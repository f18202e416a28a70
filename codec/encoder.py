"""Video to `.fgvc`, read from top to bottom.

frames -> segments (scene cuts) -> base layer -> overlapping GOPs -> latent -> trajectory, as deep as the controller
wants -> record on disk -> GopDone. Memory is bounded by two GOPs, and by a segment of at most 240 frames where a base
layer is chosen for it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import numpy as np

from codec.base.av1 import BaseFrame
from codec.base.units import UnitPacker
from codec.control.base_level import BaseChoice, BaseChooser, Segment
from codec.encoding.audio_feed import AudioFeed
from codec.encoding.gop_coder import CodedGop, GopSource
from codec.encoding.plan import Plan, make_plan
from codec.encoding.record_cost import overhead_bits
from codec.encoding.resuming import KeptGop, kept_gops
from codec.errors import SettingsError
from codec.events import Event, Finished, GopDone, Phase, PreviewReady, Probe, Warned
from codec.files import check_output
from codec.format.records import MAX_PROBES, BaseRun, EndRecord, GopRecord, Header
from codec.format.writer import BitstreamWriter, ResumePoint
from codec.priors.base import BaseClip
from codec.settings import EncodeSettings
from codec.trajectory.alignment import shared_slots
from codec.trajectory.assembly import Assembler, DenoisedGop
from codec.trajectory.walk import Known
from codec.video import Frame, VideoReader
from codec.video.cutting import Window, longest_segment, segments, windows
from codec.video.delivery import delivered


def encode(source: Path, output: Path, settings: EncodeSettings) -> Iterator[Event]:
    """Encode `source` into `output`; closing the generator stops and leaves what is done as a playable file.

    Until the end the result grows as `output`.part, readable up to its last GOP.

    Raises:
        InputError: the source can't be read.
        OutputError: the result can't be written.
        PriorError: the prior can't be loaded.
        SettingsError: the settings don't fit each other, the source or this machine.
    """
    check_output(source, output)
    yield Phase("opening the video")
    plan = yield from make_plan(source, settings)
    writer, at = _open_writer(output, plan.header, settings.resume)
    with writer, _open_reader(source, plan) as reader, closing(delivered(reader.frames(), source)) as frames:
        session = _Session(plan, writer, AudioFeed(plan.audio, writer, at.audio_pts), next_gop=at.gop)
        session.catch_up(kept_gops(output, at.gop))
        try:
            yield from session.run(islice(frames, at.frame, None), at.frame)
            session.check_result()
        except (GeneratorExit, KeyboardInterrupt):
            session.stop()
            raise
        except Exception:
            # What is done stays in the part for --resume; a source that was refused leaves nothing.
            session.give_up()
            raise
        end = session.finish()
    yield _finished(output, plan, end, session.done)


def _open_reader(source: Path, plan: Plan) -> VideoReader:
    settings = plan.settings
    return VideoReader(
        source, size=plan.size, start=settings.start, duration=settings.duration, deinterlace=plan.deinterlace
    )


def _open_writer(output: Path, header: Header, resume: bool) -> tuple[BitstreamWriter, ResumePoint]:
    if resume:
        return BitstreamWriter.resume(output, header)
    return BitstreamWriter(output, header), ResumePoint(0, 0, None)


@dataclass(frozen=True)
class _Paired:
    """A source frame and, with a base layer, what codes it there."""

    frame: Frame
    base: BaseFrame | None


@dataclass
class _Session:
    """One run of the encoder: what changes from GOP to GOP."""

    plan: Plan
    writer: BitstreamWriter
    audio: AudioFeed
    next_gop: int
    depth: int = 0
    done: list[GopDone] = field(default_factory=list)

    def run(self, frames: Iterator[Frame], first: int) -> Iterator[Event]:
        """Encode all `frames`, of which the first is source frame number `first`."""
        longest = longest_segment(self.plan.header.gop_frames, self.plan.header.overlap_frames)
        for segment in segments(((frame, frame.pixels) for frame in frames), longest):
            first = yield from self._segment(segment, first)

    def catch_up(self, kept: Iterator[KeptGop]) -> None:
        """Take over what an interrupted run has left: its GOPs count in the result, and in a budget."""
        for gop in kept:
            self.done.append(_gop_done(gop.record, gop.bits, gop.probes, self.plan.frames_total))
            self.plan.gop_coder.charge(gop)

    def check_result(self) -> None:
        """Refuse a part of the source that holds nothing.

        Raises:
            SettingsError: not one frame was shown in the time asked for.
        """
        if not self.next_gop:
            raise SettingsError("No frame begins within the duration asked for; give a longer one.")

    def finish(self) -> EndRecord:
        """Close the file under its final name."""
        self.audio.finish()
        return self.writer.finish(last_duration=self.plan.last_duration)

    def stop(self) -> None:
        """Leave whole GOPs as a playable file, or nothing if there is none."""
        if self.next_gop:
            self.writer.finish(complete=False)
        else:
            self.writer.abort()

    def give_up(self) -> None:
        """Remove a part that holds no GOP."""
        if not self.next_gop:
            self.writer.abort()

    def _segment(self, frames: Iterator[Frame], first: int) -> Generator[Event, None, int]:
        """Encode one segment; returns the number of the first frame after it."""
        header, chooser = self.plan.header, self.plan.base_chooser
        self.plan.gop_coder.controller.new_scene()
        choice: BaseChoice | None = None
        if chooser is not None:
            choice, frames = yield from _choose_base(chooser, frames, self.next_gop)
        paired = _with_base(frames, choice)
        assembler, packer = Assembler(self.plan.prior), UnitPacker()
        known: Known | None = None
        qualities = iter(choice.qualities if choice is not None else ())
        for window in windows(paired, header.gop_frames, header.overlap_frames):
            start = first - window.overlap
            run = _base_run(window.items[window.overlap :], choice, packer)
            source = _gop_source(window, self.next_gop, start, run, self.plan)
            source = replace(source, base_quality=next(qualities, None), charged_base_bits=_charged(window, choice))
            coded = yield from self.plan.gop_coder.code(source, known, self.depth)
            self.depth = coded.next_depth
            yield from self._write(window, source, coded)
            known = self._known_after(source, coded)
            first = start + len(window.items)
            if self.plan.settings.preview:
                yield from _previews(assembler, source, coded)
        if self.plan.settings.preview:
            yield from (PreviewReady(made.gop, made.start_frame, made.frames) for made in assembler.finish())
        return first

    def _write(self, window: Window[_Paired], source: GopSource, coded: CodedGop) -> Iterator[Event]:
        own = window.items[window.overlap :]
        record = GopRecord(
            index=source.index,
            start_frame=source.start_frame,
            frames=len(window.items),
            overlap=window.overlap,
            sent=coded.t_star,
            steps=coded.payloads,
            z_hash=coded.z_hash,
            fingerprint=coded.fingerprint,
            base=source.base_run,
            quality=coded.quality,
            probes=_stored_probes(coded),
            pts=_times(own, self.plan.header),
        )
        bits = 8 * self.writer.append_gop(record)
        self.audio.advance(own[-1].frame.pts)
        self.next_gop += 1
        event = replace(_gop_done(record, bits, coded.probes, self.plan.frames_total), fit=coded.fit)
        self.done.append(event)
        yield event
        if not coded.reachable:
            yield Warned(self.plan.unreachable_message(event))

    def _known_after(self, source: GopSource, coded: CodedGop) -> Known | None:
        """The overlap as the next GOP's decoder will know it."""
        if self.plan.header.overlap_mode == "plain":
            return None
        shared = shared_slots(self.plan.prior.geometry, len(source.frames), self.plan.header.overlap_frames)
        return Known(shared.of_before(coded.latent), shared.after, coded.t_star) if shared.count else None


def _choose_base(
    chooser: BaseChooser, frames: Iterator[Frame], gop: int
) -> Generator[Event, None, tuple[BaseChoice, Iterator[Frame]]]:
    """Settle a segment's base on its frames, and hand these on."""
    yield Phase("choosing the base layer")
    held = list(frames)
    choice = yield from chooser.choose(Segment(np.stack([frame.pixels for frame in held]), gop))
    yield Phase("coding")
    return choice, iter(held)


def _with_base(frames: Iterator[Frame], choice: BaseChoice | None) -> Iterator[_Paired]:
    """Each frame with its base picture, if there is one."""
    if choice is None:
        return (_Paired(frame, None) for frame in frames)
    return (_Paired(frame, base) for frame, base in zip(frames, choice.coded, strict=True))


def _charged(window: Window[_Paired], choice: BaseChoice | None) -> int | None:
    """See `GopSource.charged_base_bits`."""
    if choice is None or choice.bits_per_frame is None:
        return None
    return round(choice.bits_per_frame * (len(window.items) - window.overlap))


def _gop_source(window: Window[_Paired], index: int, start: int, run: BaseRun | None, plan: Plan) -> GopSource:
    pictures = [item.base.picture for item in window.items if item.base is not None]
    own = window.items[window.overlap :]
    times = _times(own, plan.header)
    return GopSource(
        index=index,
        start_frame=start,
        overlap=window.overlap,
        frames=np.stack([item.frame.pixels for item in window.items]),
        base=BaseClip(np.stack(pictures), run.crf, run.scale) if run is not None else None,
        base_run=run,
        overhead_bits=overhead_bits(len(window.items), window.overlap, run, times, plan.prior.schedule.steps),
    )


def _base_run(own: tuple[_Paired, ...], choice: BaseChoice | None, packer: UnitPacker) -> BaseRun | None:
    if choice is None:
        return None
    units = [item.base.packet for item in own if item.base is not None]
    return BaseRun(choice.level.crf, choice.level.scale, "modelled", packer.pack(units))


def _times(own: tuple[_Paired, ...], header: Header) -> tuple[int, ...] | None:
    return tuple(round(item.frame.pts / header.time_base) for item in own) if header.variable_timing else None


def _stored_probes(coded: CodedGop) -> tuple[tuple[int, float], ...]:
    """(step, quality) of the stored steps, as many as a record holds: those nearest to t*."""
    others = [(p.step, p.quality) for p in coded.probes if p.step != coded.t_star and p.step <= coded.depth]
    return tuple(sorted(sorted(others, key=lambda other: abs(other[0] - coded.t_star))[:MAX_PROBES]))


def _gop_done(record: GopRecord, bits: int, probes: tuple[Probe, ...], frames_total: int | None) -> GopDone:
    return GopDone(
        index=record.index,
        start_frame=record.start_frame,
        frames=record.frames,
        t_star=record.t_star,
        bits=bits,
        base_bits=record.base_bits,
        quality=record.quality,
        probes=probes,
        frames_done=record.end_frame,
        frames_total=frames_total,
    )


def _previews(assembler: Assembler, source: GopSource, coded: CodedGop) -> Iterator[PreviewReady]:
    gop = DenoisedGop(
        source.index,
        source.start_frame,
        len(source.frames),
        source.overlap,
        coded.t_star,
        coded.latent,
        coded.condition,
    )
    for made in assembler.push(gop):
        yield PreviewReady(made.gop, made.start_frame, made.frames)


def _finished(output: Path, plan: Plan, end: EndRecord, gops: list[GopDone]) -> Finished:
    size = output.stat().st_size
    video_bits = 8 * (size - end.audio_bytes)
    width, height = plan.size
    return Finished(
        path=output,
        bytes=size,
        audio_bytes=end.audio_bytes,
        base_bytes=end.base_bytes,
        frames=end.frames,
        bpp=video_bits / (end.frames * width * height),
        kbps=video_bits / float(plan.timeline.duration) / 1000,
        coding_width=width,
        coding_height=height,
        gops=tuple(gops),
    )
