"""Code one segment by itself: its base, then its GOPs. What comes of it depends on nothing around it.

That holds where a quality is the goal. A budget is one for the whole video, and its controllers carry it from GOP to
GOP: there segments must come in order.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction

from codec.channel.choice import coder_for, spec_for
from codec.control.base_levels.based import BasedGop
from codec.control.control import Control
from codec.encoding.controllers import ChosenMetric
from codec.encoding.gop_coder import CodedGop, GopCoder
from codec.encoding.record_cost import gop_overhead, times_of
from codec.events import Event, Fit, PreviewReady, Probe
from codec.format.header import Header
from codec.format.limits import MAX_PROBES, MAX_RESTORATION
from codec.format.records import GopRecord
from codec.format.wire import as_half
from codec.priors.base import Condition, VideoPrior
from codec.settings import EncodeSettings, Quality
from codec.trajectory.alignment import shared_slots
from codec.trajectory.assembly import Assembler, Sent, StoppedGop
from codec.trajectory.walk import Known
from codec.video.cutting import Gop, Segment


@dataclass(frozen=True)
class MadeGop:
    """A GOP ready for the file, and what is told of it besides.

    Attributes:
        until: seconds at which its last frame is shown; sound up to there belongs before the next GOP.
        probes, fit, step_fit: see `GopDone`.
        reachable: whether the goal lies within what its choices reach.
    """

    record: GopRecord
    until: Fraction
    probes: tuple[Probe, ...]
    fit: Fit | None
    step_fit: Fit | None
    reachable: bool


@dataclass(frozen=True)
class SegmentEncoder:
    """What stays the same from segment to segment.

    Attributes:
        control: the two knobs: levels of the base, and steps.
        preview: hand out each GOP's pictures as a decoder will show them.
    """

    prior: VideoPrior[Condition]
    header: Header
    control: Control
    gop_coder: GopCoder
    preview: bool

    @classmethod
    def of(
        cls,
        settings: EncodeSettings,
        prior: VideoPrior[Condition],
        header: Header,
        control: Control,
        measured: ChosenMetric | None,
    ) -> SegmentEncoder:
        """For the settings; a budget's steps are chosen by bits alone."""
        judge = measured.metric if measured is not None and isinstance(settings.goal, Quality) else None
        channel = coder_for(spec_for(settings.channel))
        coder = GopCoder(prior, channel, control.steps, judge, settings.seed, settings.keep_steps)
        return cls(prior, header, control, coder, settings.preview)

    def encode(self, segment: Segment) -> Generator[Event | MadeGop, None, None]:
        """The segment's GOPs in order; shares of Phases are of the segment's own work."""
        self.control.steps.new_scene()
        gops = yield from self.control.base.choose(segment)
        assembler = Assembler(self.prior)
        known: Known | None = None
        # No GOP knows of another segment's depth: that one may be coded elsewhere, or later.
        depth = 0
        for based in gops:
            overhead = gop_overhead(based.gop, self.header, self.prior.schedule.steps)
            coded = yield from self.gop_coder.code(based, overhead, known, depth)
            depth = coded.next_depth
            yield self._made(based, coded)
            known = self._known_after(based.gop, coded)
            if self.preview:
                yield from _previews(assembler, based.gop, coded)
        if self.preview:
            yield from (PreviewReady(made.gop, made.start_frame, made.frames) for made in assembler.finish())

    def _made(self, based: BasedGop, coded: CodedGop) -> MadeGop:
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
            # As it is stored, so that the mean of a file that was gone on with is the uninterrupted one's.
            quality=None if coded.quality is None else as_half(coded.quality),
            probes=_stored_probes(coded),
            pts=times_of(gop, self.header),
            restoration=coded.restoration,
        )
        return MadeGop(record, gop.times[-1], coded.probes, coded.fit, coded.step_fit, coded.reachable)

    def _known_after(self, gop: Gop, coded: CodedGop) -> Known | None:
        """The overlap as the next GOP's decoder will know it."""
        if self.header.overlap_mode == "plain" or not isinstance(coded.stop, Sent):
            return None
        shared = shared_slots(self.prior.geometry, len(gop.pixels), self.header.overlap_frames)
        return Known(shared.of_before(coded.stop.latent), shared.after, coded.sent) if shared.count else None


def _stored_probes(coded: CodedGop) -> tuple[tuple[int, float], ...]:
    """(t*, quality) of what was measured over the stored base, as many as a record holds: those nearest to t*."""
    others = {p.step: p.quality for p in coded.probes if p.step != coded.t_star and p.crf is None}
    deepest = len(coded.payloads) if coded.restoration is None else MAX_RESTORATION
    stored = ((step, quality) for step, quality in others.items() if step <= deepest)
    return tuple(sorted(sorted(stored, key=lambda other: abs(other[0] - coded.t_star))[:MAX_PROBES]))


def _previews(assembler: Assembler, gop: Gop, coded: CodedGop) -> Iterator[PreviewReady]:
    stopped = StoppedGop(gop.index, gop.start_frame, len(gop.pixels), gop.overlap, coded.stop, coded.condition)
    for made in assembler.push(stopped):
        yield PreviewReady(made.gop, made.start_frame, made.frames)
