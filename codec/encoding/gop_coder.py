"""Code one GOP: its latent along the trajectory as far as the controller wants it, then the record that says so."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from codec.channel import ChannelCoder
from codec.control.base_levels.based import BasedGop, Verdict
from codec.control.probing import Judge, probe_frames
from codec.control.sent_steps.quality import Decision, RateControl
from codec.encoding.record_cost import kept_overhead
from codec.events import Fit, Probe, StepCoded
from codec.format.fingerprint import fingerprint, state_hash
from codec.format.records import GopRecord
from codec.metrics.base import Metric
from codec.priors.base import Condition, VideoPrior
from codec.trajectory.assembly import Restored, Sent
from codec.trajectory.walk import CodedStep, Known, Walk

HORIZON_STEPS = 4
# No GOP is coded deeper than this; over a base, a quality target stops where the prior says (`bpp_over_base`).
MAX_IMPLICIT_BPP = 0.3


@dataclass(frozen=True)
class CodedGop:
    """The result: what goes into the record, and what the next GOP and a preview need.

    Attributes:
        sent: steps that a decoder replays by default.
        payloads: of every stored step.
        restoration: the step at which the base's restoration stops, or None.
        probes: by t*.
        fit, step_fit: quality over bits and over steps of the restoration, where known.
        stop: where the trajectory stopped.
    """

    sent: int
    payloads: tuple[bytes, ...] = field(repr=False)
    restoration: int | None
    z_hash: bytes
    fingerprint: bytes
    quality: float | None
    reachable: bool
    probes: tuple[Probe, ...]
    fit: Fit | None
    step_fit: Fit | None
    stop: Sent | Restored
    condition: Condition = field(repr=False)

    @property
    def t_star(self) -> int:
        """The step at which the trajectory stops, free ones included."""
        return (self.restoration or 0) + self.sent

    @property
    def next_depth(self) -> int:
        """Steps that the next GOP is likely to need: one more than here, none where the base layer was enough."""
        return self.sent + 1 if self.sent else 0


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

    prior: VideoPrior[Condition]
    coder: ChannelCoder
    controller: RateControl
    metric: Metric | None
    seed: int
    keep_steps: int

    def charge(self, record: GopRecord, base_bits: int) -> None:
        """Let a budget know of a GOP that an earlier run has coded, as that run's budget knew it.

        Args:
            base_bits: what the budget pays for its base.
        """
        if record.restoration is not None:
            return
        payloads = record.bits_at(record.sent) - record.base_bits
        overhead = kept_overhead(record, self.prior.schedule.steps)
        self.controller.begin((payloads + base_bits + overhead,), record.frames - record.overlap)

    def code(
        self, based: BasedGop, overhead_bits: int, known: Known | None, depth: int = 0
    ) -> Generator[StepCoded, None, CodedGop]:
        """Yields a StepCoded per step and returns the coded GOP.

        Args:
            overhead_bits: most that the GOP's record takes beside its base and the steps' payloads.
            depth: steps to code before the first is judged, about as many as the GOP is going to need: whenever the
                trajectory turns out too short a probe was spent, six of them on a long way from nothing.
        """
        gop, base = based.gop, based.base
        count, height, width, _ = gop.pixels.shape
        condition = self.prior.prepare(None if base is None else base.clip, count, height, width)
        if based.verdict is not None and based.verdict.step is not None:
            return _restored(based.verdict, based.verdict.step, condition)
        shape = self.prior.geometry.latent_shape(count, height, width)
        walk = Walk(self.prior, condition, shape, self.seed, gop.index, known, self.prior.reuse)
        prefixes = Prefixes(walk, self._steps(walk, based), based.base_bits)
        most = self._most_bits(based)
        probing = Probing(self, based, walk, prefixes)
        # Without a base the prefix without steps is no picture at all, and tells nothing of those to come.
        yield from prefixes.extend(gop.index, depth or (HORIZON_STEPS if base is None else 0), most)
        costs = Costs(self.metric is not None, based, overhead_bits)
        decision = yield from self._decide(based, prefixes, probing, costs, most)
        yield from prefixes.extend(gop.index, decision.step + self.keep_steps, float("inf"))
        return self._coded(decision, prefixes, probing, condition)

    def _coded(self, decision: Decision, prefixes: Prefixes, probing: Probing, condition: Condition) -> CodedGop:
        z_hash, printed = _told(prefixes.states[decision.step], decision.step)
        return CodedGop(
            sent=decision.step,
            payloads=tuple(prefixes.payloads[: decision.step + self.keep_steps]),
            restoration=None,
            z_hash=z_hash,
            fingerprint=printed,
            quality=probing.measured.get(decision.step, decision.quality),
            reachable=decision.reachable,
            probes=probing.points(),
            fit=decision.fit,
            step_fit=None,
            stop=Sent(decision.step, prefixes.clean(decision.step)),
            condition=condition,
        )

    def _most_bits(self, based: BasedGop) -> float:
        """Bits beyond which no prefix is deepened."""
        saves = based.base is not None and self.metric is not None
        bpp = self.prior.bpp_over_base if saves else MAX_IMPLICIT_BPP
        return based.base_bits + bpp * based.gop.pixels[..., 0].size

    def _steps(self, walk: Walk, based: BasedGop) -> Iterator[CodedStep]:
        """The trajectory's steps; where nobody asks for one, the source isn't even encoded."""
        yield from walk.code(self.prior.encode(based.gop.pixels, walk.condition), self.coder)

    def _decide(
        self, based: BasedGop, prefixes: Prefixes, probing: Probing, costs: Costs, most: float
    ) -> Generator[StepCoded, None, Decision]:
        """Deepen the trajectory, a few steps at a time, until the controller is content with what it can choose."""
        search = self.controller.begin(costs.of(prefixes.bits), based.gop.own)
        while True:
            while (step := search.next_probe()) is not None:
                search.observe(step, probing.measure(step))
            depth = len(prefixes.payloads)
            if not search.wants_more(most):
                return search.decision()
            yield from prefixes.extend(based.gop.index, depth + HORIZON_STEPS, most)
            if len(prefixes.payloads) == depth:
                return search.decision()
            search.extend(costs.of(prefixes.bits))


@dataclass(frozen=True)
class Costs:
    """What prefixes cost: a budget pays for the whole record, a curve of quality begins where there are no bits."""

    by_quality: bool
    based: BasedGop
    overhead_bits: int

    def of(self, bits: Sequence[int]) -> Sequence[int]:
        """From the bits of each prefix, base included."""
        if self.by_quality:
            return bits
        own, charged = self.based.base_bits, self.based.charged_bits
        return [count - own + charged + self.overhead_bits for count in bits]


def _restored(verdict: Verdict, step: int, condition: Condition) -> CodedGop:
    """A GOP that is its base's restoration: all of it was settled when its base was."""
    return CodedGop(
        sent=0,
        payloads=(),
        restoration=step,
        z_hash=b"",
        fingerprint=b"",
        quality=verdict.quality,
        reachable=verdict.reachable,
        probes=verdict.probes,
        fit=verdict.bits_fit,
        step_fit=verdict.step_fit,
        stop=Restored(step),
        condition=condition,
    )


