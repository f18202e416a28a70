"""Every channel coder: both sides agree bit for bit, z is what it claims to be, and no bytes can crash a decoder."""

from __future__ import annotations

import contextlib
import hashlib
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from codec.channel import CODERS, ChannelCoder, GreedyCoder, PfrCoder, StepKey, TrellisCoder, coder, kl_bits
from codec.channel.candidates import Candidates, ChunkLayout, fast_length
from codec.channel.choice import coder_for, spec_for
from codec.channel.noise import NoiseStream, Purpose, initial_noise, plain_noise
from codec.errors import FormatError, PriorError
from codec.format import limits
from codec.priors.gaussian import GaussianPrior
from codec.settings import CHANNELS

FAST = [CODERS[0], coder("trellis-4-8"), TrellisCoder(k=1, v=11, efficiency=0.9), GreedyCoder(), PfrCoder()]


def shift(count: int, kl: float, seed: int = 0, spread: float = 0.0) -> NDArray[np.float32]:
    """A random mu of `kl` bits; `spread` > 0 makes its dimensions uneven."""
    rng = np.random.default_rng(seed)
    mu = rng.standard_normal(count) * np.exp(spread * rng.standard_normal(count))
    return (mu * math.sqrt(2 * math.log(2) * kl) / np.linalg.norm(mu)).astype(np.float32)


@pytest.fixture(params=FAST, ids=lambda one: one.name)
def any_coder(request: pytest.FixtureRequest) -> ChannelCoder:
    chosen: ChannelCoder = request.param
    return chosen


@pytest.mark.parametrize(("count", "kl"), [(1, 3.0), (7, 20.0), (300, 9.0), (4096, 33.0), (5003, 150.0), (1000, 700.0)])
def test_both_sides_draw_the_same_z(any_coder: ChannelCoder, count: int, kl: float) -> None:
    key = StepKey(1, count, 2)
    coded = any_coder.encode(shift(count, kl), key)
    z = any_coder.decode(bytes(coded.payload), count, key)
    assert z.dtype == np.float32
    assert z.shape == (count,)
    assert z.tobytes() == coded.z.tobytes()
    assert coded.bits == 8 * len(coded.payload)


def test_delivers_the_shift(any_coder: ChannelCoder) -> None:
    # PFR's truncation to 2^16 candidates costs it shift at 14 bits a chunk; no coder may overshoot on average.
    shares = []
    for step in range(10):
        mu = shift(9000, 150.0, seed=step, spread=0.5)
        z = any_coder.encode(mu, StepKey(3, 0, step)).z
        shares.append(float(z @ mu) / float(mu @ mu))
    floor = 0.75 if any_coder.name == "pfr" else 0.94
    assert floor < float(np.mean(shares)) < 1.05


GOALS = {"trellis-4-10": 0.88, "trellis-4-9": 0.87, "trellis-4-8": 0.86, "greedy": 0.78, "pfr": 0.65}


@pytest.mark.parametrize("name", GOALS)
def test_comes_near_the_kl_limit(name: str) -> None:
    # A little below benchmarks/channel.txt, for eight steps have a spread of their own.
    score = bits = 0.0
    for step in range(8):
        mu = shift(12_000, 300.0, seed=step)
        coded = coder(name).encode(mu, StepKey(5, 1, step))
        score, bits = score + float(coded.z @ mu) / 8, bits + coded.bits / 8
    assert kl_bits(score / math.sqrt(2 * math.log(2) * 300)) / bits > GOALS[name]


def test_best_trellis_beats_the_default() -> None:
    mu, key = shift(12_000, 200.0), StepKey(5, 1, 0)
    default, best = (one.encode(mu, key) for one in CODERS[:2])
    assert float(best.z @ mu) / best.bits > float(default.z @ mu) / default.bits


def test_z_keeps_unit_variance_and_gaussian_tails(any_coder: ChannelCoder) -> None:
    count, kl = 60_000, 120.0
    mu = shift(count, kl)
    z = any_coder.encode(mu, StepKey(8, 0, 0)).z.astype(np.float64)
    bound = 5 / math.sqrt(count)
    assert abs(z.mean()) < bound
    assert abs(z.var() - (1 + float(mu @ mu) / count)) < bound * math.sqrt(2)
    assert abs((z**4).mean() / z.var() ** 2 - 3) < bound * math.sqrt(96)


