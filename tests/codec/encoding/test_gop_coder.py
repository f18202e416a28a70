"""A GOP is coded as deep as its controller wants, and the record's numbers are the decoder's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import pytest

from codec.arrays import Frames
from codec.channel.choice import coder_for, spec_for
from codec.control.base_levels.based import Base, BasedGop, Verdict
from codec.control.probing import probe_frames
from codec.control.sent_steps.budget import BitrateController
from codec.control.sent_steps.quality import QualityController, RateControl
from codec.encoding.gop_coder import HORIZON_STEPS, MAX_IMPLICIT_BPP, CodedGop, GopCoder
from codec.encoding.record_cost import kept_overhead
from codec.events import Probe
from codec.format.fingerprint import fingerprint, state_hash
from codec.format.records import BaseRun
from codec.metrics.psnr import Psnr
from codec.priors.base import BaseClip
from codec.priors.gaussian import GaussianPrior
from codec.trajectory.assembly import Restored, Sent
from codec.trajectory.walk import Walk
from codec.video.cutting import Gop
from tests.support.codec_runs import moving
from tests.support.format_cases import gop as gop_record
from tests.support.generators import run_to_end

PRIOR = GaussianPrior()
FRAMES = np.stack([np.kron(picture[:4, :8], np.ones((4, 4, 1))).astype(np.uint8) for picture in moving(8, 32, 16)])
PIXELS = FRAMES[..., 0].size


OVERHEAD = 100


def _gop(index: int = 0, overlap: int = 0) -> Gop:
    return Gop(index, 8 * index, overlap, FRAMES, tuple(Fraction(n, 25) for n in range(8 - overlap)))


def _based(gop: Gop | None = None, size: int | None = None, **more: Any) -> BasedGop:
    """A GOP over `size` bytes of a base that shows the source itself."""
    base = None if size is None else Base(BaseRun(40, 1, "modelled", bytes(size)), BaseClip(FRAMES, 40, 1))
    return BasedGop(gop or _gop(), base, **more)


def _verdict(quality: float, step: int | None = None) -> Verdict:
    return Verdict(step, quality, (), None, None)


def _coder(control: RateControl, metric: Psnr | None = None, keep: int = 0) -> GopCoder:
    return GopCoder(PRIOR, coder_for(spec_for("greedy")), control, metric, seed=3, keep_steps=keep)


def _quality(target: float) -> QualityController:
    return QualityController(target, 0.5, lower_is_better=False)


class _Looking(Psnr):
    """Keeps what it was shown."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Frames] = []

    def __call__(self, reference: Frames, distorted: Frames) -> np.ndarray:
        self.seen.append(reference)
        return super().__call__(reference, distorted)


def test_the_decoder_reaches_what_the_record_names() -> None:
    _, coded = run_to_end(_coder(_quality(15.0), Psnr(), keep=2).code(_based(), OVERHEAD, None))
    condition = PRIOR.prepare(None, *FRAMES.shape[:3])
    walk = Walk(PRIOR, condition, PRIOR.geometry.latent_shape(*FRAMES.shape[:3]), 3, 0, None, 1)
    states = [step.state for step in walk.replay(coded.payloads, coder_for(spec_for("greedy")))]
    state = states[coded.t_star - 1].numpy()
    assert (state_hash(state), fingerprint(state)) == (coded.z_hash, coded.fingerprint)
    assert isinstance(coded.stop, Sent)
    latent = walk.denoise(states[coded.t_star - 1], coded.t_star)
    assert np.array_equal(latent.numpy(), coded.stop.latent.numpy())
    chosen = probe_frames(8, 0)
    assert coded.quality == pytest.approx(
        float(np.mean(Psnr()(FRAMES[chosen], PRIOR.decode(latent, 0, condition)[chosen])))
    )


def test_every_step_is_told_once_and_depth_is_what_is_kept() -> None:
    events, coded = run_to_end(_coder(_quality(15.0), Psnr(), keep=3).code(_based(), OVERHEAD, None))
    assert [event.step for event in events] == list(range(1, len(events) + 1))
    assert len(coded.payloads) == min(PRIOR.schedule.steps, coded.t_star + 3)
    assert [event.bits for event in events[: len(coded.payloads)]] == [8 * len(payload) for payload in coded.payloads]
    totals = list(accumulate((event.bits for event in events), initial=0))
    assert all(probe.bits == totals[probe.step] for probe in coded.probes)
    assert all(a.step < b.step for a, b in pairwise(coded.probes))


@pytest.mark.parametrize("target", [12.0, 14.0, 16.0])
def test_a_reachable_target_is_met(target: float) -> None:
    _, coded = run_to_end(_coder(_quality(target), Psnr()).code(_based(), OVERHEAD, None))
    assert coded.reachable
    assert coded.quality == pytest.approx(target, abs=1.0)


def test_a_low_target_codes_few_steps() -> None:
    # A step costs a denoiser call and a search; what nobody asks for is never coded.
    events, coded = run_to_end(_coder(_quality(12.0), Psnr()).code(_based(), OVERHEAD, None))
    assert coded.reachable
    assert len(events) < PRIOR.schedule.steps
    assert len(events) - coded.t_star <= HORIZON_STEPS


def test_a_gop_like_the_last_one_costs_a_probe_or_two() -> None:
    coder = _coder(_quality(16.0), Psnr())
    _, first = run_to_end(coder.code(_based(), OVERHEAD, None))
    _, second = run_to_end(coder.code(_based(_gop(1)), OVERHEAD, None, first.next_depth))
    assert second.reachable
    assert len(second.probes) <= 2 < len(first.probes)