def _told(state: Tensor, step: int) -> tuple[bytes, bytes]:
    """What a decoder may compare its own state with: nothing where it has received nothing."""
    if step == 0:
        return b"", b""
    values = state.cpu().numpy()
    return state_hash(values), fingerprint(values)


class Probing:
    """Measures prefixes of one GOP, each at most once, on a few of its frames."""

    def __init__(self, coder: GopCoder, based: BasedGop, walk: Walk, prefixes: Prefixes) -> None:
        self._metric = coder.metric
        self._based = based
        self._walk = walk
        self._prefixes = prefixes
        self.measured: dict[int, float] = {}
        # With a latent of the previous GOP to lean on, the prefix without steps may look better than the base alone.
        if based.verdict is not None and (walk.known is None or walk.known.step == 0):
            self.measured[0] = based.verdict.quality

    def measure(self, step: int) -> float:
        """The metric of prefix `step`, mean over the probe frames."""
        if step not in self.measured:
            self.measured[step] = self._judge().quality(self._prefixes.clean(step), step)
        return self.measured[step]

    def _judge(self) -> Judge:
        assert self._metric is not None
        gop = self._based.gop
        chosen = probe_frames(len(gop.pixels), gop.overlap)
        return Judge(self._walk.prior, self._metric, gop.pixels, chosen, self._walk.condition)

    def points(self) -> tuple[Probe, ...]:
        """All measured points, steps rising."""
        return tuple(Probe(step, self._prefixes.bits[step], q) for step, q in sorted(self.measured.items()))
