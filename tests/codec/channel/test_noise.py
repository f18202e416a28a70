"""The shared randomness against a second implementation, published vectors and its own statistics."""

from __future__ import annotations

import hashlib
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.channel import noise
from codec.channel.noise import NoiseStream, Purpose, StepKey

MASK = (1 << 64) - 1
Block = tuple[int, int, int, int]


def philox(counter: Block, key: tuple[int, int]) -> Block:
    """Philox4x64-10 as its authors define it (Salmon et al., SC 2011), in Python integers."""
    x0, x1, x2, x3 = counter
    k0, k1 = key
    for _ in range(10):
        p0, p1 = 0xD2E7470EE14C6C93 * x0, 0xCA5A826395121157 * x2
        x0, x1, x2, x3 = (p1 >> 64) ^ x1 ^ k0, p1 & MASK, (p0 >> 64) ^ x3 ^ k1, p0 & MASK
        k0, k1 = (k0 + 0x9E3779B97F4A7C15) & MASK, (k1 + 0xBB67AE8584CAA73B) & MASK
    return x0, x1, x2, x3


# Known answers of Random123's kat_vectors, "philox4x64 10".
KNOWN = [
    ((0,) * 4, (0,) * 2, "16554d9eca36314cdb20fe9d672d0fdcd7e772cee186176b7e68b68aec7ba23b"),
    ((MASK,) * 4, (MASK,) * 2, "87b092c3013fe90b438c3c67be8d02249cc7d7c69cd777b6a09caebf594f0ba0"),
    (
        (0x243F6A8885A308D3, 0x13198A2E03707344, 0xA4093822299F31D0, 0x082EFA98EC4E6C89),
        (0x452821E638D01377, 0xBE5466CF34E90C6C),
        "a528f45403e61d9538c72dbd566e9788a5a1610e72fd18b557bd43b5e52b7fe6",
    ),
]


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN)
def test_oracle_gives_the_published_answers(counter: Block, key: tuple[int, int], answer: str) -> None:
    assert "".join(f"{word:016x}" for word in philox(counter, key)) == answer


WORD = st.integers(0, MASK)


@given(seed=WORD, gop=WORD, step=WORD, purpose=st.sampled_from(Purpose), block=st.integers(0, 1 << 40))
def test_words_are_philox_of_the_documented_counter(
    seed: int, gop: int, step: int, purpose: Purpose, block: int
) -> None:
    got = NoiseStream(StepKey(seed, gop, step), purpose).words(block, 2)
    expected = [word for at in (block, block + 1) for word in philox((at, 0, int(purpose), step), (seed, gop))]
    assert [int(word) for word in got] == expected


def test_purposes_keep_their_numbers() -> None:
    assert [purpose.value for purpose in Purpose] == list(range(7))


@pytest.mark.parametrize("bad", [(-1, 0, 0), (0, 1 << 64, 0), (0, 0, -5)])
def test_keys_outside_64_bits_are_refused(bad: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="64-bit"):
        StepKey(*bad)


def test_table_is_the_one_the_format_names() -> None:
    integers = (noise.gaussian_table() * 4096).astype("<i2")
    assert hashlib.sha256(integers.tobytes()).hexdigest() == noise.TABLE_SHA256
    assert np.array_equal(integers, -integers[::-1])
    assert np.float64(noise.gaussian_table()).var() == pytest.approx(1, abs=1e-4)
    with pytest.raises(ValueError, match="read-only"):
        noise.gaussian_table()[0] = 0


def test_first_normals_are_the_tables_entries_of_the_little_endian_halves() -> None:
    words = philox((0, 0, int(Purpose.BASES), 3), (11, 5))
    halves = [word >> 16 * at & 0xFFFF for word in words for at in range(4)]
    expected = noise.gaussian_table()[halves]
    assert np.array_equal(NoiseStream(StepKey(11, 5, 3), Purpose.BASES).normals(0, 16), expected)


def test_first_signs_are_the_bits_lowest_first() -> None:
    low = philox((0, 0, int(Purpose.SIGNS), 3), (11, 5))[0]
    expected = [1 - 2 * (low >> at & 1) for at in range(64)]
    assert NoiseStream(StepKey(11, 5, 3), Purpose.SIGNS).signs(0, 64).tolist() == expected


@given(first=st.integers(0, 2000), count=st.integers(0, 700))
def test_streams_read_alike_from_anywhere(first: int, count: int) -> None:
    stream = NoiseStream(StepKey(1, 2, 3), Purpose.BASES)
    assert np.array_equal(stream.normals(first, count), stream.normals(0, 2700)[first : first + count])
    assert np.array_equal(stream.signs(first, count), stream.signs(0, 2700)[first : first + count])
    assert np.array_equal(stream.uniforms(first, count), stream.uniforms(0, 2700)[first : first + count])


@given(count=st.integers(1, 5000), seed=WORD, step=st.integers(0, 100))
def test_permutation_is_bijective_and_affine(count: int, seed: int, step: int) -> None:
    order = noise.permutation(StepKey(seed, 0, step), count)
    assert np.array_equal(np.sort(order), np.arange(count))
    assert len(np.unique(np.diff(order) % count)) <= 1


def test_permutation_survives_video_sized_latents() -> None:
    # A product of 32-bit numbers would overflow here.
    count = 3_000_017
    order = noise.permutation(StepKey(9, 9, 9), count)
    assert order.min() == 0
    assert order.max() == count - 1
    assert np.bincount(order).max() == 1


def test_initial_noise_is_standard_normal_and_differs_per_gop() -> None:
    a, b = (noise.initial_noise(3, gop, 100_000).astype(np.float64) for gop in (0, 1))
    bound = 5 / math.sqrt(len(a))
    assert abs(a.mean()) < bound
    assert abs(a.var() - 1) < bound * math.sqrt(2)
    assert abs((a**4).mean() - 3) < bound * math.sqrt(96)
    assert abs((a * b).mean()) < bound


def test_golden_noise() -> None:
    # What a file written today must still mean tomorrow.
    key = StepKey(2026, 7, 3)
    digest = hashlib.sha256()
    digest.update(noise.initial_noise(2026, 7, 1000).astype("<f4").tobytes())
    digest.update(noise.plain_noise(key, 1000).astype("<f4").tobytes())
    digest.update(noise.permutation(key, 1000).astype("<i8").tobytes())
    assert digest.hexdigest() == "b8b5e9a94238d45922f5688648658b91d56bc6f83c1ff60de6e5abdfeb77ab75"
