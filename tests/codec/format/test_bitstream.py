"""The container on real files: written, read, sought, cut, damaged, resumed."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import tracemalloc
from collections.abc import Callable
from fractions import Fraction
from io import FileIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codec.errors import FormatError, InputError, OutputError, SettingsError
from codec.files import part_path
from codec.format import framing, packing
from codec.format.header import Header, Target
from codec.format.reader import SIGNATURE, BitstreamReader, Damage, pack_file_header
from codec.format.records import AudioPacket, AudioRecord, BaseRun, GopRecord
from codec.format.wire import varint
from codec.format.writer import BitstreamWriter, ResumePoint
from tests.support import GOLDEN, skips
from tests.support import format_cases as cases

Item = GopRecord | AudioRecord | Damage

in_one_folder = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def read(path: Path) -> list[Item]:
    with BitstreamReader(path) as reader:
        return list(reader.records())


def gops(items: list[Item]) -> list[int]:
    return [item.index for item in items if isinstance(item, GopRecord)]


@pytest.fixture(params=cases.FILMS)
def film(request: pytest.FixtureRequest) -> cases.Film:
    return cases.FILMS[request.param]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "film.fgvc"


@pytest.mark.parametrize("golden", sorted(GOLDEN.glob("*.fgvc")), ids=lambda golden: golden.stem)
def test_golden_files_of_every_version_are_read(golden: Path) -> None:
    with BitstreamReader(golden) as reader:
        assert golden.stem.endswith(f"-{reader.version}")
        found = {"header": reader.header, "records": tuple(reader.records()), "end": reader.end}
    expected = json.loads(golden.with_suffix(".json").read_text(encoding="utf-8"))
    assert {key: cases.jsonable(value) for key, value in found.items()} == expected


@pytest.mark.parametrize("name", cases.FILMS)
def test_golden_files_are_written_to_the_byte(name: str, path: Path) -> None:
    golden = GOLDEN / f"{name}-{packing.VERSION}.fgvc"
    assert cases.write(path, cases.FILMS[name]) == golden.read_bytes()


def test_a_film_comes_back(film: cases.Film, path: Path) -> None:
    cases.write(path, film)
    assert not part_path(path).exists()
    with BitstreamReader(path) as reader:
        assert reader.header == film[0]
        assert tuple(reader.records()) == film[1]
        assert reader.end is not None
        assert reader.end.complete
        assert [reader.read_gop(entry) for entry in reader.index()] == [
            item for item in film[1] if isinstance(item, GopRecord)
        ]


@settings(in_one_folder, max_examples=25)  # each waits for the disk four times
@given(header=cases.headers(), gop=cases.gops())
def test_any_film_comes_back(header: Header, gop: GopRecord, tmp_path: Path) -> None:
    gop = dataclasses.replace(gop, index=0, start_frame=0, overlap=0, base=None, restoration=None, probes=(), pts=None)
    header = dataclasses.replace(header, variable_timing=False, schedule=cases.PLAIN.schedule)
    cases.write(tmp_path / "any.fgvc", (header, (gop,)))
    assert read(tmp_path / "any.fgvc") == [gop]


def test_the_end_record_adds_up(path: Path) -> None:
    header, items = cases.FILMS["full"]
    cases.write(path, (header, items))
    with BitstreamReader(path) as reader:
        end = reader.end
    assert end is not None
    assert end.frames == 14
    assert end.base_bytes == sum(item.base_bits for item in items if isinstance(item, GopRecord)) // 8
    audio = [framing.frame(framing.AUDIO, packing.pack_audio(i)) for i in items if isinstance(i, AudioRecord)]
    assert end.audio_bytes == sum(map(len, audio))
    assert [(entry.start_frame, entry.chain_start) for entry in end.index] == [
        (0, True),
        (3, False),
        (7, True),
        (10, False),
    ]


def test_the_smallest_gops_are_indexed_too(path: Path) -> None:
    items = tuple(cases.gop(n, n, 1, 0, steps=(), sent=0) for n in range(100))
    cases.write(path, (cases.PLAIN, items))
    with BitstreamReader(path) as reader:
        assert reader.end is not None
        assert [reader.read_gop(entry) for entry in reader.end.index] == list(items)


def ten_seconds(header: Header, base: bool) -> tuple[cases.Film, int]:
    """160 frames of 832x480 at 0.005 bpp in GOPs of 48, 24 steps each; and the bytes of payload in it."""
    steps = tuple(bytes(round(165 * 1.07**n)) for n in range(24 if not base else 12))
    items = []
    for number, start in enumerate((0, 44, 88, 132)):
        frames, overlap = min(48, 160 - start), 4 if number else 0
        more = {"base": BaseRun(60, 2, "modelled", bytes(84 * (frames - overlap)))} if base else {}
        probes = ((11, 0.15),) if number else ((6, 0.3), (9, 0.2), (11, 0.15))
        gop = cases.gop(number, start, frames, overlap, steps=steps, sent=len(steps), quality=0.125, probes=probes)
        items.append(dataclasses.replace(gop, **more))
    payload = sum(gop.prefix_bits()[-1] // 8 for gop in items)
    return (header, tuple(items)), payload


def test_a_film_at_very_low_rate_spends_one_percent_on_the_container(path: Path) -> None:
    film, payload = ten_seconds(cases.PLAIN, base=False)
    budget = 0.005 * 832 * 480 * 160 / 8
    size = len(cases.write(path, film))
    packed = [len(packing.pack_gop(gop)) - gop.prefix_bits()[-1] // 8 for gop in film[1]]
    print(f"container: {size - payload} of {budget:.0f} bytes; header {len(pack_file_header(film[0]))}, GOPs {packed}")
    assert 0.9 * budget < payload < budget
    assert size - payload <= 0.01 * budget


def test_with_a_base_layer_too(path: Path) -> None:
    film, payload = ten_seconds(dataclasses.replace(cases.PLAIN, base_codec="av1"), base=True)
    assert len(cases.write(path, film)) - payload <= 0.01 * 0.005 * 832 * 480 * 160 / 8


def test_every_record_is_on_disk_when_its_call_returns(film: cases.Film, path: Path) -> None:
    with BitstreamWriter(path, film[0]) as writer:
        for number, item in enumerate(film[1]):
            cases.append(writer, (item,))
            items = read(part_path(path))
            assert tuple(items[:-1]) == film[1][: number + 1]
            assert isinstance(items[-1], Damage)
    assert not path.exists()


def test_abort_leaves_nothing(film: cases.Film, path: Path) -> None:
    with BitstreamWriter(path, film[0]) as writer:
        writer.abort()
    assert list(path.parent.iterdir()) == []


def test_a_film_cut_anywhere_gives_every_whole_gop_before_the_cut(film: cases.Film, path: Path) -> None:
    data = cases.write(path, film)
    with BitstreamReader(path) as reader:
        ends = [found.end for found in reader.scan()]
    first_gop = ends[0]
    for cut in range(len(data)):
        path.write_bytes(data[:cut])
        if cut < first_gop:
            with pytest.raises(FormatError):
                read(path)
            continue
        items = read(path)
        whole = sum(end <= cut for end in ends[: len(film[1])])
        assert tuple(item for item in items if not isinstance(item, Damage)) == film[1][:whole]
        assert isinstance(items[-1], Damage)
        with BitstreamReader(path) as reader:
            assert reader.end is None
            assert [reader.read_gop(entry).index for entry in reader.index()] == gops(items)


def test_any_wrong_byte_costs_one_record_and_is_reported(film: cases.Film, path: Path) -> None:
    data = cases.write(path, film)
    start = len(pack_file_header(film[0]))
    for at in range(start, len(data)):
        path.write_bytes(data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :])
        items = read(path)
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
    items = read(path)
    assert gops(items) == [0, 2]
    assert [item.gop for item in items if isinstance(item, Damage)] == [1]
    with BitstreamReader(path) as reader, pytest.raises(FormatError, match=r"at frame 44 .* is damaged"):
        reader.read_gop(second)


def test_bytes_missing_in_the_middle_cost_one_gop(path: Path) -> None:
    data = cases.write(path, cases.FILMS["plain"])
    with BitstreamReader(path) as reader:
        at = reader.index()[1].offset
    for missing in (data[at + 10 : at + 13], data[at : at + 3]):
        path.write_bytes(data.replace(missing, b"", 1))
        assert gops(read(path))[-1] == 2
        assert len(gops(read(path))) >= 2


def test_what_looks_like_a_record_inside_a_damaged_one_is_not_taken_for_one(path: Path) -> None:
    inner = framing.frame(framing.GOP, packing.pack_gop(cases.gop(1, 44, 48, 4)))
    outer = cases.gop(0, 0, 48, 0, steps=(inner,), sent=1)
    data = bytearray(cases.write(path, (cases.PLAIN, (outer, cases.gop(1, 44, 48, 4, sent=1)))))
    with BitstreamReader(path) as reader:
        data[reader.index()[0].offset + 12] ^= 1
    path.write_bytes(data)
    assert [item.sent for item in read(path) if isinstance(item, GopRecord)] == [1]


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
                    reader.read_gop(entry)
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


def test_records_of_a_later_version_are_passed_over_where_they_may_be(path: Path) -> None:
    _, items = cases.FILMS["plain"]
    record = framing.frame(framing.GOP, packing.pack_gop(items[0]))
    later = framing.frame(framing.SKIPPABLE | 5, b"news")
    path.write_bytes(pack_file_header(cases.PLAIN) + later + record)
    assert [type(item) for item in read(path)] == [GopRecord, Damage]
    path.write_bytes(pack_file_header(cases.PLAIN) + framing.frame(5, b"news") + record)
    damage = read(path)[0]
    assert isinstance(damage, Damage)
    assert "newer version" in damage.message


def test_a_part_of_an_older_version_is_not_resumed(path: Path) -> None:
    begun = (GOLDEN / "plain-1.fgvc").read_bytes()[:-8]
    part_path(path).write_bytes(begun)
    with pytest.raises(SettingsError, match="older version"):
        BitstreamWriter.resume(path, cases.PLAIN)
    assert part_path(path).read_bytes() == begun


def test_a_file_of_a_later_version_is_refused_by_both_numbers(path: Path) -> None:
    data = cases.write(path, cases.FILMS["plain"])
    later = packing.VERSION + 1
    path.write_bytes(SIGNATURE + bytes([later]) + data[len(SIGNATURE) + 1 :])
    with pytest.raises(FormatError, match=rf"version {later} .* up to version {packing.VERSION}; update"):
        BitstreamReader(path)


def test_foreign_files_are_refused(malformed: Path, tmp_path: Path) -> None:
    for foreign in malformed.iterdir():
        with pytest.raises(FormatError, match="not a Free-GVC file"):
            BitstreamReader(foreign)
    with pytest.raises(InputError, match="can't be opened"):
        BitstreamReader(tmp_path / "nowhere.fgvc")
    with pytest.raises(InputError, match="can't be opened"):
        BitstreamReader(tmp_path)


def test_the_writer_refuses_what_does_not_follow(path: Path) -> None:
    with BitstreamWriter(path, cases.PLAIN) as writer:
        with pytest.raises(FormatError, match="GOP 1 is given where GOP 0 is next"):
            writer.append_gop(cases.gop(1, 44, 48, 4))
        writer.append_gop(cases.gop(0, 0, 48, 0))
        with pytest.raises(FormatError, match="starts at frame 40, not at 44"):
            writer.append_gop(cases.gop(1, 40, 48, 4))
        with pytest.raises(FormatError, match="audio"):
            writer.append_audio(AudioRecord((AudioPacket(0, 1, b""),)))


def test_a_kill_anywhere_can_be_resumed_to_the_same_file(film: cases.Film, path: Path) -> None:
    data = cases.write(path, film)
    path.unlink()
    header, items = film
    for cut in range(len(pack_file_header(header)), len(data), 7):
        part_path(path).write_bytes(data[:cut])
        writer, point = BitstreamWriter.resume(path, header)
        kept = [n for n, item in enumerate(items) if isinstance(item, GopRecord)][point.gop :]
        with writer:
            after = items[kept[0] :] if kept else ()
            heard = [item for item in after if isinstance(item, AudioRecord)]
            assert all(point.audio_pts is None or item.packets[0].pts > point.audio_pts for item in heard)
            cases.append(writer, tuple(item for item in after if item in heard or isinstance(item, GopRecord)))
            writer.finish()
        assert gops(read(path)) == gops(list(items))
        path.unlink()


def test_resume_goes_back_to_where_a_chain_starts(path: Path) -> None:
    header, items = cases.FILMS["full"]
    for count, expected in ((1, (0, 0, None)), (3, (0, 0, None)), (5, (2, 7, 2048 + 1024 - 1)), (6, (2, 7, 3071))):
        with BitstreamWriter(path, header) as writer:
            cases.append(writer, items[:count])
        writer, point = BitstreamWriter.resume(path, header)
        writer.close()
        assert point == ResumePoint(*expected)


def test_resume_keeps_every_gop_that_needs_no_other(path: Path) -> None:
    header, items = cases.FILMS["plain"]
    with BitstreamWriter(path, header) as writer:
        cases.append(writer, items[:2])
        writer.finish(complete=False)
    with BitstreamReader(path) as reader:
        assert reader.end is not None
        assert not reader.end.complete
    writer, point = BitstreamWriter.resume(path, header)
    assert point == ResumePoint(2, 92, None)
    assert not path.exists()
    with writer:
        cases.append(writer, items[2:])
        writer.finish()
    assert path.read_bytes() == cases.write(path.with_name("whole.fgvc"), (header, items))


def test_resume_refuses_what_it_can_not_go_on_with(path: Path) -> None:
    header, items = cases.FILMS["plain"]
    with pytest.raises(OutputError, match="no unfinished"):
        BitstreamWriter.resume(path, header)
    cases.write(path, (header, items))
    with pytest.raises(OutputError, match="is complete"):
        BitstreamWriter.resume(path, header)
    BitstreamWriter(path, header).close()
    other = dataclasses.replace(header, seed=8, frame_rate=Fraction(25))
    with pytest.raises(SettingsError, match="another seed, frame rate;"):
        BitstreamWriter.resume(path, other)
    odd = dataclasses.replace(header, target=Target("dists", 0.1))
    BitstreamWriter(path, odd).close()
    BitstreamWriter.resume(path, odd)[0].close()


def test_a_place_that_can_not_be_written_is_named(path: Path) -> None:
    with pytest.raises(OutputError, match=r"film\.fgvc can't be written: .*; choose"):
        BitstreamWriter(path / "film.fgvc", cases.PLAIN)


@skips.linux_disk
def test_a_full_disk_is_named(path: Path) -> None:
    part_path(path).symlink_to("/dev/full")
    with pytest.raises(OutputError, match="the disk is full; free some space"):
        BitstreamWriter(path, cases.PLAIN)


@skips.posix
def test_a_record_that_does_not_fit_leaves_no_half_of_itself(path: Path) -> None:
    import resource

    header, items = cases.FILMS["plain"]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with BitstreamWriter(path, header) as writer:
        cases.append(writer, items[:1])
        size = part_path(path).stat().st_size
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20, hard))
            with pytest.raises(OutputError, match="can't be written"):
                cases.append(writer, items[1:])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert part_path(path).stat().st_size == size
        cases.append(writer, items[1:])
        writer.finish()
    assert path.read_bytes() == cases.write(path.with_name("whole.fgvc"), (header, items))
