"""Every value of the format comes back as it was, and nothing else is accepted."""

from __future__ import annotations

import contextlib
import dataclasses
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.errors import FormatError
from codec.format import header_packing, packing
from codec.format.fingerprint import drift, fingerprint, state_hash
from codec.format.header import Header, ScheduleSpec
from codec.format.records import AudioPacket, AudioRecord, BaseRun, EndRecord, GopRecord, IndexEntry, check_belongs
from codec.format.wire import Cursor, signed, text, varint
from tests.support import format_cases as cases

BASE = BaseRun(60.25, 1, "modelled", b"")


@given(cases.headers())
def test_headers_come_back(header: Header) -> None:
    assert header_packing.unpack_header(header_packing.pack_header(header), packing.VERSION) == header


@given(cases.gops())
def test_gops_come_back(gop: GopRecord) -> None:
    assert packing.unpack_gop(packing.pack_gop(gop), packing.VERSION) == gop


@given(cases.audio_records)
def test_audio_comes_back(record: AudioRecord) -> None:
    assert packing.unpack_audio(packing.pack_audio(record)) == record


@given(
    st.lists(st.tuples(st.integers(packing.MIN_GOP_RECORD, 2**30), st.integers(0, 1000), st.booleans()), max_size=30),
    st.booleans(),
    st.integers(0, 2**62 - 1),
    st.none() | cases.halves,
)
def test_the_index_comes_back(
    moves: list[tuple[int, int, bool]], complete: bool, last: int, quality: float | None
) -> None:
    offset, start, entries = 0, 0, []
    for ahead, frames, chain_start in moves:
        offset, start = offset + ahead, start + frames
        entries.append(IndexEntry(offset, start, chain_start))
    end = EndRecord(complete, start, offset // 2, offset // 3, tuple(entries), last, quality)
    assert packing.unpack_end(packing.pack_end(end), offset + packing.MIN_GOP_RECORD, packing.VERSION) == end


@given(st.integers(0, 2**64 - 1))
def test_varints_come_back_in_their_shortest_form(value: int) -> None:
    data = varint(value)
    assert Cursor(data).varint() == value
    assert len(data) == max(1, -(-value.bit_length() // 7))


@given(st.integers(-(2**63), 2**63 - 1))
def test_signed_values_come_back(value: int) -> None:
    assert Cursor(signed(value)).signed() == value


@pytest.mark.parametrize("data", [b"", b"\x80", b"\x80\x00", b"\xff" * 11])
def test_a_varint_that_no_one_writes_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        Cursor(data).varint()


def test_a_name_must_be_utf8() -> None:
    with pytest.raises(FormatError, match="UTF-8"):
        Cursor(b"\x02\xff\xfe").text(10)
    assert Cursor(text("für")).text(10) == "für"


@given(st.binary(max_size=200), st.integers(1, packing.VERSION))
def test_arbitrary_bytes_are_parsed_or_refused(data: bytes, version: int) -> None:
    for unpack in (header_packing.unpack_header, packing.unpack_gop, lambda d, v: packing.unpack_end(d, 9, v)):
        with contextlib.suppress(FormatError):
            unpack(data, version)
    with contextlib.suppress(FormatError):
        packing.unpack_audio(data)


# A base takes all that is left of its record, whose length and checksum say how much that is.
@given(cases.gops().filter(lambda gop: gop.base is None), st.data())
def test_a_record_cut_short_is_refused(gop: GopRecord, data: st.DataObject) -> None:
    packed = packing.pack_gop(gop)
    with pytest.raises(FormatError):
        packing.unpack_gop(packed[: data.draw(st.integers(0, len(packed) - 1))], packing.VERSION)
    with pytest.raises(FormatError, match="left over"):
        packing.unpack_gop(packed + b"\x00", packing.VERSION)


def test_a_ratio_of_zero_is_refused() -> None:
    packed = header_packing.pack_header(cases.RESTORED)
    rate = packed.index(varint(30000) + varint(1001))
    with pytest.raises(FormatError, match="positive"):
        header_packing.unpack_header(packed[:rate] + b"\x00\x01" + packed[rate + 5 :], packing.VERSION)


def test_what_is_usual_costs_nothing_and_is_refused_where_it_is_told() -> None:
    packed = header_packing.pack_header(cases.RESTORED)
    assert len(packed) <= 56
    rate = packed.index(varint(30000) + varint(1001))
    own_time_base = bytearray(packed)
    own_time_base[0] |= 16
    own_time_base[rate + 5 : rate + 5] = varint(1001) + varint(30000)
    spelled_out = packed[: rate + 5] + bytes((2, 2, 2, 2, 0, 8)) + packed[rate + 6 :]
    for strange, reason in ((bytes(own_time_base), "usual time base"), (spelled_out, "usual description")):
        with pytest.raises(FormatError, match=reason):
            header_packing.unpack_header(strange, packing.VERSION)


def test_no_overlap_and_no_steps_are_not_told() -> None:
    whole = packing.pack_gop(cases.gop(0, 0, 48, 0, steps=(), sent=0, z_hash=b"", fingerprint=b""))
    assert len(whole) == 4
    for flag in (16, 128):
        with pytest.raises(FormatError, match="no overlap or no steps"):
            packing.unpack_gop(
                bytes([whole[0] | flag]) + whole[1:] + b"\x00" * (2 if flag == 16 else 1), packing.VERSION
            )


def test_a_step_costs_about_a_byte_beside_its_payload() -> None:
    steps = tuple(bytes(200 + 30 * (n % 2)) for n in range(24))
    longer = packing.pack_gop(cases.gop(0, 0, 48, 0, steps=steps, sent=24))
    shorter = packing.pack_gop(cases.gop(0, 0, 48, 0, steps=steps[:1], sent=1))
    assert len(longer) - len(shorter) - sum(map(len, steps[1:])) <= 24


def test_regular_audio_costs_only_its_sizes() -> None:
    regular = AudioRecord(tuple(AudioPacket(1024 * n, 1024, b"x" * 100) for n in range(50)))
    assert len(packing.pack_audio(regular)) <= 50 * 101 + 6


@pytest.mark.parametrize(
    "change",
    [
        {"coding_width": 0},
        {"coding_width": 8193},
        {"coding_width": 8192, "coding_height": 8192},
        {"frame_rate": Fraction(0)},
        {"frame_rate": Fraction(1, 2**31)},
        {"gop_frames": 1025},
        {"overlap_frames": 48},
        {"prior_id": ""},
        {"prior_id": "ü" * 33},
        {"weights_hash": b"short"},
        {"dtype": "int3"},
        {"trajectory": None},
        {"overlap_mode": "sideways"},
        {"base_codec": "vp6"},
    ],
)
def test_headers_out_of_bounds_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(FormatError):
        dataclasses.replace(cases.PLAIN, **change)


@pytest.mark.parametrize(
    "change",
    [
        {"frames": 0},
        {"frames": 1025},
        {"overlap": 48},
        {"start_frame": 2**31},
        {"index": 1},
        {"sent": 3},
        {"steps": (b"",) * 256},
        {"z_hash": b""},
        {"quality": float("nan")},
        {"probes": ((2, 0.5),), "quality": None},
        {"probes": ((1, 0.5), (0, 0.5))},
        {"probes": ((3, 0.5),)},
        {"pts": (1, 2)},
        {"pts": (1, *range(47))},
        {"pts": tuple(range(-1, 47))},
        {"restoration": 8},
        {"restoration": 13, "base": BASE, "steps": (), "sent": 0},
        {"restoration": 5, "base": BASE},
        {"base": BASE, "restoration": 5, "steps": (), "sent": 0, "probes": ((13, 0.5),)},
    ],
)
def test_gops_out_of_bounds_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(FormatError):
        dataclasses.replace(cases.gop(0, 0, 48, 0), **change)


@pytest.mark.parametrize("change", [{"seed": -1}, {"seed": 2**64}, {"reuse": 0}, {"reuse": 256}])
def test_trajectories_out_of_bounds_are_refused(change: dict[str, int]) -> None:
    assert cases.PLAIN.trajectory is not None
    with pytest.raises(FormatError):
        dataclasses.replace(cases.PLAIN.trajectory, **change)


@pytest.mark.parametrize("levels", [(1000,), (1001, 5), (900, 900), (5, 6), (5, -1)])
def test_schedules_out_of_bounds_are_refused(levels: tuple[int, ...]) -> None:
    with pytest.raises(FormatError):
        ScheduleSpec("flow", 1000, levels)


def test_a_gop_knows_its_bits_and_points() -> None:
    gop = cases.FILMS["full"][1][0]
    assert isinstance(gop, GopRecord)
    assert gop.prefix_bits() == (64, 80, 104)
    assert gop.measured() == ((0, 0.5), (1, 0.25), (2, 0.125))


def test_records_that_contradict_the_header_are_refused() -> None:
    full, audio = cases.FILMS["full"][1][:2]
    with pytest.raises(FormatError, match="base layer"):
        check_belongs(full, cases.PLAIN)
    with pytest.raises(FormatError, match="audio"):
        check_belongs(audio, cases.PLAIN)
    with pytest.raises(FormatError, match="times"):
        check_belongs(cases.gop(0, 0, 48, 0), cases.FULL)
    with pytest.raises(FormatError, match="without its noise schedule"):
        check_belongs(full, cases.RESTORED)
    with pytest.raises(FormatError, match="more steps"):
        check_belongs(cases.gop(0, 0, 48, 0, steps=(b"",) * 25), cases.PLAIN)


def _latent(shape: tuple[int, ...] = (4, 3, 60, 104)) -> np.ndarray:
    return np.random.default_rng(1).standard_normal(shape).astype(np.float32)


def test_the_fingerprint_is_known() -> None:
    ramp = (np.arange(70000, dtype=np.float32) % 17 - 8) / 5
    assert fingerprint(ramp).hex() == "f0b361844d19119e"
    assert state_hash(ramp).hex() == "90482bea"


def test_the_fingerprint_survives_any_value() -> None:
    strange = np.array([np.nan, np.inf, -np.inf, 1e30, -0.0], np.float32)
    assert len(fingerprint(strange)) == len(fingerprint(np.zeros(0, np.float32))) == 8


@pytest.mark.parametrize("error", [0.02, 0.1, 0.4])
def test_drift_is_estimated_from_fingerprints(error: float) -> None:
    latent = _latent()
    noise = np.random.default_rng(2).standard_normal((30, *latent.shape)).astype(np.float32)
    estimates = [drift(fingerprint(latent), fingerprint(latent + error * one)) for one in noise]
    assert np.sqrt(np.mean(np.square(estimates))) == pytest.approx(error, rel=0.2)


def test_equal_latents_do_not_drift_and_the_hash_sees_one_bit() -> None:
    latent = _latent()
    other = latent.copy()
    other.view(np.uint32).flat[7] ^= 1
    assert drift(fingerprint(latent), fingerprint(other)) == 0
    assert state_hash(latent) != state_hash(other)
