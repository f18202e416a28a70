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

from codec.control.based import BasedGop
from codec.encoding.audio_feed import AudioFeed
from codec.encoding.gop_coder import CodedGop
from codec.encoding.plan import Plan, make_plan
from codec.encoding.progress import ProgressScale
from codec.encoding.record_cost import gop_overhead, times_of
from codec.encoding.resuming import KeptGop, kept_gops
from codec.errors import SettingsError
from codec.events import Event, Finished, GopDone, Phase, PreviewReady, Probe, Stage, Warned
from codec.files import check_output
from codec.format.header import Header
from codec.format.limits import MAX_PROBES, MAX_RESTORATION
from codec.format.records import EndRecord, GopRecord
from codec.format.writer import BitstreamWriter, ResumePoint
from codec.settings import EncodeSettings
from codec.trajectory.alignment import shared_slots
from codec.trajectory.assembly import Assembler, Sent, StoppedGop
from codec.trajectory.walk import Known
from codec.video import Frame, VideoReader
from codec.video.cutting import Gop, Segment
from codec.video.delivery import delivered

# Of the whole work, where the controller sees all segments before the first is coded.
LOOKING_SHARE = 0.35


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
    yield Phase(Stage.OPENING)
    plan = yield from make_plan(source, settings)
    writer, at = _open_writer(output, plan.header, settings.resume)
    with writer, _open_reader(source, plan) as reader, closing(delivered(reader.frames(), source)) as frames:
        session = _Encoding(plan, writer, AudioFeed(plan.audio, writer, at.audio_pts), next_gop=at.gop)
        session.catch_up(kept_gops(output, at.gop))
        try:
            if plan.control.base.looks_ahead:
                yield from _look_ahead(source, plan, at, sum(gop.bits for gop in session.done))
            yield from session.run(islice(frames, at.frame, None), at.frame)
            session.check_result()
        except (GeneratorExit, KeyboardInterrupt):
            session.stop()
            raise
        except Exception:
            # What is done stays in the part for --resume; a source that was refused leaves nothing.
            session.give_up()
            raise
        yield Phase(Stage.FINISHING, done=1.0)
        end = session.finish()
    yield _finished(output, plan, end, session.done)


def _look_ahead(source: Path, plan: Plan, at: ResumePoint, kept_bits: int) -> Iterator[Event]:
    """Let the controller see all that is still to be coded."""
    progress = ProgressScale(plan.frames_total, 0.0, LOOKING_SHARE, Stage.LOOKING_AHEAD)
    with _open_reader(source, plan) as reader, closing(delivered(reader.frames(), source)) as frames:
        segments = plan.cutter.cut(islice(frames, at.frame, None), at.gop, at.frame)
        yield from progress.place(plan.control.base.look_ahead(progress.watch(segments), at.frame, kept_bits))


def _placed(
    search: Generator[Event, None, tuple[BasedGop, ...]], progress: ProgressScale
) -> Generator[Event, None, tuple[BasedGop, ...]]:
    """A search whose events are placed in the whole work."""
    while True:
        try:
            event = next(search)
        except StopIteration as found:
            gops: tuple[BasedGop, ...] = found.value
            return gops
        try:
            yield progress.placed(event)
        except GeneratorExit:
            search.close()
            raise


def _open_reader(source: Path, plan: Plan) -> VideoReader:
    settings = plan.settings
    return VideoReader(
        source, size=plan.size, start=settings.start, duration=settings.duration, deinterlace=plan.deinterlace
    )


def _open_writer(output: Path, header: Header, resume: bool) -> tuple[BitstreamWriter, ResumePoint]:
    if resume:
        return BitstreamWriter.resume(output, header)
    return BitstreamWriter(output, header), ResumePoint(0, 0, None)


