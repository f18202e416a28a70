"""Code one GOP: its latent along the trajectory as far as the controller wants it, then the record that says so."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from codec.channel import ChannelCoder
from codec.control.probing import Judge, probe_frames
from codec.control.quality import Decision, RateControl
from codec.encoding.resuming import KeptGop
from codec.events import Fit, Probe, StepCoded
from codec.format.fingerprint import fingerprint, state_hash
from codec.format.records import BaseRun
from codec.metrics.base import Metric
from codec.priors.base import BaseClip, Condition, Frames, VideoPrior
from codec.trajectory.walk import CodedStep, Known, Walk

HORIZON_STEPS = 4
# No GOP is coded deeper than this; over a base, a quality target stops where the prior says (`bpp_over_base`).
MAX_IMPLICIT_BPP = 0.3


@dataclass(frozen=True)
class GopSource:
    """What one GOP is made from.

    Attributes:
        index, start_frame, overlap: its place in the file.
        frames: uint8 (T, H, W, 3) at coding size, the overlap included.
        base: the decoded base of all T frames, or None.
        base_run: the base of the frames beyond the overlap as the file holds it, or None.
        overhead_bits: most that the GOP's record takes beside those and the steps' payloads.
        base_quality: what choosing the base has measured of it without any steps, or None.
        charged_base_bits: what a budget pays for the base: where all of a segment is known, the segment's mean, for its
            keyframe serves every GOP. None for `base_bits`.
    """

    index: int
    start_frame: int
    overlap: int
    frames: Frames = field(repr=False)
    base: BaseClip | None
    base_run: BaseRun | None
    overhead_bits: int
    base_quality: float | None = None
    charged_base_bits: int | None = None

    @property
    def base_bits(self) -> int:
        """Bits of the base."""
        return 0 if self.base_run is None else self.base_run.bits


@dataclass(frozen=True)
class CodedGop:
    """The result: what goes into the record, and what the next GOP and a preview need.

    Attributes:
        payloads: of every stored step; the first t_star are replayed by default.
        latent: (C, t, h, w) denoised from t_star.
    """

    t_star: int
    payloads: tuple[bytes, ...] = field(repr=False)
    z_hash: bytes
    fingerprint: bytes
    quality: float | None
    reachable: bool
    probes: tuple[Probe, ...]
    fit: Fit | None
    latent: Tensor = field(repr=False)
    condition: Condition = field(repr=False)

    @property
    def depth(self) -> int:
        """Steps stored."""
        return len(self.payloads)

    @property
    def next_depth(self) -> int:
        """Steps that the next GOP is likely to need: one more than here, none where the base layer was enough."""
        return self.t_star + 1 if self.t_star else 0


class Prefixes:
    """The prefixes of one GOP's trajectory, coded only as deep as somebody asks for."""

    def __init__(self, walk: Walk, coded: Iterator[CodedStep], base_bits: int) -> None:
        self._walk = walk
        self._coded = coded
        self.states = [walk.start()]
        self.payloads: list[bytes] = []
        self.bits = [base_bits]
        self._clean: tuple[int, Tensor] | None = None

    def extend(self, gop: int, depth: int, most_bits: float) -> Iterator[StepCoded]:
        """Code until prefix `depth` exists, the schedule ends, or the prefix costs more than `most_bits`."""
        while len(self.payloads) < depth and self.bits[-1] < most_bits:
            step = next(self._coded, None)
            if step is None:
                return
            self.states.append(step.state)
            self.payloads.append(step.payload)
            self.bits.append(self.bits[-1] + 8 * len(step.payload))
            yield StepCoded(gop, step.step, self._walk.prior.schedule.steps, 8 * len(step.payload))

    def clean(self, step: int) -> Tensor:
        """The latent as the decoder denoises it from prefix `step`; the last one asked for is kept."""
        if self._clean is None or self._clean[0] != step:
            self._clean = (step, self._walk.denoise(self.states[step], step))
        return self._clean[1]


