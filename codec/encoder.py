"""Video to `.fgvc`, read from top to bottom.

frames -> segments (scene cuts) -> base layer -> overlapping GOPs -> latent -> trajectory, as deep as the controller
wants -> record on disk -> GopDone. Memory is bounded by two GOPs, and by a segment of at most 240 frames where a base
layer is chosen for it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from codec.control.base_levels.budget_search import Look, SegmentTrial
from codec.decoding.at_source import AtSource
from codec.encoding.audio_feed import AudioFeed
from codec.encoding.elsewhere import SegmentTask, encode_segment, is_live, look_at_segment
from codec.encoding.plan import Plan, make_plan
from codec.encoding.progress import ProgressScale, SharedProgress
from codec.encoding.resuming import KeptGop, as_begun, gops_in, kept_gops
from codec.encoding.segment_encoder import MadeGop
from codec.errors import SettingsError
from codec.events import Event, GopDone, Phase, Stage, Warned
from codec.files import check_output, part_path, sole_writer
from codec.format.header import Header
from codec.format.info import finished, quality_of, stored_gop
from codec.format.writer import BitstreamWriter, ResumePoint
from codec.parallel.order import in_order
from codec.parallel.units import Message, Work, Workers
from codec.settings import EncodeSettings, Quality
from codec.video import Frame, VideoReader
from codec.video.cutting import Segment
from codec.video.delivery import delivered

# Shares of the whole work: where the controller sees all segments before the first is coded that, and in the end the
# comparison with the source's own pictures.
LOOKING_SHARE, COMPARING_SHARE = 0.35, 0.03


def encode(
    source: Path, output: Path, settings: EncodeSettings, workers: Workers | None = None
) -> Generator[Event, None, None]:
    """Encode `source` into `output`; closing the generator stops and leaves what is done as a playable file.

    Until the end the result grows as `output`.part, readable up to its last GOP.

    Args:
        workers: code segments on them, several at a time, for the same bytes as without; of a bitrate or a size they
            only look ahead, since what one segment took says what the next may take.

    Raises:
        InputError: the source can't be read.
        OutputError: the result can't be written, or another process does.
        PriorError: the prior can't be loaded.
        SettingsError: the settings don't fit each other, the source or this machine.
    """
    check_output(source, output)
    with sole_writer(output):
        yield from _alone(source, output, settings, workers)


def _alone(
    source: Path, output: Path, settings: EncodeSettings, workers: Workers | None
) -> Generator[Event, None, None]:
    yield Phase(Stage.OPENING)
    plan = yield from make_plan(source, as_begun(output, settings))
    if settings.resume and BitstreamWriter.name_complete_part(output, plan.header):
        yield finished(output, [kept.told(plan.frames_total, settings.goal) for kept in gops_in(output)])
        return
    writer, at = _open_writer(output, plan.header, settings.resume)
    with writer:
        try:
            session = yield from _encoded(source, plan, writer, at, workers)
        except (GeneratorExit, KeyboardInterrupt):
            writer.stop()
            raise
        except Exception:
            # What is done stays in the part for --resume; a source that was refused leaves nothing.
            writer.give_up()
            raise
        yield from session.finish()
    yield finished(output, session.done)


def _encoded(
    source: Path, plan: Plan, writer: BitstreamWriter, at: ResumePoint, workers: Workers | None
) -> Generator[Event, None, _Encoding]:
    """All frames from where the writer goes on."""
    with _open_reader(source, plan) as reader, closing(delivered(reader.frames(), source)) as frames:
        session = _Encoding(plan, writer, AudioFeed(plan.audio, writer, at.audio_pts), next_gop=at.gop)
        ahead, charges = plan.segments.control.ahead, [0] * at.gop
        if ahead is not None:
            ahead.foresee((yield from _look_ahead(source, plan, ahead.look, workers)))
            charges = ahead.resume(kept.record for kept in kept_gops(writer.path, at.gop))
        session.catch_up(kept_gops(writer.path, at.gop), charges)
        yield from session.run(islice(frames, at.frame, None), at.frame, workers)
        session.check_result()
    return session


def _look_ahead(
    source: Path, plan: Plan, look: Look, workers: Workers | None
) -> Generator[Event, None, list[SegmentTrial]]:
    """What is to be expected of all segments, those too that an interrupted run has coded: it had learnt from them."""
    with _open_reader(source, plan) as reader, closing(delivered(reader.frames(), source)) as frames:
        segments = plan.cutter.cut(frames)
        if workers is not None:
            shared = SharedProgress(0, plan.frames_total, 0.0, LOOKING_SHARE, Stage.LOOKING_AHEAD)
            return (yield from in_order(_sent_out(look_at_segment, plan, segments, shared, workers), is_live))
        progress = ProgressScale(plan.frames_total, 0.0, LOOKING_SHARE, Stage.LOOKING_AHEAD)
        forecasts = []
        for segment in progress.watch(segments):
            forecast = yield from progress.place(look.at(segment))
            forecasts.append(forecast)
        return forecasts


def _sent_out(
    work: Work, plan: Plan, segments: Iterator[Segment], progress: SharedProgress, workers: Workers
) -> Generator[Message, None, None]:
    tasks = (SegmentTask(plan.settings, plan.header, segment) for segment in progress.watch(segments))
    return progress.placing(workers.run(work, tasks))


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
    done: list[GopDone] = field(default_factory=list)

    def run(self, frames: Iterator[Frame], first: int, workers: Workers | None) -> Iterator[Event]:
        """Encode all `frames`, of which the first is source frame number `first`."""
        looked = LOOKING_SHARE if self.plan.segments.control.ahead else 0.0
        segments = self.plan.cutter.cut(frames, self.next_gop, first)
        if workers is not None and isinstance(self.plan.settings.goal, Quality):
            shared = SharedProgress(first, self.plan.frames_total, looked, 1.0 - COMPARING_SHARE)
            with closing(in_order(_sent_out(encode_segment, self.plan, segments, shared, workers), is_live)) as items:
                for item in items:
                    yield from self._take(item)
            return
        progress = ProgressScale(self.plan.frames_total, looked, 1.0 - COMPARING_SHARE)
        for segment in progress.watch(segments):
            with closing(self.plan.segments.encode(segment)) as items:
                for item in items:
                    yield from self._take(item if isinstance(item, MadeGop) else progress.placed(item))

    def catch_up(self, kept: Iterator[KeptGop], charges: Sequence[int]) -> None:
        """Take over what an interrupted run has left: its GOPs count in the result, and in a budget.

        Args:
            charges: what the budget pays for the base of each.
        """
        for gop, base_bits in zip(kept, charges, strict=True):
            self.done.append(gop.told(self.plan.frames_total, self.plan.settings.goal))
            self.plan.segments.gop_coder.charge(gop.record, base_bits)

    def check_result(self) -> None:
        """Refuse a part of the source that holds nothing.

        Raises:
            SettingsError: not one frame was shown in the time asked for.
        """
        if not self.next_gop:
            raise SettingsError("No frame begins within the duration asked for; give a longer one.")

    def finish(self) -> Iterator[Event]:
        """Compare with the source, and close the file under its final name, which it gets too where that is stopped."""
        self.audio.finish()
        quality: float | None = None
        try:
            yield Phase(Stage.FINISHING, done=1.0 - COMPARING_SHARE)
            quality = yield from self._quality_at_source()
        finally:
            self.writer.finish(last_duration=self.plan.last_duration, quality_at_source=quality)

    def _quality_at_source(self) -> Generator[Event, None, float | None]:
        header, metric = self.plan.header, self.plan.metric
        if (header.source_width, header.source_height) == (header.coding_width, header.coding_height):
            return quality_of(self.done)
        if metric is None:
            return None
        judge = AtSource(self.plan.pictures, self.plan.segments.prior, metric)
        return (yield from judge.quality(part_path(self.writer.path), 1 - COMPARING_SHARE, 1))

    def _take(self, item: Event | MadeGop) -> Iterator[Event]:
        if isinstance(item, MadeGop):
            yield from self._write(item)
        else:
            yield item

    def _write(self, made: MadeGop) -> Iterator[Event]:
        bits = 8 * self.writer.append_gop(made.record)
        self.audio.advance(made.until)
        self.next_gop += 1
        event = replace(
            stored_gop(made.record, made.record.t_star, self.plan.frames_total),
            bits=bits,
            probes=made.probes,
            fit=made.fit,
            step_fit=made.step_fit,
            missed=not made.reachable,
        )
        self.done.append(event)
        yield event
        if not made.reachable:
            yield Warned(self.plan.unreachable_message(event), event.index)
