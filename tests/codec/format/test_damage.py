"""Cut, damaged and forged files: what is whole is found, nothing crashes the reader, nothing makes it slow or large."""

from __future__ import annotations

import contextlib
import tracemalloc
from collections.abc import Callable
from io import FileIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codec.errors import FormatError
from codec.format import framing, packing
from codec.format.reader import BitstreamReader, Damage, pack_file_header
from codec.format.records import AudioRecord, GopRecord
from codec.format.wire import varint
from tests.support import format_cases as cases

in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def test_a_film_cut_anywhere_gives_every_whole_gop_before_the_cut(film: cases.Film, path: Path) -> None:
    data = cases.write(path, film)
    with BitstreamReader(path) as reader:
        ends = [found.end for found in reader.scan()]
    first_gop = ends[0]
    for cut in range(len(data)):
        path.write_bytes(data[:cut])
        if cut < first_gop:
            with pytest.raises(FormatError):
                cases.read(path)
            continue
        items = cases.read(path)
        whole = sum(end <= cut for end in ends[: len(film[1])])
        assert tuple(item for item in items if not isinstance(item, Damage)) == film[1][:whole]
        assert isinstance(items[-1], Damage)
        with BitstreamReader(path) as reader:
            assert reader.end is None
            found = [next(reader.records(entry)) for entry in reader.index()]
            assert cases.indices(found) == cases.indices(items)


def test_any_wrong_byte_costs_one_record_and_is_reported(film: cases.Film, path: Path) -> None:
    data = cases.write(path, film)
    start = len(pack_file_header(film[0]))
    for at in range(start, len(data)):
        path.write_bytes(data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :])
        items = cases.read(path)
        assert sum(isinstance(item, Damage) for item in items) in (1, 2)
        kept = [item for item in items if not isinstance(item, Damage)]
        assert len(kept) >= len(film[1]) - 1
        assert all(item in film[1] for item in kept)


def test_any_wrong_byte_in_the_header_is_refused(film: cases.Film, path: Path) -> None:
    data = cases.write(path, film)
    for at in range(len(pack_file_header(film[0]))):
        path.write_bytes(data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :])
        with pytest.raises(FormatError, match=r"film\.fgvc .+; (choose|ask|update)"):
            BitstreamReader(path)


def test_a_lost_gop_is_named(path: Path) -> None:
    data = bytearray(cases.write(path, cases.FILMS["plain"]))
    with BitstreamReader(path) as reader:
        second = reader.index()[1]
    data[second.offset + 20] ^= 1
    path.write_bytes(data)
    items = cases.read(path)
    assert cases.indices(items) == [0, 2]
    assert [item.gop for item in items if isinstance(item, Damage)] == [1]
    with BitstreamReader(path) as reader:
        assert isinstance(next(reader.records(second)), Damage)


def test_bytes_missing_in_the_middle_cost_one_gop(path: Path) -> None:
    data = cases.write(path, cases.FILMS["plain"])
    with BitstreamReader(path) as reader:
        at = reader.index()[1].offset
    for missing in (data[at + 10 : at + 13], data[at : at + 3]):
        path.write_bytes(data.replace(missing, b"", 1))
        assert cases.indices(cases.read(path))[-1] == 2
        assert len(cases.indices(cases.read(path))) >= 2


def test_what_looks_like_a_record_inside_a_damaged_one_is_not_taken_for_one(path: Path) -> None:
    inner = framing.frame(framing.GOP, packing.pack_gop(cases.gop(1, 44, 48, 4)))
    outer = cases.gop(0, 0, 48, 0, steps=(inner,), sent=1)
    data = bytearray(cases.write(path, (cases.PLAIN, (outer, cases.gop(1, 44, 48, 4, sent=1)))))
    with BitstreamReader(path) as reader:
        data[reader.index()[0].offset + 12] ^= 1
    path.write_bytes(data)
    assert [item.sent for item in cases.read(path) if isinstance(item, GopRecord)] == [1]


