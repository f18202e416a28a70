"""The base layer's units as a file holds them: all of them come back, in fewer bytes."""

from __future__ import annotations

import contextlib
import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codec.arrays import Picture
from codec.base.arithmetic import ONE, BitModel, BitReader, BitWriter, squash
from codec.base.av1 import encode_frames
from codec.base.units import MAX_OBUS, Obu, UnitPacker, UnitUnpacker, join, split, trim, unpack_plain
from codec.errors import FormatError
from codec.format.wire import varint
from tests.support import GOLDEN

GOLDEN = GOLDEN / "base-units.json"
RUN = 16
RATE = Fraction(30)

fewer = settings(max_examples=30)
obus = st.builds(
    Obu,
    st.integers(0, 127).map(lambda head: head & ~0b110),
    st.binary(max_size=30) | st.binary(min_size=126, max_size=130),
)
units = st.lists(st.lists(obus, min_size=1, max_size=MAX_OBUS).map(join), max_size=8)


def _packed(runs: list[list[bytes]]) -> list[bytes]:
    packer = UnitPacker()
    return [packer.pack(run) for run in runs]


def _unpacked(packed: list[bytes], counts: list[int]) -> list[list[bytes]]:
    unpacker = UnitUnpacker()
    return [list(unpacker.unpack(data, count)) for data, count in zip(packed, counts, strict=True)]


def _runs(packets: list[bytes]) -> list[list[bytes]]:
    return [packets[start : start + RUN] for start in range(0, len(packets), RUN)]


@pytest.fixture(scope="module")
def waving() -> Picture:
    """100 frames of a texture that moves, (T, 64, 96, 3)."""
    y, x, t = np.meshgrid(np.arange(64), np.arange(96), np.arange(100), indexing="ij")
    waves = 128 + 60 * np.sin((x + 2 * t) / 5) + 50 * np.cos(y * x / 90 + t / 9)
    return np.repeat(waves.transpose(2, 0, 1)[..., None], 3, axis=3).astype(np.uint8)


@fewer
@given(st.lists(units, max_size=3))
@pytest.mark.slow
def test_any_units_come_back(runs: list[list[bytes]]) -> None:
    assert _unpacked(_packed(runs), [len(run) for run in runs]) == runs


def test_what_svt_av1_writes_comes_back_in_far_fewer_bytes(waving: Picture) -> None:
    packets = [frame.packet for frame in encode_frames(waving, 63, 1, RATE)]
    packed = _packed(_runs(packets))
    assert [unit for run in _unpacked(packed, [len(run) for run in _runs(packets)]) for unit in run] == packets
    assert sum(map(len, packed)) < 0.85 * sum(map(len, packets))


def test_golden_units_are_packed_and_read_to_the_byte() -> None:
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    runs = [[bytes.fromhex(unit) for unit in run] for run in golden["units"]]
    packed = [bytes.fromhex(run) for run in golden["packed"]]
    assert _packed(runs) == packed
    assert _unpacked(packed, [len(run) for run in runs]) == runs


@fewer
@given(st.binary(max_size=60), st.integers(1, 50))
def test_noise_is_read_as_something_or_refused(data: bytes, count: int) -> None:
    with contextlib.suppress(FormatError):
        assert len(list(UnitUnpacker().unpack(data, count))) == count


def test_what_is_left_over_is_refused() -> None:
    (packed,) = _packed([[bytes.fromhex("18f8")]])
    with pytest.raises(FormatError, match="left over"):
        list(UnitUnpacker().unpack(packed + b"\x00", 1))


@fewer
@given(units)
def test_runs_of_version_1_are_read(run: list[bytes]) -> None:
    data = b"".join((*(varint(len(unit)) for unit in run), *run))
    assert list(unpack_plain(data, len(run))) == run
    with pytest.raises(FormatError):
        list(unpack_plain(data + b"\x00", len(run)))


def test_trimming_drops_delimiter_and_last_size() -> None:
    delimiter, shown = bytes.fromhex("1200"), bytes.fromhex("1a01f8")
    frame = bytes.fromhex("0a0b") + bytes(11) + bytes.fromhex("328201") + bytes(130)
    assert trim(delimiter + shown) == bytes.fromhex("18f8")
    assert trim(delimiter + frame) == bytes.fromhex("0a0b") + bytes(11) + bytes.fromhex("30") + bytes(130)


@pytest.mark.parametrize("unit", [b"", b"\x34\x00", b"\x32\x05abc", b"\x32\x80"])
def test_what_is_no_unit_is_refused(unit: bytes) -> None:
    with pytest.raises(FormatError):
        list(split(unit))


@fewer
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(1, ONE - 1)), max_size=200))
def test_bits_come_back_whatever_was_expected(bits: list[tuple[int, int]]) -> None:
    writer = BitWriter()
    for bit, likely in bits:
        writer.code(bit, likely)
    reader = BitReader(writer.finish())
    assert [reader.code(None, likely) for _, likely in bits] == [bit for bit, _ in bits]


def test_expected_bits_cost_little() -> None:
    writer, model = BitWriter(), BitModel(2)
    for number in range(2000):
        model.code(writer, number % 3 == 0, (number % 3, 0), "all")
    assert len(writer.finish()) < 20


def test_a_writer_must_be_told() -> None:
    with pytest.raises(ValueError, match="told"):
        BitWriter().code(None, 5)


def test_squashing_rises_within_its_range() -> None:
    values = [squash(x) for x in range(-3000, 3000)]
    assert values == sorted(values)
    assert values[0] >= 1
    assert values[-1] <= ONE - 1
    assert squash(0) == ONE // 2 - 1