@dataclass
class _Encoding:
    """One run of the encoder: what changes from GOP to GOP."""

    plan: Plan
    writer: BitstreamWriter
    audio: AudioFeed
    next_gop: int
    depth: int = 0
    done: list[GopDone] = field(default_factory=list)

    def run(self, frames: Iterator[Frame], first: int) -> Iterator[Event]:
        """Encode all `frames`, of which the first is source frame number `first`."""
        looked = LOOKING_SHARE if self.plan.control.base.looks_ahead else 0.0
        progress = ProgressScale(self.plan.frames_total, looked, 1.0)
        for segment in progress.watch(self.plan.cutter.cut(frames, self.next_gop, first)):
            yield from self._segment(segment, progress)

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

    def _segment(self, segment: Segment, progress: ProgressScale) -> Iterator[Event]:
        self.plan.control.steps.new_scene()
        gops = yield from _placed(self.plan.control.base.choose(segment), progress)
        assembler = Assembler(self.plan.prior)
        known: Known | None = None
        for based in gops:
            overhead = gop_overhead(based.gop, self.plan.header, self.plan.prior.schedule.steps)
            coded = yield from self.plan.gop_coder.code(based, overhead, known, self.depth)
            self.depth = coded.next_depth
            yield from self._write(based, coded)
            known = self._known_after(based.gop, coded)
            if self.plan.settings.preview:
                yield from _previews(assembler, based.gop, coded)
        if self.plan.settings.preview:
            yield from (PreviewReady(made.gop, made.start_frame, made.frames) for made in assembler.finish())

    def _write(self, based: BasedGop, coded: CodedGop) -> Iterator[Event]:
        gop = based.gop
        record = GopRecord(
            index=gop.index,
            start_frame=gop.start_frame,
            frames=len(gop.pixels),
            overlap=gop.overlap,
            sent=coded.sent,
            steps=coded.payloads,
            z_hash=coded.z_hash,
            fingerprint=coded.fingerprint,
            base=None if based.base is None else based.base.run,
            quality=coded.quality,
            probes=_stored_probes(coded),
            pts=times_of(gop, self.plan.header),
            restoration=coded.restoration,
        )
        bits = 8 * self.writer.append_gop(record)
        self.audio.advance(gop.times[-1])
        self.next_gop += 1
        event = replace(
            _gop_done(record, bits, coded.probes, self.plan.frames_total),
            fit=coded.fit,
            step_fit=coded.step_fit,
            missed=not coded.reachable,
        )
        self.done.append(event)
        yield event
        if not coded.reachable:
            yield Warned(self.plan.unreachable_message(event))

    def _known_after(self, gop: Gop, coded: CodedGop) -> Known | None:
        """The overlap as the next GOP's decoder will know it."""
        if self.plan.header.overlap_mode == "plain" or not isinstance(coded.stop, Sent):
            return None
        shared = shared_slots(self.plan.prior.geometry, len(gop.pixels), self.plan.header.overlap_frames)
        return Known(shared.of_before(coded.stop.latent), shared.after, coded.sent) if shared.count else None


def _stored_probes(coded: CodedGop) -> tuple[tuple[int, float], ...]:
    """(t*, quality) of what was measured over the stored base, as many as a record holds: those nearest to t*."""
    others = {p.step: p.quality for p in coded.probes if p.step != coded.t_star and p.crf is None}
    deepest = len(coded.payloads) if coded.restoration is None else MAX_RESTORATION
    stored = ((step, quality) for step, quality in others.items() if step <= deepest)
    return tuple(sorted(sorted(stored, key=lambda other: abs(other[0] - coded.t_star))[:MAX_PROBES]))


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
        crf=None if record.base is None else record.base.crf,
        scale=1 if record.base is None else record.base.scale,
    )


def _previews(assembler: Assembler, gop: Gop, coded: CodedGop) -> Iterator[PreviewReady]:
    stopped = StoppedGop(gop.index, gop.start_frame, len(gop.pixels), gop.overlap, coded.stop, coded.condition)
    for made in assembler.push(stopped):
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