def test_a_gop_that_lies_further_than_its_file_can_hold_is_damage(path: Path) -> None:
    # What makes room for a number of frames would be led on by a few bytes.
    data = pack_file_header(cases.PLAIN) + framing.frame(framing.GOP, packing.pack_gop(cases.gop(0, 0, 48, 0)))
    path.write_bytes(data + framing.frame(framing.GOP, packing.pack_gop(cases.gop(1, 10**6, 48, 0))))
    near, far, _ = cases.read(path)
    assert isinstance(near, GopRecord)
    assert isinstance(far, Damage)
    assert "frame 1000000 can't lie there" in far.message


class CountingFile(FileIO):
    """Counts what is read."""

    total = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(-1 if size is None else size) or b""
        self.total += len(data)
        return data


def test_looking_for_the_next_record_gives_up_in_time(path: Path) -> None:
    # Each of these beginnings claims all that follows and must be checksummed to be found out.
    path.write_bytes(
        b"".join(framing.frame(0x81, bytes(9 * left + 2**15))[:9] for left in range(2000, 0, -1)) + bytes(2**16)
    )
    with CountingFile(path) as file:
        records = framing.RecordFile(file)
        assert records.after(0, None) == records.size
        assert file.total <= 8 * records.size


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return cases.write(tmp_path_factory.mktemp("fuzz") / "full.fgvc", cases.FILMS["full"])


@st.composite
def vandalised(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    edits = draw(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 40), st.binary(max_size=40)), max_size=5))
    cut = draw(st.just(1.0) | st.floats(0, 1))

    def apply(data: bytes) -> bytes:
        for where, removed, inserted in edits:
            at = int(where * len(data))
            data = data[:at] + inserted + data[at + removed :]
        return data[: int(cut * len(data))]

    return apply


def survives(path: Path, data: bytes) -> None:
    """Reading `data` in every way raises nothing but FormatError, within four times its size and a megabyte."""
    path.write_bytes(data)
    tracemalloc.start()
    try:
        with BitstreamReader(path) as reader:
            for entry in reader.index():
                with contextlib.suppress(FormatError):
                    next(reader.records(entry))
            for item in reader.records():
                assert isinstance(item, GopRecord | AudioRecord | Damage)
    except FormatError:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak <= 4 * len(data) + 2**20


@in_one_folder
@given(change=vandalised())
def test_a_vandalised_file_never_crashes_the_reader(
    change: Callable[[bytes], bytes], written: bytes, tmp_path: Path
) -> None:
    survives(tmp_path / "x.fgvc", change(written))


@in_one_folder
@given(payloads=st.lists(st.tuples(st.integers(1, 255), st.binary(max_size=60)), max_size=8), gop=cases.gops())
def test_records_with_sound_checksums_and_senseless_payloads_never_crash_it(
    payloads: list[tuple[int, bytes]], gop: GopRecord, tmp_path: Path
) -> None:
    records = b"".join(framing.frame(kind, payload) for kind, payload in payloads)
    data = pack_file_header(cases.FULL) + framing.frame(framing.GOP, packing.pack_gop(gop)) + records
    survives(tmp_path / "x.fgvc", data)


@pytest.mark.parametrize(
    "filling",
    [
        b"\xf6\x9c" * 10_000,
        framing.frame(0x81, b"")[:4] * 10_000,
        framing.frame(framing.GOP, b"\0" * 9) * 3_000,
        framing.frame(framing.AUDIO, b"\x01\x80\x10\x00\x00" + bytes(2048)) * 20,
        framing.frame(0x81, bytes(2**16))[:9] * 10_000,
    ],
    ids=["marks", "heads", "empty GOPs", "tiny packets", "lengths that overlap"],
)
def test_a_malicious_file_costs_neither_time_nor_memory(filling: bytes, path: Path) -> None:
    survives(path, pack_file_header(cases.FULL) + filling)


def test_an_index_larger_than_its_file_is_refused(path: Path) -> None:
    claims = framing.frame(framing.END, b"\x01" + b"\x00" * 3 + b"\xff\xff\xff\x07")
    path.write_bytes(pack_file_header(cases.PLAIN) + claims + len(claims).to_bytes(4, "little") + b"FGVE")
    with BitstreamReader(path) as reader:
        assert reader.end is None
    dense = framing.frame(framing.END, b"\x01" + b"\x00" * 3 + varint(50_000) + b"\x00\x00" * 50_000)
    survives(path, pack_file_header(cases.PLAIN) + dense + len(dense).to_bytes(4, "little") + b"FGVE")