def test_an_absurd_target_ends_and_says_so() -> None:
    events, coded = run_to_end(_coder(_quality(90.0), Psnr()).code(_based(), OVERHEAD, None))
    assert not coded.reachable
    assert sum(event.bits for event in events[:-1]) <= MAX_IMPLICIT_BPP * PIXELS


def test_only_own_frames_are_probed() -> None:
    metric = _Looking()
    run_to_end(_coder(_quality(14.0), metric).code(_based(_gop(overlap=6)), OVERHEAD, None))
    assert all(np.array_equal(shown, FRAMES[probe_frames(8, 6)]) for shown in metric.seen)
    assert probe_frames(8, 6) == [6, 7]


class _Unencodable(GaussianPrior):
    """Refuses to look at the source."""

    def encode(self, frames: Frames, condition: Any) -> Any:
        raise AssertionError(f"encoded {frames.shape} for {condition}")


def test_a_gop_whose_base_was_found_good_enough_costs_neither_a_probe_nor_an_encode() -> None:
    metric = _Looking()
    coder = replace(_coder(_quality(15.0), metric), prior=_Unencodable())
    events, coded = run_to_end(coder.code(_based(size=9, verdict=_verdict(15.2)), OVERHEAD, None))
    assert (events, metric.seen, coded.t_star, coded.quality) == ([], [], 0, 15.2)
    with pytest.raises(AssertionError, match="encoded"):
        run_to_end(coder.code(_based(size=9, verdict=_verdict(5.0)), OVERHEAD, None))


def test_a_restored_gop_is_what_its_base_was_judged_by_and_nothing_is_computed() -> None:
    probes = (Probe(0, 72, 14.0), Probe(8, 72, 15.0))
    verdict = replace(_verdict(15.1, 6), probes=probes, reachable=False)
    coder = replace(_coder(_quality(15.0), _Looking()), prior=_Unencodable())
    events, coded = run_to_end(coder.code(_based(size=9, verdict=verdict), OVERHEAD, None))
    assert (events, coded.payloads, coded.z_hash) == ([], (), b"")
    assert (coded.t_star, coded.restoration, coded.sent, coded.stop) == (6, 6, 0, Restored(6))
    assert (coded.quality, coded.probes, coded.reachable) == (15.1, probes, False)
    assert coded.next_depth == 0


def test_no_prefix_is_measured_twice() -> None:
    metric = _Looking()
    _, coded = run_to_end(_coder(_quality(15.0), metric).code(_based(), OVERHEAD, None))
    assert len(metric.seen) == len(coded.probes)


def _spent(budget: float, based: BasedGop, overhead: int = OVERHEAD) -> tuple[CodedGop, int]:
    _, coded = run_to_end(_coder(BitrateController(budget, 1.0)).code(based, overhead, None))
    return coded, 8 * sum(map(len, coded.payloads))


def test_a_budget_pays_for_the_record_too() -> None:
    coded, bits = _spent(300.0, _based())
    assert coded.reachable
    assert coded.probes == ()
    assert coded.quality is None
    assert 300 * 8 * 0.5 < bits <= 300 * 8 - 100
    _, less = _spent(300.0, _based(), 1200)
    assert less <= 300 * 8 - 1200


def test_a_budget_is_charged_the_base_of_its_segment_on_average() -> None:
    # A keyframe's bits are far above one GOP's share, and all of the segment's GOPs live from it.
    alone, _ = _spent(300.0, _based(size=400, charged_bits=3200))
    assert not alone.reachable
    shared, bits = _spent(300.0, _based(size=400, charged_bits=800))
    assert shared.reachable
    assert 0 < bits <= 300 * 8 - 900


def test_a_budget_below_the_record_sends_no_step_and_says_so() -> None:
    coded, bits = _spent(5.0, _based())
    assert (coded.t_star, coded.payloads, bits, coded.reachable) == (0, (), 0, False)


def test_kept_gops_are_charged_to_the_budget() -> None:
    control = BitrateController(100.0, 1.0)
    coder = _coder(control)
    record = gop_record(0, 0, 8, 0)
    coder.charge(record, base_bits=300)
    steps = sum(8 * len(payload) for payload in record.steps[: record.sent])
    spent = steps + 300 + kept_overhead(record, PRIOR.schedule.steps)
    assert control.begin((0,), 8).allowance == pytest.approx(100 * 8 + 100 * 8 - spent)


def test_a_generator_that_is_closed_ends_at_once() -> None:
    steps = _coder(_quality(15.0), Psnr()).code(_based(), OVERHEAD, None)
    next(steps)
    steps.close()
    with pytest.raises(StopIteration):
        next(steps)


class _Greedy:
    """Wants ever more, whatever it costs, and nothing else."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self.lengths: list[int] = []

    def begin(self, bits: Sequence[int], frames: int) -> _Greedy:
        self.frames = frames
        self.extend(bits)
        return self

    def extend(self, bits: Sequence[int]) -> None:
        self.lengths.append(len(bits))
        self.bits = list(bits)

    def next_probe(self) -> None: ...

    def observe(self, step: int, quality: float) -> None: ...

    def new_scene(self) -> None: ...

    def wants_more(self, most_bits: float) -> bool:
        self.asked.append(most_bits)
        return True

    def decision(self) -> Any:
        return BitrateController(1e9, 1.0).begin(self.bits, self.frames).decision()


def test_the_ladder_grows_until_the_bound() -> None:
    control = _Greedy()
    events, coded = run_to_end(_coder(control).code(_based(size=8, charged_bits=64), OVERHEAD, None))
    assert control.lengths[0] == 1
    assert all(b - a <= HORIZON_STEPS for a, b in pairwise(control.lengths))
    assert control.asked == [64 + MAX_IMPLICIT_BPP * PIXELS] * len(control.asked)
    assert coded.t_star == len(events) == control.lengths[-1] - 1
    assert control.bits[0] == 64 + 100