@dataclass(frozen=True)
class GopCoder:
    """Everything that stays the same from GOP to GOP.

    Attributes:
        metric: what the controller measures, or None where it chooses by bits alone.
        keep_steps: steps stored beyond t_star.
    """

    prior: VideoPrior
    coder: ChannelCoder
    controller: RateControl
    metric: Metric | None
    seed: int
    keep_steps: int

    def charge(self, kept: KeptGop) -> None:
        """Let a budget know of a GOP that an earlier run has coded."""
        self.controller.begin((kept.bits,), kept.record.frames - kept.record.overlap)

    def code(self, source: GopSource, known: Known | None, depth: int = 0) -> Generator[StepCoded, None, CodedGop]:
        """Yields a StepCoded per step and returns the coded GOP.

        Args:
            depth: steps to code before the first is judged, about as many as the GOP is going to need: whenever the
                trajectory turns out too short a probe was spent, six of them on a long way from nothing.
        """
        count, height, width, _ = source.frames.shape
        condition = self.prior.prepare(source.base, count, height, width)
        shape = self.prior.geometry.latent_shape(count, height, width)
        walk = Walk(self.prior, condition, shape, self.seed, source.index, known, self.prior.reuse)
        prefixes = Prefixes(walk, self._steps(walk, source), source.base_bits)
        saves = source.base is not None and self.metric is not None
        bpp = self.prior.bpp_over_base if saves else MAX_IMPLICIT_BPP
        most = source.base_bits + bpp * count * height * width
        probing = Probing(self, source, walk, prefixes)
        # Without a base the prefix without steps is no picture at all, and tells nothing of those to come.
        yield from prefixes.extend(source.index, depth or (HORIZON_STEPS if source.base_run is None else 0), most)
        decision = yield from self._decide(source, prefixes, probing, most)
        yield from prefixes.extend(source.index, decision.step + self.keep_steps, float("inf"))
        z_hash, printed = _told(prefixes.states[decision.step], decision.step)
        return CodedGop(
            t_star=decision.step,
            payloads=tuple(prefixes.payloads[: decision.step + self.keep_steps]),
            z_hash=z_hash,
            fingerprint=printed,
            quality=probing.measured.get(decision.step, decision.quality),
            reachable=decision.reachable,
            probes=probing.points(),
            fit=decision.fit,
            latent=prefixes.clean(decision.step),
            condition=condition,
        )

    def _steps(self, walk: Walk, source: GopSource) -> Iterator[CodedStep]:
        """The trajectory's steps; where nobody asks for one, the source isn't even encoded."""
        yield from walk.code(self.prior.encode(source.frames, walk.condition), self.coder)

    def _decide(
        self, source: GopSource, prefixes: Prefixes, probing: Probing, most: float
    ) -> Generator[StepCoded, None, Decision]:
        """Deepen the trajectory, a few steps at a time, until the controller is content with what it can choose."""
        search = self.controller.begin(self._costs(source, prefixes), len(source.frames) - source.overlap)
        while True:
            while (step := search.next_probe()) is not None:
                search.observe(step, probing.measure(step))
            depth = len(prefixes.payloads)
            if not search.wants_more(most):
                return search.decision()
            yield from prefixes.extend(source.index, depth + HORIZON_STEPS, most)
            if len(prefixes.payloads) == depth:
                return search.decision()
            search.extend(self._costs(source, prefixes))

    def _costs(self, source: GopSource, prefixes: Prefixes) -> Sequence[int]:
        """What prefixes cost: a budget pays for the whole record, a curve of quality begins where there are no bits."""
        if self.metric is not None:
            return prefixes.bits
        charged = source.base_bits if source.charged_base_bits is None else source.charged_base_bits
        return [bits - source.base_bits + charged + source.overhead_bits for bits in prefixes.bits]


def _told(state: Tensor, step: int) -> tuple[bytes, bytes]:
    """What a decoder may compare its own state with: nothing where it has received nothing."""
    if step == 0:
        return b"", b""
    values = state.cpu().numpy()
    return state_hash(values), fingerprint(values)


class Probing:
    """Measures prefixes of one GOP, each at most once, on a few of its frames."""

    def __init__(self, gop: GopCoder, source: GopSource, walk: Walk, prefixes: Prefixes) -> None:
        self._metric = gop.metric
        self._source = source
        self._walk = walk
        self._prefixes = prefixes
        self.measured: dict[int, float] = {}
        # With a latent of the previous GOP to lean on, the prefix without steps may look better than the base alone.
        if source.base_quality is not None and (walk.known is None or walk.known.step == 0):
            self.measured[0] = source.base_quality

    def measure(self, step: int) -> float:
        """The metric of prefix `step`, mean over the probe frames."""
        if step not in self.measured:
            self.measured[step] = self._judge().quality(self._prefixes.clean(step), step)
        return self.measured[step]

    def _judge(self) -> Judge:
        assert self._metric is not None
        frames, chosen = self._source.frames, probe_frames(len(self._source.frames), self._source.overlap)
        return Judge(self._walk.prior, self._metric, frames, chosen, self._walk.condition)

    def points(self) -> tuple[Probe, ...]:
        """All measured points, steps rising."""
        return tuple(Probe(step, self._prefixes.bits[step], q) for step, q in sorted(self.measured.items()))