def test_small_shifts_are_not_overshot(any_coder: ChannelCoder) -> None:
    scores = []
    for step in range(12):
        mu = shift(2000, 9.0, seed=step)
        scores.append(float(any_coder.encode(mu, StepKey(4, 0, step)).z @ mu) / float(np.linalg.norm(mu)))
    assert np.mean(scores) < 1.15 * math.sqrt(2 * math.log(2) * 9)


def test_what_costs_more_than_it_brings_is_plain_shared_noise(any_coder: ChannelCoder) -> None:
    key = StepKey(2, 3, 4)
    for mu in (np.zeros(500, np.float32), shift(500, 0.5)):
        coded = any_coder.encode(mu, key)
        assert coded.payload == b""
        assert np.array_equal(coded.z, plain_noise(key, 500))


def test_values_that_are_not_finite_are_refused(any_coder: ChannelCoder) -> None:
    mu = shift(100, 10.0)
    mu[3] = np.nan
    with pytest.raises(PriorError, match="not finite"):
        any_coder.encode(mu, StepKey(0, 0, 0))


@settings(max_examples=40)
@given(payload=st.binary(max_size=60), count=st.integers(1, 300), which=st.sampled_from(FAST))
def test_any_bytes_decode_or_are_refused(payload: bytes, count: int, which: ChannelCoder) -> None:
    with contextlib.suppress(FormatError):
        z = which.decode(payload, count, StepKey(0, 0, 0))
        assert z.shape == (count,)
        assert np.isfinite(z).all()


@pytest.mark.parametrize(
    ("which", "payload"),
    [
        (CODERS[0], bytes(60)),
        (GreedyCoder(), b"odd"),
        (GreedyCoder(), bytes(202)),
        (PfrCoder(), b"\x00"),
        (PfrCoder(), b"\xff" * 9 + b"\x01" + bytes(40)),
        (PfrCoder(), b"\x80"),
    ],
)
def test_impossible_payloads_are_refused(which: ChannelCoder, payload: bytes) -> None:
    with pytest.raises(FormatError):
        which.decode(payload, 100, StepKey(0, 0, 0))


def test_names_lead_back_to_their_coder() -> None:
    assert all(coder(one.name) is one for one in CODERS)
    with pytest.raises(FormatError, match="unknown"):
        coder("trellis-9-9")


@pytest.mark.parametrize(("k", "v"), [(3, 9), (4, 3), (4, 20), (1, 5)])
def test_trellises_that_do_not_fit_bytes_or_memory_are_refused(k: int, v: int) -> None:
    with pytest.raises(ValueError, match="trellis"):
        TrellisCoder(k, v, 0.9)


@given(count=st.integers(1, 3000), data=st.data())
def test_layout_splits_and_joins_all_dimensions(count: int, data: st.DataObject) -> None:
    layout = ChunkLayout(count, data.draw(st.integers(1, count)), 64)
    values = np.arange(1, count + 1, dtype=np.float32)
    rows = layout.split(values)
    assert rows.shape == (layout.stages, layout.width)
    assert np.count_nonzero(rows) == count
    assert (np.count_nonzero(rows, axis=1) >= layout.width - 1).all()
    assert np.array_equal(layout.join(rows), values)


@given(width=st.integers(1, 100_000))
def test_fast_lengths_are_smooth_and_close(width: int) -> None:
    length = rest = fast_length(width)
    for prime in (2, 3, 5):
        while rest % prime == 0:
            rest //= prime
    assert rest == 1
    assert width <= length <= max(width + 1, 1.34 * width)


def test_scores_are_the_inner_products_of_what_the_decoder_draws() -> None:
    layout, key = ChunkLayout(501, 5, 250), StepKey(6, 6, 6)
    candidates, mu = Candidates(key, layout), shift(501, 60.0)
    (_, scores), *_ = candidates.scores(candidates.split(mu))
    for label in (0, 99, 100, 137, 249):
        drawn = candidates.split(candidates.draw(np.full(5, label, np.int64)))
        assert (drawn * candidates.split(mu)).sum(axis=1) == pytest.approx(scores[:, label], abs=1e-4)


def test_signs_keep_smooth_shifts_apart() -> None:
    # Rotations of a base score alike under a constant mu unless the sign mask tells them apart.
    layout = ChunkLayout(1024, 1, 1024)
    candidates = Candidates(StepKey(1, 1, 1), layout)
    (_, scores), *_ = candidates.scores(np.full((1, 1024), 1 / 32, np.float32))
    assert scores.std() == pytest.approx(1, abs=0.15)


def test_batches_do_not_change_the_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    mu, key = shift(3000, 200.0), StepKey(1, 0, 0)
    whole = CODERS[0].encode(mu, key).payload
    monkeypatch.setattr("codec.channel.candidates.BATCH_NORMALS", 40_000)
    assert CODERS[0].encode(mu, key).payload == whole


def test_trellis_finds_the_best_circle() -> None:
    # A register of 12 bits on a circle of 24: the search must come near the best of many random payloads' scores.
    small, key, mu = TrellisCoder(4, 8, 0.9), StepKey(2, 0, 0), shift(600, 22.0)
    found = float(small.encode(mu, key).z @ mu)
    rng = np.random.default_rng(0)
    others = [float(small.decode(rng.bytes(3), 600, key) @ mu) for _ in range(2000)]
    assert found > max(others)


def run_trajectory(prior: GaussianPrior, which: ChannelCoder, gop: int) -> tuple[float, float, int]:
    """(final squared error over the exact posterior's, KL of all steps, bits sent) of one Gaussian GOP."""
    condition = prior.prepare(None, 8, 16, 16)
    shape, schedule, bits, kl = condition.mean.shape, prior.schedule, 0, 0.0
    x0 = torch.from_numpy(initial_noise(99, gop, condition.mean.numel())).view(shape) * prior.variance.sqrt()
    x = torch.from_numpy(initial_noise(1, gop, x0.numel())).view(shape)
    for step in range(schedule.steps):
        c, predicted = schedule.coefficients(step), prior.denoise(x, step, condition)
        mu = (c.c_0 * (x0 - predicted) / c.std).numpy().ravel()
        gain = schedule.snrs[step + 1] - schedule.snrs[step]
        assert float(mu @ mu) == pytest.approx(gain * float(((x0 - predicted) ** 2).sum()), rel=1e-4)
        coded = which.encode(mu, StepKey(1, gop, step))
        bits, kl = bits + coded.bits, kl + kl_bits(float(np.linalg.norm(mu)))
        x = c.c_x * x + c.c_0 * predicted + c.std * torch.from_numpy(coded.z).view(shape)
    ideal = prior.variance / (1 + schedule.snrs[-1] * prior.variance)
    error = (x0 - prior.denoise(x, schedule.steps, condition)) ** 2
    return float(error.mean() / ideal.mean()), kl, bits


def test_trajectory_ends_where_the_exact_posterior_does() -> None:
    prior = GaussianPrior()
    runs = [run_trajectory(prior, CODERS[0], gop) for gop in range(2)]
    assert np.mean([error for error, _, _ in runs]) == pytest.approx(1, abs=0.12)
    assert sum(kl for _, kl, _ in runs) / sum(bits for _, _, bits in runs) > 0.87


GOLDEN = {
    ("trellis-4-10", "trellis-4-14", "trellis-4-8", "greedy", "pfr"): (
        "eef437ce3a9db61c158a46ab9db09fbb9e673c325da86e92d7bc90543f905b23"
    ),
    ("trellis-4-9", "trellis-4-16"): ("304868216795dd0ed1691e5acc141c76e099f21bbca055f3f8a4d8dca21b00d7"),
}


@pytest.mark.parametrize(("names", "golden"), GOLDEN.items())
def test_golden_payloads(names: tuple[str, ...], golden: str) -> None:
    # Decoding is the format: these bytes must always give this z.
    payload, key = bytes(range(1, 41)), StepKey(2026, 1, 5)
    digest = hashlib.sha256()
    for name in names:
        data = b"\x28" + payload if name == "pfr" else payload
        digest.update(coder(name).decode(data, 2000, key).astype("<f4").tobytes())
    digest.update(coder(names[0]).decode(b"\x07", 100, key).astype("<f4").tobytes())
    assert digest.hexdigest() == golden


def test_streams_of_a_step_are_independent() -> None:
    key = StepKey(1, 2, 3)
    streams = [NoiseStream(key, purpose).normals(0, 20_000).astype(np.float64) for purpose in Purpose]
    correlation = np.corrcoef(streams) - np.eye(len(streams))
    assert np.abs(correlation).max() < 5 / math.sqrt(20_000)


def test_every_name_that_users_type_is_a_coder_and_every_coder_has_a_code_in_the_format() -> None:
    for name in CHANNELS:
        spec = spec_for(name)
        assert coder_for(spec).name == CHANNELS[name]
    # A table of the format: names are only ever appended to it, since their places are what files hold.
    assert limits.CODERS[:3] == ("trellis", "greedy", "pfr")
    assert {one.name.split("-")[0] for one in CODERS} == set(limits.CODERS)
